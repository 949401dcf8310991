/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of exporters, the journal and its records, and of what was lost on the way. */
#include "daemon/metrics_parts.h"
#include "daemon/status.h"

/* ---- exporters ---- */

struct exporter {
	const char *id, *type;				/* type NULL: not known here */
	const struct slot *slot;			/* NULL: it is not configured any more */
	const struct journal_exporter_info *in_journal; /* NULL: nothing is known of it there */
	bool durable;					/* it takes records of the journal */
};

/* Before the journal was read for the first time nothing in its info means anything. */
static bool journal_known(const struct daemon *d)
{
	const char *reason;

	return clerk_state(d->recording.clerk, &reason) == CLERK_OPEN ||
	       clerk_info(d->recording.clerk)->next_seq != 0;
}

static void exporter_write(struct scrape *s, const struct metric *m, const struct exporter *e)
{
	scrape_label(s, "exporter", e->id);
	m->write(s, m, e);
	scrape_drop(s, 1);
}

static void each_exporter(struct scrape *s, const struct metric *m)
{
	const struct fleet *f = &s->d->fleet;
	const struct journal_info *info = clerk_info(s->d->recording.clerk);

	for (size_t i = 0; i < f->n_slots; i++) {
		const struct slot *slot = f->slots[i];
		struct exporter e = { .slot = slot, .durable = slot->durable != NULL };

		if (slot->exporter == NULL || slot->gone)
			continue;
		e.id = slot->conf ? slot->conf->id : "stream";
		e.type = slot->exporter->name;
		if (e.durable)
			e.in_journal = clerk_exporter(s->d->recording.clerk, e.id);
		exporter_write(s, m, &e);
	}
	for (size_t i = 0; i < info->n_exporters; i++)
		if (fleet_durable(f, info->exporters[i].id) == NULL)
			exporter_write(s, m,
				       &(struct exporter){ .id = info->exporters[i].id,
							   .in_journal = &info->exporters[i],
							   .durable = true });
}

static void exporter_info(struct scrape *s, const struct metric *m, const void *of)
{
	const struct exporter *e = of;

	(void)m;
	scrape_label(s, "type", e->type);
	scrape_count(s, 1);
	scrape_drop(s, 1);
}

static const char *delivery_name(int i)
{
	return delivery_state_name((enum delivery_state)i);
}

static const char *slot_name(int i)
{
	return slot_state_name((enum slot_state)i);
}

static void exporter_state(struct scrape *s, const struct metric *m, const void *of)
{
	const struct exporter *e = of;

	(void)m;
	if (e->slot != NULL && e->durable)
		scrape_states(s, delivery_name, DELIVERY_PARKED + 1,
			      (int)durable_delivery(e->slot->durable)->state);
	else if (e->slot != NULL)
		scrape_states(s, slot_name, SLOT_WAITING + 1, (int)e->slot->state);
}

/* Of the exporter in the journal; one that the journal has not met yet has nothing there. */
static void in_journal_at(struct scrape *s, const struct metric *m, const void *of)
{
	static const struct journal_exporter_info none = { .no = 0 };
	const struct exporter *e = of;

	if (e->durable && journal_known(s->d))
		metric_count_at(s, m, e->in_journal ? e->in_journal : &none);
}

static void exporter_oldest(struct scrape *s, const struct metric *m, const void *of)
{
	const struct exporter *e = of;
	int64_t end_ms = e->in_journal ? e->in_journal->oldest_ms : 0;

	(void)m;
	if (end_ms != 0 && end_ms * 1000 <= s->wall_us)
		scrape_real(s, (double)(s->wall_us - end_ms * 1000) / 1e6);
}

static void live_delivered(struct scrape *s, const struct metric *m, const void *of)
{
	const struct exporter *e = of;

	(void)m;
	if (!e->durable)
		scrape_count(s, tally_delivered(&e->slot->tally));
}

static void live_dropped(struct scrape *s, const struct metric *m, const void *of)
{
	const struct exporter *e = of;

	(void)m;
	if (!e->durable)
		scrape_count(s, tally_dropped(&e->slot->tally));
}

static void live_left_out(struct scrape *s, const struct metric *m, const void *of)
{
	const struct exporter *e = of;

	(void)m;
	if (!e->durable)
		scrape_count(s, s->d->check.hub->sinks[e->slot->sink].dropped);
}

/* ---- the journal ---- */

static const char *clerk_name(int i)
{
	static const char *const names[] = { "checking", "open", "failed", "closed" };

	return names[i];
}

static void journal_state(struct scrape *s, const struct metric *m, const void *of)
{
	const struct daemon *d = of;
	const char *reason;

	(void)m;
	scrape_states(s, clerk_name, CLERK_CLOSED + 1,
		      (int)clerk_state(d->recording.clerk, &reason));
}

static void journal_at(struct scrape *s, const struct metric *m, const void *of)
{
	const struct daemon *d = of;

	if (journal_known(d))
		metric_count_at(s, m, clerk_info(d->recording.clerk));
}

static void journal_limit(struct scrape *s, const struct metric *m, const void *of)
{
	const struct daemon *d = of;

	(void)m;
	scrape_count(s, d->check.ini->journal.limits.bytes);
}

static void ring(struct scrape *s, const struct metric *m, const void *of)
{
	const struct daemon *d = of;

	(void)m;
	scrape_count(s, keep_waiting(d->recording.keep));
}

static void recorder_at(struct scrape *s, const struct metric *m, const void *of)
{
	const struct daemon *d = of;
	struct recorder_counts counts;

	recorder_counts(d->recording.recorder, &counts);
	metric_count_at(s, m, &counts);
}

static void clerk_at(struct scrape *s, const struct metric *m, const void *of)
{
	const struct daemon *d = of;

	metric_count_at(s, m, clerk_counts(d->recording.clerk));
}

static void dropped(struct scrape *s, const char *reason, uint64_t n)
{
	scrape_label(s, "reason", reason);
	scrape_count(s, n);
	scrape_drop(s, 1);
}

static void records_dropped(struct scrape *s, const struct metric *m, const void *of)
{
	const struct daemon *d = of;
	const struct journal_info *info = clerk_info(d->recording.clerk);
	struct recorder_counts counts;

	(void)m;
	recorder_counts(d->recording.recorder, &counts);
	dropped(s, "not-made", counts.lost);
	dropped(s, "ring-full", keep_dropped(d->recording.keep));
	dropped(s, "ring-damaged", clerk_counts(d->recording.clerk)->damaged);
	for (int i = 0; i < JOURNAL_N_DROPS && journal_known(d); i++)
		dropped(s, journal_drop_name((enum journal_drop)i), info->dropped[i]);
}

#define IN_JOURNAL(MEMBER) \
	each_exporter, in_journal_at, offsetof(struct journal_exporter_info, MEMBER)

static const struct metric rows[] = {
	{ METRIC("tesla_exporter_info", GAUGE, "Exporters: who is handed readings or records."),
	  "exporter, type", each_exporter, exporter_info, 0 },
	{ METRIC("tesla_exporter_state", GAUGE, "1 for the state that the exporter is in."),
	  "exporter, state", each_exporter, exporter_state, 0 },
	{ METRIC("tesla_exporter_backlog_records", GAUGE, "Records that wait for the exporter."),
	  "exporter", IN_JOURNAL(waiting) },
	{ METRIC("tesla_exporter_oldest_record_age_seconds", GAUGE,
		 "Age of the oldest record that waits, where one does."),
	  "exporter", each_exporter, exporter_oldest, 0 },
	{ METRIC("tesla_exporter_records_delivered_total", COUNTER,
		 "Records that the far end has."),
	  "exporter", IN_JOURNAL(delivered) },
	{ METRIC("tesla_exporter_records_rejected_total", COUNTER,
		 "Records refused for good: on the reject list."),
	  "exporter", IN_JOURNAL(rejected) },
	{ METRIC("tesla_exporter_reject_list_records", GAUGE, "Records on the reject list now."),
	  "exporter", IN_JOURNAL(rejects) },
	{ METRIC("tesla_exporter_batches_delivered_total", COUNTER,
		 "Batches of readings that a live exporter took."),
	  "exporter", each_exporter, live_delivered, 0 },
	{ METRIC("tesla_exporter_batches_dropped_total", COUNTER,
		 "Batches of readings that were lost: its host was down or too slow."),
	  "exporter", each_exporter, live_dropped, 0 },
	{ METRIC("tesla_exporter_items_dropped_total", COUNTER,
		 "Sweeps and messages for a live exporter that fitted no batch."),
	  "exporter", each_exporter, live_left_out, 0 },
	{ METRIC("tesla_journal_state", GAUGE, "1 for the state that the journal is in."), "state",
	  NULL, journal_state, 0 },
	{ METRIC("tesla_journal_records", GAUGE, "Records in the journal."), "", NULL, journal_at,
	  offsetof(struct journal_info, records) },
	{ METRIC("tesla_journal_size_bytes", GAUGE, "Size of the records in the journal."), "",
	  NULL, journal_at, offsetof(struct journal_info, bytes) },
	{ METRIC("tesla_journal_limit_bytes", GAUGE, "Size from which records are dropped."), "",
	  NULL, journal_limit, 0 },
	{ METRIC("tesla_ring_records", GAUGE, "Records in memory that wait for the journal."), "",
	  NULL, ring, 0 },
	{ METRIC("tesla_records_made_total", COUNTER,
		 "Records made: a window of an analyzer each."),
	  "", NULL, recorder_at, offsetof(struct recorder_counts, records) },
	{ METRIC("tesla_records_dropped_total", COUNTER, "Records lost, by reason."), "reason",
	  NULL, records_dropped, 0 },
	{ METRIC("tesla_records_left_out_total", COUNTER,
		 "Times that a record was not kept for an exporter: the journal knows too many."),
	  "", NULL, clerk_at, offsetof(struct clerk_counts, left_out) },
	{ METRIC("tesla_readings_late_total", COUNTER,
		 "Readings that came for no window that is open."),
	  "", NULL, recorder_at, offsetof(struct recorder_counts, late) },
};

const struct metric_table metrics_of_exporters = { rows, N_ELEMENTS(rows) };
