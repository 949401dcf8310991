/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All hosts: started, started again, put into quarantine, fed and stopped.  One slot for each that
 * there should be; slots of lines come first and their index is the owner in the hub.  On the
 * loop's thread.
 */
#ifndef DAEMON_FLEET_H
#define DAEMON_FLEET_H

#include <uv.h>

#include "daemon/host.h"
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
	bool *wants;
	size_t sink; /* in the hub */
	struct tally tally;
	char *failure; /* its plugin would not open */
};

struct fleet {
	uv_loop_t *loop;
	const char *host_program, *stream;
	struct setup setup;
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

/*
 * Slots for `n_owners` hosts of lines and all exporters; starts nothing yet.  What `setup` names is
 * the caller's and outlives the fleet.  -ENOMEM.
 */
int fleet_init(struct fleet *f, uv_loop_t *loop, const struct places *places, const char *stream,
	       const struct setup *setup, size_t n_owners);
/* Starts exporters and, if asked, lines. */
void fleet_start(struct fleet *f, bool lines);
/* Stops everything; `stopped` is called once nothing is left, perhaps at once. */
void fleet_stop(struct fleet *f, void (*stopped)(void *arg), void *arg);
/* After `stopped` and after the loop has closed the handles. */
void fleet_release(struct fleet *f);

#endif
