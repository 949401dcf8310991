/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the journal's records reach one exporter: which are sent next, what its verdicts mean, and
 * when it is tried again.  Pure: no process, no journal, no clock of its own; the caller carries
 * out what it says.  One batch is under way at a time.
 *
 * What was not got to comes again at once, as long as something gets done.  A record that is to
 * come later while those behind it pass is left behind: it waits with a back-off of its own, and so
 * do the later ones of its analyzer, whose order is kept; it holds up no others.  When nothing gets
 * done at all, nothing is sent until a back-off is over; then it goes on with other analyzers', if
 * there are such, else and the next time with the oldest.
 *
 * When the plugin itself ends its host twice in a row, records go one by one, until it is known
 * which one it dies of; that one is left behind too.
 *
 * What is known of an exporter's records is kept while the journal cannot be used.
 */
#ifndef DAEMON_DELIVERY_H
#define DAEMON_DELIVERY_H

#include "daemon/journal.h"

#define DELIVERY_BATCH_MAX 1000u
#define DELIVERY_HELD_MAX 256u /* analyzers; with more, nothing passes what was left behind */
#define DELIVERY_BYTES_MAX (512u << 10)
#define DELIVERY_BACKOFF_LEAST_MS 100 /* whatever the jitter says */
#define DELIVERY_BACKOFF_MIN_MS 1000
#define DELIVERY_BACKOFF_MAX_MS 300000
#define DELIVERY_RETRY_MAX_MS (24 * 3600 * 1000LL) /* of what the far end asks for */
#define DELIVERY_PAUSE_MS (15 * 60 * 1000)	   /* refused: tried with one record after that */
#define DELIVERY_REJECTS_MS 600000		   /* told of at most so often */
#define DELIVERY_WELL_MS 60000 /* without a failure: it goes well again, backlog or not */

enum delivery_state {
	DELIVERY_DOWN,	  /* its host does not run */
	DELIVERY_IDLE,	  /* nothing waits */
	DELIVERY_TAKING,  /* a batch is being read from the journal */
	DELIVERY_SENDING, /* the host has it */
	DELIVERY_WAITING, /* until until_ms */
	DELIVERY_PAUSED,  /* refused by the far end: until until_ms, or told to go on */
	DELIVERY_PARKED,  /* the journal cannot be used now */
};
const char *delivery_state_name(enum delivery_state s);

enum delivery_news { /* what a log should say: once each time, never per try */
		     DELIVERY_NO_NEWS,
		     DELIVERY_WRONG,   /* it goes wrong: `reason` */
		     DELIVERY_REFUSED, /* it is paused: `reason` */
		     DELIVERY_WELL,    /* it goes well again: `since` were delivered meanwhile */
		     DELIVERY_REJECTS, /* `told_rejects` were refused for good: `rejected` */
};

struct delivery {
	enum delivery_state state;
	uint32_t batch;		    /* records at once, of the configuration */
	double rate;		    /* records a second at most; 0: no bound */
	uint64_t waiting, next_seq; /* what the journal has for it; the next record's number */
	uint64_t turn;		    /* number of the batch under way, as on the wire */
	int64_t until_ms;	    /* waiting, paused: so long */
	int64_t retry_at_ms;	    /* nothing is sent before */
	unsigned failures;	    /* in a row: nothing got done */
	bool refused;		    /* the last answer was a refusal */
	bool no_journal;	    /* it cannot be used now */
	/* what was left behind */
	bool left;
	bool full;	/* of more analyzers than can be held */
	bool beside;	/* nothing got done: the next try is with other analyzers' */
	uint64_t from;	/* with `left`: the next take begins here; all before it is held */
	uint64_t tried; /* below it all were tried while later ones passed */
	int64_t again_at_ms;
	unsigned again;			 /* times in a row that nothing of it got done */
	int64_t held[DELIVERY_HELD_MAX]; /* analyzers of which one was left behind */
	size_t n_held;
	/* what it dies of */
	unsigned deaths;   /* in a row */
	uint64_t suspect;  /* it is among those up to this one; 0: nobody is */
	uint64_t killer;   /* this one; 0: none is known */
	int64_t killer_of; /* its analyzer */
	/* what is told */
	char reason[244]; /* of the last failure; "": it goes well */
	enum delivery_news told;
	int64_t failed_ms;
	uint64_t since;
	char rejected[244]; /* why the last one was refused for good; "": some went well after it */
	uint64_t rejects, told_rejects; /* not told of yet; that were told of last */
	int64_t rejects_ms;		/* told of then; 0: never */
	double smoothed;		/* records a second, delivered */
	int64_t smoothed_ms;
	double tokens; /* for `rate` */
	int64_t tokens_ms;
	uint64_t random; /* state of the jitter */
	/* the batch under way */
	uint64_t asked, seqs[DELIVERY_BATCH_MAX];
	int64_t analyzers[DELIVERY_BATCH_MAX];
	size_t n;
};

/* `seed` is for the jitter. */
void delivery_init(struct delivery *d, uint32_t batch, double rate, uint64_t seed);
/* The configuration says otherwise now. */
void delivery_pace(struct delivery *d, uint32_t batch, double rate);

/* Its host takes batches, or no longer: what was under way comes again. */
void delivery_host(struct delivery *d, bool up);
/* Its host is gone, by the plugin's doing: it crashed, or hung. */
void delivery_died(struct delivery *d, int64_t now_ms);
/* After each commit: so many wait for it, and the journal's next record will be next_seq. */
void delivery_changed(struct delivery *d, uint64_t waiting, uint64_t next_seq);
/* Whether the journal can be used; while it cannot, nothing is taken. */
void delivery_journal(struct delivery *d, bool usable);
/* Somebody asks for it: nothing is waited for any longer. */
void delivery_drain(struct delivery *d);
/* What went wrong so far says nothing of what comes: likewise, and back-offs begin anew. */
void delivery_anew(struct delivery *d);

struct delivery_step {
	enum { DELIVERY_NOTHING, DELIVERY_TAKE, DELIVERY_WAIT } what;
	/* TAKE: so many from here, without those of the n_held; then delivery_took or _failed */
	uint64_t from;
	size_t max;
	int64_t until_ms; /* WAIT: ask again then, at the latest */
};
/* What is to be done now. */
struct delivery_step delivery_step(struct delivery *d, int64_t now_ms);
/*
 * The batch that was taken is with the host, as d->turn; with n 0 there was none up to `next`,
 * where the journal stopped looking.
 */
void delivery_took(struct delivery *d, const struct journal_taken *taken, size_t n, uint64_t next,
		   int64_t now_ms);
/* It could not be taken, or not be sent. */
void delivery_failed(struct delivery *d, const char *why, int64_t now_ms);

struct delivery_verdict { /* one per record of the batch, in its order */
	enum tesla_delivery delivery;
	int64_t retry_ms;
	const char *reason; /* NULL: none was given */
};
/* The caller settles those that are DONE and REJECT.  `error`: of the call as a whole, or NULL. */
void delivery_verdicts(struct delivery *d, const struct delivery_verdict *v, const char *error,
		       int64_t now_ms);

/* To be asked after each of the above, until there is none. */
enum delivery_news delivery_news(struct delivery *d, int64_t now_ms);
/* The last try failed, or something that was left behind does each time. */
bool delivery_is_failing(const struct delivery *d);
/* What goes wrong with it, or did last; NULL: it goes well. */
const char *delivery_reason(const struct delivery *d);
/* When it is tried again; 0: it waits for nothing. */
int64_t delivery_retry_at(const struct delivery *d);
/* Delivered records a second over the last ten or so. */
double delivery_rate(const struct delivery *d, int64_t now_ms);

#endif
