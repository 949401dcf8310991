/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the fleet share (fleet.c, fleet_change.c, fleet_exporters.c, quarantine.c). */
#ifndef DAEMON_FLEET_PARTS_H
#define DAEMON_FLEET_PARTS_H

#include "daemon/diff.h"
#include "daemon/fleet.h"
#include "daemon/place.h"

/* ---- fleet.c ---- */
/* One more slot; NULL: no memory. */
struct slot *fleet_add(struct fleet *f);
const char *slot_name(const struct slot *s);
/* Starts its host.  An exporter without its plugin stays down, and its records wait. */
void slot_start(struct slot *s);
/* To be started after the back-off. */
void slot_wait(struct slot *s, int64_t up_us);
/* Ends its host, if there is one, and the slot with it. */
void slot_leave(struct slot *s);
/* Its host is told what is new; those of its lines that were down are on their way. */
void slot_update(struct slot *s);
void fleet_update(struct fleet *f);

/* ---- fleet_change.c ---- */
/* The host of a slot that is being prepared is ready, or ended for that reason. */
void fleet_fresh(struct slot *s, const char *failed);
/* It says that a plugin would not. */
void fleet_refused(struct slot *s, const msgpack_object *msg);

/* ---- fleet_exporters.c ---- */
/* `conf` NULL: the stream.  -ENOMEM. */
int fleet_add_exporter(struct fleet *f, const struct plugin *p, const struct conf_exporter *conf);
/* A message of an exporter's host.  Negative: it breaks the form. */
int exporter_message(struct slot *s, const msgpack_object *msg, struct tesla_error *err);
/* The slot of an exporter that was gone has ended: another of the same id may begin. */
void exporter_follow(struct fleet *f, const char *id);
/* After each turn of the clerk; `arg` is the fleet. */
void fleet_on_journal(void *arg);

struct fleet_change { /* what comes into force */
	const struct check *next;
	const struct diff *diff;
	const struct hub *before;
	const struct ini *before_ini;
	struct attic *attic; /* of the one before */
	bool force;	     /* plugins are loaded anew */
};
/* f->setup is the new one.  -ENOMEM: somebody does not listen. */
int fleet_change_exporters(struct fleet *f, const struct fleet_change *c);

/* What slots that are going are made from, until the last of them is gone. */
struct attic {
	struct check check;
	size_t users;
};
void attic_use(struct slot *s, struct attic *a);
void attic_leave(struct slot *s);

#endif
