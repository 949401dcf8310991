/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens on a line, one thing at a time: a state machine that is asked "what next?" and told
 * what came of it.  It does no I/O and reads no clock, so that a thread per line (run_thread.c)
 * and an event loop for many (run_event.c) share it, and tests run it in no time.
 */
#ifndef HOST_LINE_H
#define HOST_LINE_H

#include "base/line_params.h"
#include "host/analyzer.h"
#include "host/enquiry.h"
#include "host/report.h"

struct line_driver { /* a driver that the line's analyzers name */
	struct loader *plugin;
	char *name;
	void *conf, *self;	 /* self: only while the line is open */
	pthread_mutex_t *serial; /* host/call.h */
};

enum line_state { LINE_CLOSED, LINE_OPEN, LINE_FAILED };

/* What the core asks of an analyzer now; answered once, whatever becomes of it. */
enum ask_what { ASK_READ, ASK_IDENTIFY, ASK_ACCEPT, ASK_HOLD, ASK_RELEASE, ASK_LOOK };

#define LOOK_COMMAND_MAX 32
#define LOOK_TIMEOUT_MAX_MS 10000
#define LOOK_ADDRESSES 256u

/* One transaction in the line's idle time, whoever is at that address: ASK_LOOK. */
struct look {
	unsigned address;
	bool who; /* the driver's identify; else `what` */
	struct tesla_block what;
	char command[LOOK_COMMAND_MAX]; /* "": what.command is NULL */
	int64_t timeout_ms;		/* 0: the line's */
};

struct ask {
	int64_t i, analyzer; /* of a look: whose driver is to ask */
	enum ask_what what;
	struct look look;
	atomic_uint *open; /* of the runner's: one less when it is answered */
	struct ask *next;
};

/* What is looked for on a line, and was. */
struct looks {
	struct ask *first;   /* still to be done, oldest first: they wait until the line is idle */
	int64_t share_at_us; /* then the first has its share of the time, idle or not */
	int64_t ended_us;    /* the last one that was made */
	uint8_t heard[LOOK_ADDRESSES / 8]; /* by address: somebody answered */
};

/*
 * What is under way: a sweep (which begins with a connect, if that is needed), a probe, the
 * scales, an identification that was asked for, a look.
 */
enum job_kind { JOB_NONE, JOB_SWEEP, JOB_PROBE, JOB_SCALES, JOB_IDENTIFY, JOB_LOOK };
enum job_phase { PHASE_IDENTIFY, PHASE_CONNECT, PHASE_READ };

struct job {
	enum job_kind kind;
	enum job_phase phase;
	struct analyzer *a;
	struct ask *ask; /* that it is the answer to; NULL: none */
	struct enquiry enquiry;
	struct plan *plan; /* borrowed from the analyzer */
	size_t step;	   /* of the plan */
	bool retried;	   /* this step, after a wrong checksum */
	bool answered;	   /* something good came */
	bool learned;	   /* ranges: the plans are made anew at the end */
	int64_t deadline_ms;
	bool timed;	 /* it had a deadline: it was not to be at once */
	int64_t late_us; /* from there to its start */
	unsigned due, missed;
	struct counts counts;
	int64_t first_sent_us,
		last_received_us; /* of the reads: what the readings' time is made of */
	unsigned reads;		  /* answered ones */
	int64_t read_us;	  /* the line's time for the reads alone, without the connect */
	struct tesla_error error; /* the first one; code 0: none */
};

struct line {
	int64_t id;
	struct tesla_line pub; /* what drivers see */
	char *name;	       /* pub.name */
	struct line_params params;
	char **texts;	 /* what params and the drivers' conf point to, NULL-terminated */
	struct buf told; /* what the core said of the connection: the same again? */
	int64_t change;	 /* the core's number of its last message about this line */

	struct line_driver *drivers;
	size_t n_drivers;
	struct analyzer **analyzers; /* in the order of the configuration */
	size_t n_analyzers;
	struct ask *asks; /* still to be done, oldest first */
	struct looks looks;
	bool ending;	     /* no further transaction: to be drained and closed */
	struct line *before; /* what it was in another thread: to be taken over by line_change */

	enum line_state state;
	int64_t open_at_us, open_backoff_ms;
	int64_t drain_until_us;
	struct job job;
	bool probed_last;  /* the last job was a probe: a sweep that waits goes first */
	int64_t offset_us; /* wall minus monotonic clock, when deadlines were last mapped */
	unsigned random;   /* for jitter */

	struct patterns *patterns; /* NULL: none */
	struct gather *gather;	   /* of the thread that runs the line */
	struct blame_slot *slot;
	bool traced;	     /* somebody looks at what goes over it: host/trace.h */
	unsigned trace_lost; /* frames that found no room, and were not told of yet */
};

enum act { ACT_WAIT, ACT_OPEN, ACT_DRAIN, ACT_IDENTIFY, ACT_READ, ACT_END };

struct action {
	enum act act;
	int64_t until_us; /* ACT_WAIT, ACT_DRAIN: monotonic */
	struct analyzer *a;
	unsigned address; /* that is asked; of a look, another one than the analyzer's perhaps */
	struct line_driver *driver;
	struct tesla_block what; /* ACT_READ */
	int64_t timeout_ms;
};

/* Times in characters, the measured turnaround: what a transaction with this analyzer costs. */
struct plan_cost line_cost(const struct line *l, const struct analyzer *a);
int64_t line_late_max_ms(const struct line *l, const struct analyzer *a);

/* What to do now.  `mono_us` and `wall_us` are the same instant. */
struct action line_next(struct line *l, int64_t mono_us, int64_t wall_us);
/* ACT_OPEN: done (l->pub.fd is set, the drivers are open), or not. */
void line_opened(struct line *l, int64_t mono_us);
void line_open_failed(struct line *l, int64_t mono_us, const char *why);
/*
 * The line broke, or the far end hung up while nothing was asked: open it anew.  What was under
 * way fails.
 */
void line_hung_up(struct line *l, const char *why, int64_t mono_us, int64_t wall_us);
/* ACT_IDENTIFY, ACT_READ: what came.  `err` says why when reply->status is not TESLA_REPLY_OK. */
void line_done(struct line *l, const struct tesla_reply *reply, const struct tesla_error *err,
	       int64_t mono_us, int64_t wall_us);

/* ---- changes: between two transactions only ---- */

/* Is the connection the same, to stay open? */
bool line_same(const struct line *a, const struct line *b);
/*
 * From now on the line is as `fresh` says.  Returns the line that goes on: `l` when the connection
 * is the same, else `fresh`, and *rest is the other, with the analyzers that are no more: to be
 * closed and freed.  An analyzer that did not change is moved, with all its state; others are yet
 * to be opened (they have no replies).
 */
struct line *line_change(struct line *l, struct line *fresh, int64_t mono_us, struct line **rest);
/* It is drained and then ACT_END comes, for good. */
void line_end(struct line *l);
/* The ask is the line's. */
void line_ask(struct line *l, struct ask *ask, int64_t mono_us);
/* Who asks for what needs the meter (once the line is ending: for anything) is told why not. */
void line_asks_fail(struct line *l, const char *why);
/* Its plugins are closed, its descriptor too.  NULL is fine. */
void line_free(struct line *l);

/* docs/wire.md: `plan`, `state`, `scales`, `line-state`. */
void line_report_plan(struct line *l);
void line_report_state(const struct line *l, const struct analyzer *a, const char *reason,
		       const char *note, int64_t from_ms, int64_t to_ms);
/* What the meter said of itself, if there is such a thing. */
void line_report_texts(const struct line *l, const struct analyzer *a);
void line_report_scales(const struct line *l, const struct analyzer *a);
void line_report_answer(const struct line *l, struct ask *ask, const char *error); /* frees it */
/* What came of a look; frees it. */
void line_report_look(const struct line *l, struct ask *ask, const struct tesla_reply *reply,
		      const struct tesla_error *err);
void line_report_line(struct line *l, const char *reason);

#endif
