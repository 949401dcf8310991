/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All hosts: started, started again, put into quarantine, fed and stopped.  One slot for each that
 * there should be; slots of lines come first and their index is the owner in the hub.  On the
 * loop's thread.
 */
#ifndef DAEMON_FLEET_H
#define DAEMON_FLEET_H

#include <uv.h>

#include "daemon/durable.h"
#include "daemon/host.h"
#include "daemon/recorder.h"
#include "daemon/setup.h"
#include "daemon/supervise.h"

enum slot_state { SLOT_STOPPED, SLOT_STARTING, SLOT_RUNNING, SLOT_WAITING };
const char *slot_state_name(enum slot_state s);

struct slot {
	struct fleet *fleet;
	size_t owner; /* its index */
	enum slot_state state;
	struct host *host; /* NULL: none is running */
	uv_timer_t timer;  /* until the next start */
	struct restart restart;
	unsigned restarts;
	char *reason; /* why the last one ended; NULL: none has */
	bool quarantine;
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

struct fleet {
	uv_loop_t *loop;
	const char *host_program, *stream;
	struct setup setup;
	struct clerk *clerk;
	struct recorder *recorder;
	const struct log *log;
	struct slot **slots;
	size_t n_slots;
	struct ledger ledger;
	uv_timer_t heartbeat;
	uv_prepare_t flush;
	int64_t beaten_us;
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
/* Starts exporters and, if asked, lines. */
void fleet_start(struct fleet *f, bool lines);
/* The slot of the durable exporter of that id; NULL: there is none. */
struct slot *fleet_durable(const struct fleet *f, const char *id);
/* What waits for it is tried now, and its host started if it is not. */
void fleet_drain(struct slot *s);
/* Stops everything; `stopped` is called once nothing is left, perhaps at once. */
void fleet_stop(struct fleet *f, void (*stopped)(void *arg), void *arg);
/* After `stopped`, after the clerk and after the loop has closed the handles. */
void fleet_release(struct fleet *f);

#endif
