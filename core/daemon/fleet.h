/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All hosts: started, started again, put into quarantine, fed and stopped.  One slot for each that
 * there should be; the number of one with lines is the owner in the hub.  On the loop's thread.
 */
#ifndef DAEMON_FLEET_H
#define DAEMON_FLEET_H

#include <uv.h>

#include "daemon/confinement.h"
#include "daemon/durable.h"
#include "daemon/host.h"
#include "daemon/recorder.h"
#include "daemon/setup.h"
#include "daemon/supervise.h"

enum slot_state { SLOT_STOPPED, SLOT_STARTING, SLOT_RUNNING, SLOT_WAITING };
const char *slot_state_name(enum slot_state s);

struct slot {
	struct fleet *fleet;
	size_t owner; /* its number, which no other ever has */
	enum slot_state state;
	struct host *host; /* NULL: none is running */
	uv_timer_t timer;  /* until the next start */
	struct restart restart;
	unsigned restarts;
	char *reason;			/* why the last one ended; NULL: none has */
	struct confinement confinement; /* what its host may touch, for as long as it lives */
	bool quarantine;
	bool again; /* its host is ended to be started anew, at once */
	bool gone;  /* there is nothing for it any more: it ends with its host */
	bool after; /* it begins once a slot that is gone, of the same exporter, has ended */
	struct attic *attic; /* gone: what it was made from */
	/* a slot of lines */
	struct told told;
	char *key;	     /* of place.h: which lines may be here */
	bool network;	     /* neither is a serial one */
	bool fresh;	     /* made for a change that is not in force yet: it gets no line */
	int64_t log_from_us; /* its messages are limited: so many since then */
	unsigned logged;
	/* a slot of an exporter */
	const struct plugin *exporter;	  /* NULL: a slot of lines */
	const struct conf_exporter *conf; /* NULL: the stream */
	struct durable *durable;	  /* it takes records of the journal; else it is live: */
	bool *wants;
	size_t sink; /* in the hub */
	struct tally tally;
	char *failure; /* its plugin would not open; said when it is another one than before */
	bool refused;  /* that is why this host is ended */
};

/* A change that is being prepared: fleet_change.h. */
struct fleet_next {
	bool active;
	struct setup setup;
	uint64_t moves;				     /* as of then */
	void (*ready)(void *arg, const char *error); /* NULL: it was called */
	void *arg;
};

struct fleet {
	uv_loop_t *loop;
	const char *host_program, *stream;
	struct setup setup;
	struct clerk *clerk;
	struct recorder *recorder;
	const struct log *log;
	struct slot **slots;
	size_t n_slots, next_owner;
	uint64_t moves; /* into quarantine */
	struct fleet_next next;
	/*
	 * To fleet_ask; i -1: all that its host was asked, since it is gone.  said: the host's
	 * message, of a look that was made with what came of it; NULL when there is an error.
	 */
	void (*answer)(void *arg, size_t owner, int64_t i, const char *error,
		       const msgpack_object *said);
	void *answer_arg;
	/* Frames of traced lines, as traces_take; NULL: nobody wants them. */
	int (*frames)(void *arg, const struct told *told, const msgpack_object *msg,
		      struct tesla_error *err);
	/* The host of a line is gone, for that reason; NULL: as above. */
	void (*line_down)(void *arg, int64_t line, const char *reason);
	void *frames_arg;
	struct ledger ledger;
	uv_timer_t heartbeat;
	uv_prepare_t flush;
	int64_t beaten_us;
	char *lacks;	/* what hosts could not be confined in, as it was last said */
	size_t looking; /* the owner whose target is looked at; SIZE_MAX: nobody's is */
	bool stopping;
	void (*stopped)(void *arg);
	void *arg;
};

struct fleet_conf { /* what is named is the caller's and outlives the fleet */
	const struct places *places;
	const char *stream;
	struct setup setup;
	size_t n_owners;
	struct clerk *clerk;
	struct recorder *recorder;
};
/* Slots for `n_owners` hosts of lines and all exporters; starts nothing yet.  -ENOMEM. */
int fleet_init(struct fleet *f, uv_loop_t *loop, const struct fleet_conf *conf);
/* Starts exporters first, then lines. */
void fleet_start(struct fleet *f);
/* The slot of the durable exporter of that id; NULL: there is none. */
struct slot *fleet_durable(const struct fleet *f, const char *id);
/* Hosts are told what is new in the hub: whether an analyzer is polled. */
void fleet_tell(struct fleet *f);
/*
 * Has the analyzer's host do something (docs/wire.md: ask); f->answer is called later.  -ENOTCONN:
 * it does not run.
 */
int fleet_ask(struct fleet *f, const struct hub_analyzer *a, const struct setup_ask *ask);
/* Hosts of lines log at that level from now on, others when they start again. */
void fleet_set_level(struct fleet *f, int level);
/* Nothing but settings changed: hosts that begin now go by `ini`, and all log at its level. */
void fleet_set_ini(struct fleet *f, const struct ini *ini);
/* The slot of that number; NULL. */
struct slot *fleet_slot(const struct fleet *f, size_t owner);
/* What waits for it is tried now, and its host started if it is not. */
void fleet_drain(struct slot *s);
/* Stops everything; `stopped` is called once nothing is left, perhaps at once. */
void fleet_stop(struct fleet *f, void (*stopped)(void *arg), void *arg);
/* After `stopped`, after the clerk and after the loop has closed the handles. */
void fleet_release(struct fleet *f);

#endif
