/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clerk with a journal made by hand: what is committed together, what is not lost when the disk
 * fails, and what is said of it.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/record.h"
#include "daemon/durable.h"
#include "daemon/journal_check.h"

/* ---- a journal ---- */

struct journal { /* written to by the pool while a turn is under way, else by the test */
	int prepare_r, open_r, write_r, verdicts_r;
	bool patient;		      /* is prepared until that is cancelled */
	bool broken, damaged, breaks; /* breaks: when a write fails */
	char full;		      /* exporters from this letter on are too many; 0: none is */
	unsigned prepared, opened, closed, writes, tried;
	size_t entries, verdicts; /* committed */
	size_t last_entries, last_verdicts;
	uint64_t order; /* of what was written last: analyzers, a digit each */
	char rejected[40];
};
static struct journal fake;

int journal_prepare(const struct journal_check *check, char **set_aside, uint64_t *carried,
		    struct tesla_error *err)
{
	for (; fake.patient && !atomic_load(check->cancel); (void)usleep(1000))
		;
	fake.prepare_r = fake.patient ? -ECANCELED : fake.prepare_r;
	fake.prepared++;
	*set_aside = fake.damaged ? strdup("j.damaged") : NULL;
	*carried = 5;
	fake.damaged = false;
	return fake.prepare_r ? tesla_fail(err, fake.prepare_r, "no disk") : 0;
}

int journal_open(const char *dir, const struct journal_limits *limits, struct journal **ret,
		 struct tesla_error *err)
{
	(void)dir, (void)limits;
	if (fake.open_r != 0)
		return tesla_fail(err, fake.open_r, "no door");
	fake.opened++;
	fake.broken = false;
	*ret = &fake;
	return 0;
}

void journal_close(struct journal *j)
{
	j->closed++;
}

int journal_exporter(struct journal *j, const char *id, uint16_t *no, struct tesla_error *err)
{
	if (j->full != 0 && id[0] >= j->full)
		return tesla_fail(err, -EMFILE, "exporter %s: too many", id);
	*no = (uint16_t)(id[0] - 'a' + 1);
	return 0;
}

int journal_write(struct journal *j, const struct journal_entry *entries, size_t n_entries,
		  const struct journal_verdict *verdicts, size_t n_verdicts, int64_t now_ms,
		  struct tesla_error *err)
{
	int r = n_entries > 0 ? j->write_r : j->verdicts_r;

	(void)now_ms;
	j->tried++;
	j->broken = j->broken || (r != 0 && j->breaks);
	if (r != 0)
		return tesla_fail(err, r, "the disk is full");
	j->writes++;
	j->entries += j->last_entries = n_entries;
	j->verdicts += j->last_verdicts = n_verdicts;
	j->order = 0;
	for (size_t i = 0; i < n_entries; i++) {
		cr_assert(eq(sz, entries[i].n_exporters, j->full ? 1 : 2));
		cr_assert(eq(u16, entries[i].exporters[0], 1));
		cr_assert(j->full || entries[i].exporters[1] == 3);
		j->order = j->order * 10 + (uint64_t)entries[i].analyzer;
	}
	for (size_t i = 0; i < n_verdicts; i++)
		if (verdicts[i].rejected != NULL)
			(void)snprintf(j->rejected, sizeof j->rejected, "%s", verdicts[i].rejected);
	return 0;
}

bool journal_broken(const struct journal *j)
{
	return j->broken;
}

int journal_info(struct journal *j, struct journal_info *ret)
{
	*ret = (struct journal_info){ .records = j->entries,
				      .next_seq = j->entries + 1,
				      .exporters = calloc(2, sizeof *ret->exporters),
				      .n_exporters = 2 };
	cr_assert(ret->exporters != NULL);
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(ret->exporters[i].id, sizeof ret->exporters->id, i ? "c" : "a");
		ret->exporters[i].no = i ? 3 : 1;
		ret->exporters[i].waiting = j->entries;
	}
	return 0;
}

int journal_take(struct journal *j, const struct journal_want *want, struct buf *bytes,
		 struct journal_taken *taken, size_t *n, uint64_t *next, struct tesla_error *err)
{
	(void)j, (void)want, (void)next, (void)err;
	*taken = (struct journal_taken){ .seq = 1, .len = 1 };
	*n = 1;
	return buf_append(bytes, "\xc0", 1);
}

/* ---- a clerk ---- */

struct office {
	uv_loop_t loop;
	struct log log;
	struct keep *keep;
	struct clerk *clerk;
	unsigned errors, warnings, infos, changes;
	char last[400];
	bool stopped;
	struct clerk_job *at_change; /* is asked for then, once */
};

static void on_log(void *arg, int level, const char *text)
{
	struct office *o = arg;

	o->errors += level <= LOG_LEVEL_ERROR;
	o->warnings += level == LOG_LEVEL_WARNING;
	o->infos += level == LOG_LEVEL_INFO;
	(void)snprintf(o->last, sizeof o->last, "%s", text);
}

static void on_change(void *arg)
{
	struct office *o = arg;
	struct clerk_job *job = o->at_change;

	o->changes++;
	o->at_change = NULL;
	if (job != NULL)
		clerk_do(o->clerk, job);
}

static void open_office(struct office *o, int64_t sync_interval_ms)
{
	struct clerk_conf conf = {
		.program = "p", .dir = "d", .sync_interval_ms = sync_interval_ms, .log = &o->log
	};

	*o = (struct office){ .log = { .level = LOG_LEVEL_DEBUG, .sink = on_log, .arg = o } };
	cr_assert(eq(int, uv_loop_init(&o->loop), 0));
	o->keep = keep_open("/nowhere/at/all", "/nowhere/at/all", NULL, 0, &o->log);
	cr_assert(o->keep != NULL);
	o->errors = o->infos = 0;
	conf.keep = o->keep;
	o->clerk = clerk_new(&o->loop, &conf);
	cr_assert(o->clerk != NULL);
	clerk_on_change(o->clerk, on_change, o);
}

static void on_stopped(void *arg)
{
	struct office *o = arg;

	o->stopped = true;
}

static void close_office(struct office *o)
{
	clerk_stop(o->clerk, on_stopped, o);
	(void)uv_run(&o->loop, UV_RUN_DEFAULT);
	cr_assert(o->stopped);
	cr_assert(eq(int, uv_loop_close(&o->loop), 0));
	clerk_free(o->clerk);
	keep_close(o->keep, false);
}

/* Until `*count` is at least n. */
static void wait_for(struct office *o, const unsigned *count, unsigned n)
{
	int64_t end_us = clock_mono_us() + 20000000;

	while (*count < n) {
		cr_assert(lt(i64, clock_mono_us(), end_us), "waited in vain: %u of %u", *count, n);
		(void)uv_run(&o->loop, UV_RUN_NOWAIT);
		(void)usleep(1000);
	}
	while (uv_loop_alive(&o->loop) && uv_run(&o->loop, UV_RUN_NOWAIT) == 0)
		;
}

static void push(struct office *o, int64_t analyzer)
{
	static const char head[] = "\2\0\0\0a\0c"; /* for a and c */
	const struct record r = {
		.analyzer = analyzer, .start_ms = 0, .end_ms = 1000, .model = "M"
	};
	struct buf b;

	buf_init(&b, 1000);
	cr_assert(eq(int, buf_append(&b, head, sizeof head), 0));
	cr_assert(eq(int, record_encode(&r, &b), 0));
	cr_assert(eq(int, keep_push(o->keep, b.pub.bytes, b.pub.len), 0));
	buf_release(&b);
	clerk_kick(o->clerk);
}

static void settle(struct office *o, const char *rejected)
{
	const struct journal_verdict v = { .exporter = 1, .seq = 7, .rejected = rejected };

	cr_assert(eq(int, clerk_settle(o->clerk, &v, 1), 0));
}

struct job {
	struct clerk_job job;
	bool had_journal;
	size_t committed; /* verdicts, when it was its turn */
	unsigned done;
};

static void job_work(struct clerk_job *job, struct journal *j)
{
	struct job *k = (struct job *)job;

	k->had_journal = j != NULL;
	k->committed = fake.verdicts;
}

static void job_done(struct clerk_job *job)
{
	((struct job *)job)->done++;
}

static void work(struct office *o, struct job *k)
{
	*k = (struct job){ .job = { .work = job_work, .done = job_done } };
	clerk_do(o->clerk, &k->job);
}

static enum clerk_state state(const struct office *o)
{
	const char *reason;

	return clerk_state(o->clerk, &reason);
}

/* ---- */

Test(clerk, what_comes_together_is_committed_together)
{
	struct office o;

	open_office(&o, 60000);
	cr_assert(eq(int, state(&o), CLERK_CHECKING));
	push(&o, 1); /* before it is open */
	wait_for(&o, &fake.writes, 1);
	cr_assert(eq(int, state(&o), CLERK_OPEN));
	push(&o, 1);
	push(&o, 2);
	settle(&o, NULL);
	settle(&o, "too long");
	push(&o, 3);
	wait_for(&o, &fake.writes, 2);
	cr_assert(eq(sz, fake.last_entries, 3));
	cr_assert(eq(sz, fake.last_verdicts, 2));
	cr_assert(eq(u64, fake.order, 123));
	cr_assert(eq(str, fake.rejected, "too long"));
	wait_for(&o, &o.changes, 3);
	cr_assert(eq(sz, keep_waiting(o.keep), 0));
	cr_assert(eq(u64, clerk_exporter(o.clerk, "a")->waiting, 4));
	cr_assert(clerk_exporter(o.clerk, "b") == NULL);
	cr_assert(eq(uint, o.errors, 0), "%s", o.last);
	close_office(&o);
	cr_assert(eq(uint, fake.closed, 1));
}

Test(clerk, verdicts_wait_for_company_but_not_long)
{
	struct office o;
	struct job k;
	int64_t begun;

	open_office(&o, 300);
	wait_for(&o, &o.changes, 1);
	begun = clock_mono_us();
	fake.entries = 4; /* that wait for a */
	work(&o, &k);
	settle(&o, NULL); /* too late for the turn that is under way */
	wait_for(&o, &k.done, 1);
	settle(&o, "no");
	cr_assert(eq(u64, clerk_exporter(o.clerk, "a")->waiting, 2), "they are counted at once");
	cr_assert(eq(u64, clerk_exporter(o.clerk, "a")->delivered, 1));
	cr_assert(eq(u64, clerk_exporter(o.clerk, "a")->rejected, 1));
	wait_for(&o, &fake.writes, 1);
	cr_assert(ge(i64, clock_mono_us() - begun, 300000));
	cr_assert(eq(sz, fake.last_verdicts, 2));
	close_office(&o);
}

Test(clerk, a_job_sees_what_was_settled)
{
	struct office o;
	struct job k;

	open_office(&o, 60000);
	wait_for(&o, &o.changes, 1);
	settle(&o, NULL);
	work(&o, &k);
	wait_for(&o, &k.done, 1);
	cr_assert(k.had_journal);
	cr_assert(eq(sz, k.committed, 1));
	close_office(&o);
}

/* Records wait; what was delivered is committed all the same, so that jobs may go on. */
Test(clerk, a_full_disk_is_said_once_and_loses_nothing)
{
	struct office o;
	struct job k;
	const char *reason;

	open_office(&o, 60000);
	wait_for(&o, &o.changes, 1);
	fake.write_r = -ENOSPC;
	settle(&o, NULL);
	push(&o, 1);
	wait_for(&o, &fake.tried, 2);
	wait_for(&o, &o.errors, 1);
	cr_assert(eq(int, clerk_state(o.clerk, &reason), CLERK_FAILED));
	cr_assert(strcmp(reason, "the disk is full") == 0);
	cr_assert(eq(sz, fake.verdicts, 1));
	push(&o, 2);
	settle(&o, NULL);
	work(&o, &k);
	wait_for(&o, &k.done, 1);
	cr_assert(k.had_journal);
	cr_assert(eq(sz, k.committed, 2));
	cr_assert(eq(int, state(&o), CLERK_FAILED), "no record was tried");
	wait_for(&o, &fake.tried, 4); /* after a second */
	cr_assert(eq(uint, o.errors, 1), "said once, not each time");
	cr_assert(eq(sz, keep_waiting(o.keep), 2));
	fake.write_r = 0;
	wait_for(&o, &o.infos, 1);
	cr_assert(eq(int, state(&o), CLERK_OPEN));
	cr_assert(eq(sz, fake.entries, 2));
	cr_assert(eq(u64, fake.order, 12));
	cr_assert(eq(sz, fake.verdicts, 2), "once");
	close_office(&o);
}

Test(clerk, what_cannot_be_settled_is_not_taken_for_done)
{
	struct office o;
	struct job k;
	unsigned tried;

	open_office(&o, 60000);
	wait_for(&o, &o.changes, 1);
	fake.write_r = fake.verdicts_r = -EIO;
	settle(&o, "no");
	settle(&o, NULL);
	work(&o, &k);
	settle(&o, NULL); /* while those are under way */
	wait_for(&o, &k.done, 1);
	cr_assert(not(k.had_journal), "it would be sent again");
	cr_assert(not(clerk_usable(o.clerk)));
	settle(&o, NULL);
	tried = fake.tried;
	for (int i = 0; i < 20; i++) {
		work(&o, &k);
		wait_for(&o, &k.done, 1);
		cr_assert(not(k.had_journal));
	}
	cr_assert(eq(uint, fake.tried, tried), "not before it is due");
	fake.write_r = fake.verdicts_r = 0;
	wait_for(&o, &o.infos, 1);
	cr_assert(clerk_usable(o.clerk));
	cr_assert(eq(sz, fake.verdicts, 4));
	work(&o, &k);
	wait_for(&o, &k.done, 1);
	cr_assert(k.had_journal);
	close_office(&o);
}

/* A ring of junk: what it does to the journal is not the question. */
Test(clerk, what_was_under_way_in_vain_may_make_room)
{
	struct office o;
	char *junk = calloc(1, 1 << 20);

	cr_assert(junk != NULL);
	open_office(&o, 60000);
	wait_for(&o, &o.changes, 1);
	fake.write_r = -ENOSPC;
	push(&o, 1);
	wait_for(&o, &o.errors, 1);
	for (int i = 0; i < 6; i++)
		cr_assert(eq(int, keep_push(o.keep, junk, 1 << 20), 0), "%d", i);
	cr_assert(gt(u64, keep_dropped(o.keep), 0));
	fake.write_r = 0;
	wait_for(&o, &o.errors, 3); /* that it failed, that there was no room, and of the junk */
	wait_for(&o, &o.warnings, 1);
	cr_assert(strstr(o.last, "room again") != NULL, "%s", o.last);
	cr_assert(eq(sz, keep_waiting(o.keep), 0));
	cr_assert(gt(u64, clerk_counts(o.clerk)->damaged, 1));
	close_office(&o);
	free(junk);
}

Test(clerk, a_broken_journal_is_checked_and_opened_again)
{
	struct office o;
	const char *const *names;

	open_office(&o, 60000);
	wait_for(&o, &o.changes, 1);
	fake.write_r = -EIO;
	fake.broken = fake.damaged = true;
	push(&o, 1);
	wait_for(&o, &fake.closed, 1);
	fake.write_r = 0;
	wait_for(&o, &fake.writes, 1);
	cr_assert(eq(uint, fake.prepared, 2));
	cr_assert(eq(uint, fake.opened, 2));
	wait_for(&o, &o.infos, 1);
	cr_assert(eq(sz, clerk_set_aside(o.clerk, &names), 1));
	cr_assert(strcmp(names[0], "j.damaged") == 0);
	cr_assert(eq(uint, o.errors, 2), "that it failed, and that it is set aside");
	close_office(&o);
}

Test(clerk, without_a_journal_jobs_are_told_so_and_records_wait)
{
	struct office o;
	struct job k;

	fake.prepare_r = -EACCES;
	open_office(&o, 60000);
	push(&o, 1);
	settle(&o, NULL);
	wait_for(&o, &o.errors, 1);
	cr_assert(eq(int, state(&o), CLERK_FAILED));
	work(&o, &k);
	wait_for(&o, &k.done, 1);
	cr_assert(not(k.had_journal));
	cr_assert(eq(uint, fake.prepared, 1), "a job is no reason to try");
	cr_assert(eq(uint, o.changes, 0), "nothing is known that was not");
	fake.prepare_r = 0;
	wait_for(&o, &fake.writes, 1);
	wait_for(&o, &o.infos, 1);
	cr_assert(eq(sz, fake.entries, 1));
	cr_assert(eq(sz, fake.verdicts, 1));
	close_office(&o);
}

Test(clerk, a_stop_commits_what_there_is)
{
	struct office o;
	struct job k[2];

	open_office(&o, 60000);
	wait_for(&o, &o.changes, 1);
	push(&o, 1);
	settle(&o, NULL);
	work(&o, &k[0]);
	work(&o, &k[1]);
	close_office(&o);
	cr_assert(eq(sz, fake.entries, 1));
	cr_assert(eq(sz, fake.verdicts, 1));
	cr_assert(eq(uint, k[0].done + k[1].done, 2));
	cr_assert(not(k[1].had_journal));
	cr_assert(eq(uint, fake.closed, 1));
}

Test(clerk, a_stop_while_it_is_checked)
{
	struct office o;

	fake.patient = true;
	open_office(&o, 60000);
	close_office(&o);
	cr_assert(eq(uint, o.errors, 0), "%s", o.last);
	cr_assert(eq(uint, fake.opened, fake.closed));
}

Test(clerk, what_is_no_record_is_thrown_away_and_said)
{
	struct office o;

	open_office(&o, 60000);
	wait_for(&o, &o.changes, 1);
	cr_assert(eq(int, keep_push(o.keep, "\1\0\0\0a\0junk", 10), 0));
	push(&o, 4);
	wait_for(&o, &o.errors, 1);
	cr_assert(eq(sz, fake.entries, 1));
	cr_assert(eq(sz, keep_waiting(o.keep), 0));
	cr_assert(eq(int, state(&o), CLERK_OPEN));
	close_office(&o);
}

/* Opening it only reads, and goes on well while no commit does. */
Test(clerk, what_can_be_opened_is_not_well_before_it_was_written)
{
	struct office o;
	int64_t begun;

	open_office(&o, 60000);
	wait_for(&o, &o.changes, 1);
	begun = clock_mono_us();
	fake.write_r = fake.verdicts_r = -EIO;
	fake.breaks = true;
	push(&o, 1);
	wait_for(&o, &fake.prepared, 3);
	wait_for(&o, &fake.tried, 3);
	cr_assert(ge(i64, clock_mono_us() - begun, 3000000), "it backs off: 1 s, 2 s");
	cr_assert(eq(uint, o.errors, 1), "said once");
	cr_assert(eq(uint, o.infos, 0), "%s", o.last);
	cr_assert(eq(int, state(&o), CLERK_FAILED));
	fake.write_r = fake.verdicts_r = 0;
	wait_for(&o, &o.infos, 1);
	cr_assert(eq(sz, fake.entries, 1));
	cr_assert(eq(int, state(&o), CLERK_OPEN));
	close_office(&o);
}

Test(clerk, an_exporter_too_many_is_left_out_alone)
{
	struct office o;

	fake.full = 'c';
	open_office(&o, 60000);
	wait_for(&o, &o.changes, 1);
	push(&o, 1);
	wait_for(&o, &fake.writes, 1);
	push(&o, 2);
	wait_for(&o, &fake.writes, 2);
	wait_for(&o, &o.changes, 3);
	cr_assert(eq(sz, fake.entries, 2));
	cr_assert(eq(int, state(&o), CLERK_OPEN));
	cr_assert(eq(uint, o.errors, 1), "said once");
	cr_assert(strstr(o.last, "exporter c: too many") != NULL, "%s", o.last);
	fake.full = 'a'; /* nobody is left */
	push(&o, 3);
	wait_for(&o, &o.changes, 4);
	cr_assert(eq(sz, fake.entries, 2));
	cr_assert(eq(sz, keep_waiting(o.keep), 0));
	cr_assert(eq(u64, clerk_counts(o.clerk)->left_out, 4));
	close_office(&o);
}

Test(clerk, who_asks_while_it_closes_is_told_that_there_is_none)
{
	struct office o;
	struct job k = { .job = { .work = job_work, .done = job_done } };

	open_office(&o, 60000);
	wait_for(&o, &o.changes, 1);
	o.at_change = &k.job;
	close_office(&o);
	cr_assert(eq(uint, k.done, 1));
	cr_assert(not(k.had_journal));
	cr_assert(eq(uint, fake.closed, 1));
}

Test(clerk, what_a_stop_could_not_commit_is_said)
{
	struct office o;

	open_office(&o, 60000);
	wait_for(&o, &o.changes, 1);
	fake.write_r = fake.verdicts_r = -ENOSPC;
	settle(&o, NULL);
	settle(&o, "no");
	close_office(&o);
	cr_assert(eq(uint, o.warnings, 1));
	cr_assert(strstr(o.last, "that 2 records are done with") != NULL, "%s", o.last);
}

/* ---- those who take from it ---- */

struct pair {
	struct office o;
	struct durable *durables[2];
	unsigned batches;
};

static void on_pair_change(void *arg)
{
	struct pair *p = arg;

	for (size_t i = 0; i < 2; i++)
		durable_changed(p->durables[i]);
	p->o.changes++;
}

static int on_send(void *arg, const struct buf *frame)
{
	(void)frame;
	((struct pair *)arg)->batches++;
	return 0;
}

static void on_time(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

/* How often the loop turns in that time. */
static unsigned turns_in(struct office *o, unsigned ms)
{
	unsigned n = 0;
	bool over = false;
	uv_timer_t timer = { .data = &over };

	(void)uv_timer_init(&o->loop, &timer);
	(void)uv_timer_start(&timer, on_time, ms, 0);
	for (; !over; n++)
		(void)uv_run(&o->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	(void)uv_run(&o->loop, UV_RUN_NOWAIT);
	return n;
}

static enum delivery_state state_of(const struct pair *p, size_t i)
{
	return durable_delivery(p->durables[i])->state;
}

/* One takes while the commit fails, the other one comes later. */
Test(clerk, who_takes_waits_while_there_is_no_journal)
{
	static const struct conf_exporter conf[] = { { .id = "a", .batch = 1 },
						     { .id = "c", .batch = 1 } };
	struct pair p = { .batches = 0 };
	unsigned turns;

	open_office(&p.o, 60000);
	for (size_t i = 0; i < 2; i++) {
		const struct durable_conf c = { &conf[i], p.o.clerk, &p.o.log, on_send, &p };

		p.durables[i] = durable_new(&p.o.loop, &c);
	}
	clerk_on_change(p.o.clerk, on_pair_change, &p);
	push(&p.o, 1);
	wait_for(&p.o, &fake.writes, 1);
	wait_for(&p.o, &p.o.changes, 2);
	cr_assert(eq(u64, durable_delivery(p.durables[0])->waiting, 1));
	fake.write_r = fake.prepare_r = -EIO;
	fake.breaks = true;
	push(&p.o, 2);
	durable_up(p.durables[0]);
	wait_for(&p.o, &p.o.errors, 1);
	durable_up(p.durables[1]);
	cr_assert(eq(int, state_of(&p, 0), DELIVERY_PARKED));
	cr_assert(eq(int, state_of(&p, 1), DELIVERY_PARKED));
	turns = turns_in(&p.o, 300);
	cr_assert(lt(uint, turns, 10), "%u turns", turns);
	cr_assert(eq(u64, durable_delivery(p.durables[0])->waiting, 1), "that is not forgotten");
	fake.write_r = fake.prepare_r = 0;
	wait_for(&p.o, &p.batches, 2);
	cr_assert(eq(int, state_of(&p, 0), DELIVERY_SENDING));
	for (size_t i = 0; i < 2; i++) {
		durable_stop(p.durables[i]);
		durable_close(p.durables[i]);
	}
	close_office(&p.o);
	for (size_t i = 0; i < 2; i++)
		durable_free(p.durables[i]);
}

/* Their verdicts cannot be committed: that is tried when it is due, not with each take. */
Test(clerk, who_takes_waits_while_nothing_can_be_settled)
{
	static const struct conf_exporter conf = { .id = "a", .batch = 1 };
	struct pair p = { .batches = 0 };
	struct durable_conf c = { &conf, NULL, NULL, on_send, &p };
	unsigned turns;

	open_office(&p.o, 0);
	c.clerk = p.o.clerk;
	c.log = &p.o.log;
	for (size_t i = 0; i < 2; i++)
		p.durables[i] = durable_new(&p.o.loop, &c);
	clerk_on_change(p.o.clerk, on_pair_change, &p);
	push(&p.o, 1);
	wait_for(&p.o, &fake.writes, 1);
	wait_for(&p.o, &p.o.changes, 2);
	fake.write_r = fake.verdicts_r = -ENOSPC;
	settle(&p.o, NULL);
	fake.entries = 9;
	wait_for(&p.o, &p.o.errors, 1);
	for (size_t i = 0; i < 2; i++)
		durable_up(p.durables[i]);
	turns = turns_in(&p.o, 300);
	cr_assert(lt(uint, turns, 10), "%u turns", turns);
	cr_assert(le(uint, fake.tried, 2), "%u commits tried", fake.tried);
	cr_assert(eq(int, state_of(&p, 0), DELIVERY_PARKED));
	fake.write_r = fake.verdicts_r = 0;
	wait_for(&p.o, &p.batches, 2);
	for (size_t i = 0; i < 2; i++) {
		durable_stop(p.durables[i]);
		durable_close(p.durables[i]);
	}
	close_office(&p.o);
	for (size_t i = 0; i < 2; i++)
		durable_free(p.durables[i]);
}
