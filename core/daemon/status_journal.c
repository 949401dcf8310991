/* SPDX-License-Identifier: Apache-2.0 */
/* What the control socket tells of the journal and of those who take records from it. */
#include "daemon/status.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/pack.h"

/* ---- the journal ---- */

#define STATE_KEYS 11u

static void pack_state(const struct daemon *d, msgpack_packer *pk)
{
	static const char *const names[] = { "checking", "open", "failed", "closed" };
	const struct journal_info *info = clerk_info(d->recording.clerk);
	const char *reason, *const *set_aside;
	enum clerk_state state = clerk_state(d->recording.clerk, &reason);
	size_t n = clerk_set_aside(d->recording.clerk, &set_aside);
	const struct clerk_counts *clerk = clerk_counts(d->recording.clerk);
	struct recorder_counts counts;

	recorder_counts(d->recording.recorder, &counts);
	mp_key_str(pk, "state", names[state]);
	mp_key_str(pk, "reason", reason);
	mp_key_str(pk, "path", d->recording.journal);
	key_count(pk, "records", info->records);
	key_count(pk, "bytes", info->bytes);
	key_count(pk, "waiting", keep_waiting(d->recording.keep));
	key_count(pk, "records_made", counts.records);
	key_count(pk, "late", counts.late);
	key_count(pk, "lost", counts.lost + keep_dropped(d->recording.keep) + clerk->damaged);
	key_count(pk, "left_out", clerk->left_out);
	key_array(pk, "set_aside", n);
	for (size_t i = 0; i < n; i++)
		mp_str(pk, set_aside[i]);
}

void status_journal_pack(const struct daemon *d, msgpack_packer *pk)
{
	key_map(pk, "journal", STATE_KEYS);
	pack_state(d, pk);
}

/* ---- its exporters ---- */

const char *status_durable(const struct slot *s, const char **state)
{
	const struct delivery *v = durable_delivery(s->durable);

	*state = delivery_state_name(v->state);
	if (s->failure != NULL)
		return s->failure;
	if (s->state != SLOT_RUNNING)
		return s->reason;
	return delivery_reason(v);
}

/* `e` NULL: nothing was recorded for it yet. */
static void pack_counts(msgpack_packer *pk, const struct journal_exporter_info *e)
{
	static const struct journal_exporter_info none = { .no = 0 };

	if (e == NULL)
		e = &none;
	key_count(pk, "backlog", e->waiting);
	key_int_or_nil(pk, "oldest_ms", e->oldest_ms, e->oldest_ms != 0);
	key_count(pk, "delivered", e->delivered);
	key_count(pk, "rejected", e->rejected);
	key_count(pk, "rejects", e->rejects);
}

struct shown { /* of an exporter, beyond its counts */
	const char *id, *type, *state, *reason;
	int64_t retry_ms; /* UTC; 0: none */
	double rate;
};

static void pack_exporter(msgpack_packer *pk, const struct shown *x,
			  const struct journal_exporter_info *e)
{
	(void)msgpack_pack_map(pk, 11);
	mp_key_str(pk, "id", x->id);
	mp_key_str(pk, "type", x->type);
	mp_key_str(pk, "state", x->state);
	mp_key_str(pk, "reason", x->reason);
	key_int_or_nil(pk, "retry_ms", x->retry_ms, x->retry_ms != 0);
	mp_key_real(pk, "rate", x->rate);
	pack_counts(pk, e);
}

static void pack_durable(const struct daemon *d, msgpack_packer *pk, const struct slot *s)
{
	const struct delivery *v = durable_delivery(s->durable);
	int64_t now_us = clock_mono_us(), at_ms = delivery_retry_at(v);
	struct shown x = { .id = s->conf->id,
			   .type = s->exporter->name,
			   .rate = delivery_rate(v, now_us / 1000) };

	x.reason = status_durable(s, &x.state);
	if (at_ms != 0)
		x.retry_ms = clock_wall_us() / 1000 + at_ms - now_us / 1000;
	pack_exporter(pk, &x, clerk_exporter(d->recording.clerk, x.id));
}

/* One that records wait for, or waited, and that takes none now. */
static void pack_other(const struct daemon *d, msgpack_packer *pk,
		       const struct journal_exporter_info *e)
{
	const struct config *c = d->check.config;
	struct shown x = { .id = e->id, .state = "removed" };

	for (size_t i = 0; i < c->n_exporters; i++) {
		if (strcmp(c->exporters[i].id, e->id) != 0)
			continue;
		x.type = c->exporters[i].type;
		x.state = delivery_state_name(DELIVERY_DOWN);
		x.reason = "its plugin cannot be used, or takes no records";
	}
	pack_exporter(pk, &x, e);
}

/* Counts them; packs them too unless `pk` is NULL. */
static size_t each_exporter(const struct daemon *d, msgpack_packer *pk)
{
	const struct journal_info *info = clerk_info(d->recording.clerk);
	const struct fleet *f = &d->fleet;
	size_t n = 0;

	for (size_t i = 0; i < f->n_slots; i++) {
		if (f->slots[i]->durable == NULL)
			continue;
		n++;
		if (pk != NULL)
			pack_durable(d, pk, f->slots[i]);
	}
	for (size_t i = 0; i < info->n_exporters; i++) {
		if (fleet_durable(f, info->exporters[i].id) != NULL)
			continue;
		n++;
		if (pk != NULL)
			pack_other(d, pk, &info->exporters[i]);
	}
	return n;
}

void journal_pack(const struct daemon *d, msgpack_packer *pk)
{
	const struct journal_info *info = clerk_info(d->recording.clerk);

	(void)msgpack_pack_map(pk, STATE_KEYS + 4);
	mp_key_bool(pk, "ok", true);
	pack_state(d, pk);
	key_count(pk, "max_bytes", d->check.ini->journal.limits.bytes);
	key_map(pk, "dropped", JOURNAL_N_DROPS);
	for (int i = 0; i < JOURNAL_N_DROPS; i++)
		key_count(pk, journal_drop_name((enum journal_drop)i), info->dropped[i]);
	key_array(pk, "exporters", each_exporter(d, NULL));
	(void)each_exporter(d, pk);
}
