/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of each node now: whether it is there, the state of its analyzers, and the last
 * reading of each variable.  Pure, one thread; `now_ms` is monotonic.  Which nodes and analyzers
 * there may be is the caller's to say (the registry); the number of readings is bounded here.
 */
#ifndef CENTRAL_LIVE_H
#define CENTRAL_LIVE_H

#include <stdbool.h>
#include <tesla/client.h>

#define LIVE_SILENT_MS 3000	/* a node of which nothing came for so long is gone */
#define LIVE_VARIABLES_MAX 500u /* of an analyzer */
#define LIVE_MISSED 3		/* so many readings that did not come make the last one stale */

enum live_presence { LIVE_UNKNOWN, LIVE_UP, LIVE_DOWN };
extern const char *const live_presence_names[]; /* "unknown", "up", "down" */

/* How many events there may be of one thing: so many at once, then one in a time. */
struct live_brake {
	int64_t busy_until_ms;
	uint64_t left_out; /* since the last that was let through */
};

struct live_value {
	struct tesla_client_reading reading; /* `labels` are those that were said last */
	void *block;			     /* has all of it */
	int64_t seen_ms;
	int64_t pace_ms; /* between it and the one before; 0: not known */
};

struct live_analyzer {
	int64_t addr;
	char *state, *reason; /* NULL: not said yet; it has none */
	int64_t state_t_ms;   /* UTC: since when */
	bool offline;	      /* it was said to be, and not yet to be back */
	struct live_brake brake;
	struct live_value *values; /* by name */
	size_t n_values;
};

struct live_node {
	char *id;
	enum live_presence presence;
	int64_t since_ms; /* UTC: of the presence */
	int64_t epoch_ms; /* of its teslad; 0: not known */
	char *reason;	  /* why it is down; or NULL */
	struct live_brake brake;
	/* What the presence is made of. */
	bool follows, followed_down;	  /* its stream is up; it was said to be down */
	int64_t posted_ms;		  /* the last that it sent itself; 0: nothing */
	bool stranger;			  /* another node answers there; said once */
	struct live_analyzer **analyzers; /* by addr */
	size_t n_analyzers;
};

struct live;
struct live *live_new(size_t readings_max); /* NULL: no memory */
void live_free(struct live *l);

size_t live_n_nodes(const struct live *l);
const struct live_node *live_node_at(const struct live *l, size_t i); /* in order of their ids */
/* NULL: nothing is known of it. */
struct live_node *live_find(const struct live *l, const char *node);
/* A new one where there is none; NULL: no memory. */
struct live_node *live_node(struct live *l, const char *node);
void live_forget(struct live *l, const char *node);
void live_forget_analyzer(struct live *l, struct live_node *n, int64_t addr);

/* ---- whether it is there ---- */

enum live_turn { LIVE_SAME, LIVE_CAME /* for the first time */, LIVE_GONE, LIVE_BACK };

/* `reason`, of one that is down, may be NULL. */
void live_followed(struct live_node *n, bool up, const char *reason);
void live_not_followed(struct live_node *n); /* any more */
void live_posted(struct live_node *n, int64_t now_ms);
/* After each of these, and as time goes by: what became of it. */
enum live_turn live_judge(struct live_node *n, int64_t now_ms, int64_t utc_ms);
/* True: another daemon than before runs there. */
bool live_epoch(struct live_node *n, int64_t epoch_ms);
/* True: one more event may be said; *left_out is how many were not. */
bool live_brake(struct live_brake *b, int64_t now_ms, uint64_t *left_out);

/* ---- what comes from it ---- */

enum live_outcome { LIVE_NEW, LIVE_OLD, LIVE_FULL, LIVE_NO_MEMORY };
/* Copied.  LIVE_OLD: it, or a later one of its epoch, is there. */
enum live_outcome live_put(struct live *l, struct live_node *n,
			   const struct tesla_client_reading *r, int64_t now_ms);
/* True: it is another one than before, and not one from before. */
bool live_state(struct live_node *n, int64_t addr, const char *state, const char *reason,
		int64_t t_ms);
struct live_analyzer *live_analyzer(const struct live_node *n, int64_t addr); /* NULL: none */
const struct live_value *live_value(const struct live_analyzer *a, const char *variable);
/* It must not be taken for what is measured now. */
bool live_is_stale(const struct live_node *n, const struct live_analyzer *a,
		   const struct live_value *v, int64_t now_ms);

size_t live_count(const struct live *l);     /* readings */
uint64_t live_refused(const struct live *l); /* by the bounds, or for want of memory */

#endif
