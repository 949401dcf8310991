/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One meter as its line sees it: what is wanted from it, which reads fetch that, and how it has
 * been answering.  Belongs to the thread of its line; only `kind` is shared.
 */
#ifndef HOST_ANALYZER_H
#define HOST_ANALYZER_H

#include <pthread.h>
#include <regex.h>
#include <stdatomic.h>

#include "base/blame.h"
#include "base/buf.h"
#include "base/histogram.h"
#include "base/model.h"
#include "host/loader.h"
#include "host/planner.h"
#include "host/schedule.h"

/* A model as the lines of a host share it, with what was learned about its meters. */
struct kind {
	struct model *model;
	char *text;	  /* what the model was read from; the main thread's */
	atomic_uint refs; /* the host's while it is the newest of its name, and its analyzers' */
	pthread_mutex_t lock;	 /* guards `forbidden` */
	struct ranges forbidden; /* the model's own and the learned ones */
	atomic_uint generation;	 /* rises with each range learned */
};
/* Takes the model and its text; one reference.  NULL: no memory. */
struct kind *kind_new(struct model *model, char *text);
struct kind *kind_ref(struct kind *k);
void kind_unref(struct kind *k); /* NULL is fine */
/* 0: it is new; 1: it was known; -ENOSPC. */
int kind_forbid(struct kind *k, struct model_range range);

/* How a meter of which model identifies itself: of all models that the core knows. */
struct pattern {
	char *model;
	regex_t regex;
};
struct patterns { /* never changed: another set is another object */
	atomic_uint refs;
	struct pattern *list;
	size_t n;
};
struct patterns *patterns_ref(struct patterns *p);
void patterns_unref(struct patterns *p); /* NULL is fine */

enum analyzer_state { ANALYZER_CONNECTING, ANALYZER_ONLINE, ANALYZER_OFFLINE, ANALYZER_FAILED };
enum verified { VERIFIED_NO, VERIFIED_YES, VERIFIED_OTHER, VERIFIED_CHANGED };

struct wanted { /* a variable that is asked of this analyzer */
	const struct tesla_variable *variable;
	int interval; /* its number in the schedule */
	size_t first; /* of its elements in `elements` */
};

#define SMOOTH 0.125 /* weight of a new observation */

/* What the core adds up: increments since the analyzer's last sweep. */
struct counts {
	unsigned timeouts, garbled, exceptions, transactions;
	int64_t bus_us;
	struct histogram took; /* of answered requests: until the last byte of the reply */
};

struct counter_state { /* of a counter's element; NAN: none yet */
	double accepted, candidate;
	int64_t accepted_us, candidate_us; /* when they were read, monotonic */
};

struct analyzer {
	int64_t id;
	unsigned address;
	struct kind *kind;
	size_t driver;	 /* which of its line's */
	struct buf told; /* what the core said of it but for identity and held: the same again? */
	char **texts;	 /* what data_conf points to, NULL-terminated */
	bool held;	 /* not polled until it is released; asked it may be */

	struct loader *data;
	void *data_conf, *data_self;
	char *data_name;
	pthread_mutex_t *data_serial; /* host/call.h */

	struct wanted *wanted;
	size_t n_wanted;
	struct tesla_element *elements; /* of all wanted variables, one after the other */
	struct counter_state *counters; /* beside them */
	size_t n_elements;

	const struct tesla_block *blocks; /* the data plugin's */
	size_t n_blocks;
	struct tesla_reply *replies; /* one per block; those of TESLA_BLOCK_CONNECT are kept */
	struct buf *bytes;	     /* of the replies */
	int16_t *exponents;	     /* by scale of the model: host/scales.h */

	struct schedule schedule;
	struct plan *plans[1u << INTERVALS_MAX]; /* by what is due; made when first needed */
	struct plan *connect_plan;		 /* the TESLA_BLOCK_CONNECT blocks */
	unsigned plan_generation;		 /* of kind, when the plans were made */
	bool plans_stale;			 /* a limit was learned since */
	uint8_t plan_age[1u << INTERVALS_MAX];	 /* uses since a cheaper one was looked for */

	double turnaround_us; /* smoothed; what is not characters on the wire */
	bool turnaround_measured;
	double measured_us,
		told_us; /* smoothed time of a sweep, and what the core was told; 0: none yet */
	unsigned tell_in,
		tell_every;	/* sweeps until it is told again, if it moved: 1, 2, 4 ... 64 */
	uint32_t max_registers; /* the least of driver, model and what was learned */

	enum analyzer_state state;
	bool connect_needed, identify_needed;
	unsigned unanswered;	/* requests in a row: timed out, or the connection broke */
	unsigned failed_in_row; /* sweeps with an error: answered, but not well */
	struct counts owed;	/* of probes and idle reads: they go with the next sweep */
	int64_t probe_at_us, backoff_ms;
	int64_t scales_at_us, scales_from_ms; /* next read in idle time; last time they were read */
	bool scales_changed;		      /* the next sweep is in doubt */
	char *identity;			      /* last known; NULL: none */
	enum verified verified;
	char *heard;  /* who it said it is, in the last enquiry; NULL: nothing */
	char **said;  /* texts of the model, then SunSpec's serial number; NULL: not known */
	int32_t base; /* SunSpec: where the model is; -1: not found */
};

void analyzer_free(struct analyzer *a); /* NULL is fine */
void texts_free(char **texts);		/* NULL-terminated; NULL is fine */
/* Closes the data plugin, as analyzer_open opened it.  Fine when it is not open. */
void analyzer_close(struct analyzer *a, struct blame_slot *slot, int64_t line);
/*
 * Opens the data plugin and asks for its blocks.  Everything above `blocks` must be set.
 * Negative: *err says why; the analyzer is out.
 */
int analyzer_open(struct analyzer *a, struct blame_slot *slot, int64_t line,
		  struct tesla_error *err);
/*
 * The plan for what is due (a bit per interval of the schedule).  Made when there is none or when
 * ranges were learned; replaced only by one that is 5% cheaper.  Borrowed: valid until the next
 * call.
 */
int analyzer_plan(struct analyzer *a, unsigned due, const struct plan_cost *cost, struct plan **ret,
		  struct tesla_error *err);
int analyzer_connect_plan(struct analyzer *a, const struct plan_cost *cost, struct plan **ret,
			  struct tesla_error *err);
/* The block that is cheapest to ask for: what a probe reads.  NULL: there are no blocks. */
const struct tesla_block *analyzer_cheapest(const struct analyzer *a);
/* The meter takes no longer reads.  False: that was known. */
bool analyzer_limit(struct analyzer *a, uint32_t max_registers);
/* Smooths the turnaround by an observation. */
void analyzer_observe(struct analyzer *a, double turnaround_us);
/*
 * What the meter says it is: sets identity and verified.  True: say it loudly (*note is the
 * sentence).
 */
bool analyzer_identified(struct analyzer *a, const char *text, const struct patterns *patterns,
			 struct tesla_error *note);
const char *analyzer_state_name(enum analyzer_state s);
const char *verified_name(enum verified v);

#endif
