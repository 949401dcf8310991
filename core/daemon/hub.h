/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the core knows of its lines and analyzers: states, counters, plans and last values.
 * Numbers what comes and hands it on in batches to whoever takes sweeps live.  Lives on the loop's
 * thread; knows no process and no socket.
 */
#ifndef DAEMON_HUB_H
#define DAEMON_HUB_H

#include "base/frame.h"
#include "base/histogram.h"
#include "base/log.h"
#include "daemon/config.h"

#define HUB_NOBODY SIZE_MAX

/* The order is that of hub_state_name(). */
enum hub_state { HUB_DOWN, HUB_CONNECTING, HUB_ONLINE, HUB_OFFLINE, HUB_FAILED, HUB_N_STATES };
enum hub_line_state {
	HUB_LINE_DOWN,
	HUB_LINE_CLOSED,
	HUB_LINE_OPEN,
	HUB_LINE_FAILED,
	HUB_LINE_N_STATES
};
enum hub_verified { HUB_NOT_VERIFIED, HUB_VERIFIED, HUB_OTHER, HUB_CHANGED, HUB_N_VERIFIED };

/* Whether it is polled; the order is that of hub_run_name(). */
enum hub_run { HUB_STARTED, HUB_PAUSED, HUB_STOPPED, HUB_N_RUNS };

struct hub_step {
	int64_t function, address, count, blocks;
	char *command;
}; /* one transaction */
struct hub_plan {
	int64_t predicted_us, measured_us; /* measured: -1 until it was */
	bool known, assumed;		   /* assumed: the turnaround was not measured yet */
	struct hub_step *steps;
	size_t n_steps;
};

struct hub_last { /* of one variable; elements without a value hold NAN */
	struct tesla_element *elements;
	size_t n_elements;
	int64_t t_us, dt_us;
	uint64_t n, k; /* k: messages of this topic so far; 0: nothing came yet */
	char *error;
};

struct hub_analyzer {
	const struct conf_analyzer *conf;
	struct hub_line *line;
	size_t owner; /* the host that may speak for it */
	enum hub_run run;
	bool hushed; /* the host does not have its line yet as it is: what it says is of before */
	/* Another line of the host, which may have it still: until then it waits; 0: none. */
	int64_t was_line;
	uint64_t told;	       /* the first message of its line that has it as it is; 0: none yet */
	size_t first_variable; /* index of its first variable among those of all analyzers */
	struct hub_last *last; /* one per conf->variables */
	enum hub_state state;
	enum hub_verified verified;
	char *reason, *identity, *note;
	char **said; /* of itself, as model_text_label() names it; NULL: not known */
	/* Powers of ten in the meter now, one per scale of the model; INT16_MIN: not known. */
	int16_t *exponents;
	uint64_t n, status_k, record_k; /* last numbers given */
	uint64_t asked_n; /* of the last sweep that was asked for; 0: none since `run` changed */
	uint64_t sweeps, failed, missed, timeouts, garbled, exceptions;
	int64_t t_us;	     /* of the last sweep; 0: none yet */
	int64_t answered_us; /* of the last one in which the meter answered; 0: none yet */
	char *error;	     /* of the last sweep that had one; NULL: none had */
	struct hub_plan plan;
};

struct hub_line_totals { /* since the core's start */
	uint64_t busy_us, timeouts, garbled, exceptions;
	struct histogram took; /* of transactions that were answered */
	struct histogram late; /* of sweeps: from the deadline to the start */
};

struct hub_line {
	const struct conf_line *conf;
	size_t owner;
	enum hub_line_state state;
	char *reason;
	double share;	 /* planned; -1: no share can be told */
	double busy;	 /* measured, smoothed over about 10 s */
	int64_t busy_us; /* since the last heartbeat */
	uint64_t transactions;
	struct hub_line_totals totals;
	bool planned;
	bool traced; /* its host is to show what goes over it */
};

struct hub_forbidden {
	const struct model *model;
	int64_t function, first, last;
};

struct hub_ghost { /* last numbers of a topic that is gone */
	int64_t analyzer;
	char *variable;			/* "": of the analyzer itself */
	uint64_t n, status_k, record_k; /* n: sweeps, or `k` of the variable */
};

struct hub_sink {	   /* somebody who takes items as they come */
	const bool *wants; /* by analyzer; NULL: all */
	/* One frame of n items; `frame` is the hub's and is emptied after the call. */
	void (*send)(void *arg, const struct buf *frame, size_t n);
	void *arg;
	struct buf items;
	size_t n_items;
	uint64_t dropped; /* items that did not fit, or for which there was no memory */
};

struct hub {
	const struct config *config;
	const struct log *log;
	int64_t epoch_ms;		/* when this core started */
	struct hub_analyzer *analyzers; /* in the order of config */
	struct hub_line *lines;
	size_t n_analyzers, n_lines, n_variables;
	struct hub_analyzer **by_id;
	struct hub_forbidden *forbidden; /* learned */
	size_t n_forbidden;
	struct hub_ghost *ghosts; /* hub_adopt.h */
	size_t n_ghosts;
	struct hub_sink *sinks;
	size_t n_sinks;
	uint64_t heartbeats;
	/* Told of each sweep, with the new last values, once it is published; NULL: nobody is. */
	void (*on_readings)(void *arg, struct hub_analyzer *a, const size_t *which, size_t n);
	void *on_readings_arg;
	struct buf item, frame; /* scratch */
};

/* Both stay the caller's and must outlive the hub.  NULL: no memory. */
struct hub *hub_new(const struct config *config, const struct log *log, int64_t epoch_ms);
void hub_free(struct hub *h);
/* NULL: there is none of that id. */
struct hub_analyzer *hub_analyzer(const struct hub *h, int64_t id);
struct hub_line *hub_line(const struct hub *h, int64_t id);
/* -ENOMEM.  `wants` stays the caller's. */
int hub_add_sink(struct hub *h, const bool *wants, void (*send)(void *, const struct buf *, size_t),
		 void *arg);

/*
 * A change of state is logged at `level` and published; the same state again only takes the
 * reason.
 */
void hub_set_state(struct hub *h, struct hub_analyzer *a, enum hub_state state, const char *reason,
		   int level);
/* Whether it is polled: logged and published, and its last values are stale meanwhile. */
void hub_set_run(struct hub *h, struct hub_analyzer *a, enum hub_run run);
/* Says and publishes a remark on an analyzer that changes no state. */
void hub_note(struct hub *h, struct hub_analyzer *a, const char *note);
void hub_set_line_state(struct hub *h, struct hub_line *l, enum hub_line_state state,
			const char *reason);
/* Learned: registers that must not be inside a read.  Known ones are not added twice. */
int hub_forbid(struct hub *h, const struct hub_forbidden *f);

/*
 * A sweep was taken in: the last values of the `n` variables in `which` are new.  Numbers and
 * publishes them; `a->n` is the sweep's number already.
 */
void hub_publish(struct hub *h, struct hub_analyzer *a, const size_t *which, size_t n,
		 const char *error, int64_t t_us, int64_t dt_us);
/* Publishes a record: `bytes` as in base/record.h. */
void hub_record(struct hub *h, struct hub_analyzer *a, int64_t end_ms, const struct buf *bytes);
/* Once a second: beats, and smooths what is measured over elapsed_us. */
void hub_heartbeat(struct hub *h, int64_t wall_us, int64_t elapsed_us);
/* Hands every sink what was gathered since the last flush, as one frame. */
void hub_flush(struct hub *h);

/* A sweep that somebody asked for was taken in last. */
void hub_was_asked(struct hub_analyzer *a);
/* What is known of a variable is of before: it is not polled now, nor was it read since. */
bool hub_is_stale(const struct hub_analyzer *a, const struct hub_last *last);
const char *hub_state_name(enum hub_state s);
const char *hub_line_state_name(enum hub_line_state s);
const char *hub_run_name(enum hub_run r);
const char *hub_verified_name(enum hub_verified v);
const char *hub_line_kind_name(enum tesla_line_kind kind);
void hub_plan_release(struct hub_plan *p);
/* An array of its elements' values; nil where there is none. */
void hub_pack_values(msgpack_packer *pk, const struct hub_last *last);

/* Sets an owned text, without an allocation when it is the same.  NULL is none. */
void text_set(char **at, const char *text);

#endif
