/* SPDX-License-Identifier: Apache-2.0 */
/* A recorder with all that it needs: a hub, a keep in a folder of its own, exporters, clocks. */
#ifndef T_RECORDER_BENCH_H
#define T_RECORDER_BENCH_H

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/record.h"
#include "daemon/recorder.h"
#include "hub_fixture.h"

#define NOON INT64_C(1795780800000) /* ms: 2026-11-27 12:00 UTC */
#define MINUTE INT64_C(60000)
#define DAY INT64_C(86400000)
#define MADE_MAX 256

struct made { /* of a record, what tests look at */
	int64_t analyzer, start_ms, end_ms;
	struct tesla_record_element voltage[3], frequency;
	char identity[20];
};

struct bench {
	char top[40], run[48], state[48], file[60], said[2000];
	struct fixture x;
	const struct conf_analyzer *first[2], *second[1];
	struct conf_exporter exporters[3];
	struct hub *hub;
	struct keep *keep;
	struct recorder *recorder;
	struct made made[MADE_MAX];
	size_t n_made, n_ready;
	int64_t mono_us;
};

static inline void on_made(void *arg, struct hub_analyzer *a, int64_t end_ms,
			   const struct buf *bytes)
{
	struct bench *b = arg;
	struct made *m = &b->made[b->n_made++];
	struct arena memory = { .blocks = NULL };
	struct tesla_error err;
	struct record r;

	cr_assert(lt(sz, b->n_made, MADE_MAX));
	cr_assert(eq(int, record_parse(bytes->pub.bytes, bytes->pub.len, &memory, &r, &err), 0),
		  "%s", err.text);
	cr_assert(eq(i64, r.analyzer, a->conf->id));
	cr_assert(eq(i64, r.end_ms, end_ms));
	cr_assert(eq(sz, r.n_variables, 2));
	*m = (struct made){ .analyzer = r.analyzer, .start_ms = r.start_ms, .end_ms = r.end_ms };
	memcpy(m->voltage, r.variables[0]->elements, sizeof m->voltage);
	m->frequency = r.variables[1]->elements[0];
	(void)snprintf(m->identity, sizeof m->identity, "%s", r.identity ? r.identity : "");
	arena_release(&memory);
}

static inline void on_ready(void *arg)
{
	struct bench *b = arg;

	b->n_ready++;
}

static inline int64_t on_mono(void *arg)
{
	const struct bench *b = arg;

	return b->mono_us;
}

static inline void on_log(void *arg, int level, const char *text)
{
	struct bench *b = arg;
	size_t at = strlen(b->said);

	(void)level;
	(void)snprintf(b->said + at, sizeof b->said - at, "%s\n", text);
}

/* Exporter "a" (durable) of 7 and 3, "live" of 7, "b" (durable) of 3; 9 has none. */
static inline void exporters_init(struct bench *b)
{
	b->first[0] = &b->x.analyzers[0];
	b->first[1] = b->second[0] = &b->x.analyzers[1];
	b->exporters[0] = (struct conf_exporter){ .id = fixture_text("a"),
						  .analyzers = b->first,
						  .n_analyzers = 2 };
	b->exporters[1] = (struct conf_exporter){ .id = fixture_text("live"),
						  .analyzers = b->first,
						  .n_analyzers = 1 };
	b->exporters[2] = (struct conf_exporter){ .id = fixture_text("b"),
						  .analyzers = b->second,
						  .n_analyzers = 1 };
	b->x.config.exporters = b->exporters;
	b->x.config.n_exporters = N_ELEMENTS(b->exporters);
}

static inline void bench_start(struct bench *b, int64_t wall_ms)
{
	static const bool durable[] = { true, false, true };
	const struct recorder_calls calls = { on_made, on_ready, b, on_mono };
	_cleanup_free_ struct keep_slot *slots = NULL;

	b->hub = fixture_hub_of(&b->x);
	cr_assert(ne(ptr, b->hub, NULL));
	slots = recorder_slots(b->hub);
	b->keep = keep_open(b->run, b->state, slots, b->hub->n_analyzers, &b->x.log);
	cr_assert(ne(ptr, b->keep, NULL));
	b->recorder = recorder_new(b->hub, b->keep, &calls, durable);
	cr_assert(ne(ptr, b->recorder, NULL));
	recorder_begin(b->recorder, false, wall_ms * 1000);
}

/* As a kill would: nothing is closed, nothing is saved. */
static inline void bench_kill(struct bench *b)
{
	recorder_free(b->recorder);
	keep_close(b->keep, false);
	hub_free(b->hub);
}

static inline void bench_fixture(struct bench *b, struct fixture *x, int64_t record_ms)
{
	fixture_init(x);
	x->log = (struct log){ .level = LOG_LEVEL_INFO, .sink = on_log, .arg = b };
	x->voltage.kind = TESLA_GAUGE;
	x->frequency.kind = TESLA_COUNTER;
	x->frequency.rating = 36000; /* 10 a second */
	x->voltage.predecessor_factor = x->frequency.predecessor_factor = 1;
	for (size_t i = 0; i < N_ELEMENTS(x->analyzers); i++)
		x->analyzers[i].record_ms = record_ms;
}

static inline void bench_init(struct bench *b, int64_t record_ms, int64_t wall_ms)
{
	(void)setenv("TZ", "UTC", 1);
	tzset();
	*b = (struct bench){ .top = "/tmp/recorder.XXXXXX" };
	cr_assert(ne(ptr, mkdtemp(b->top), NULL));
	(void)snprintf(b->run, sizeof b->run, "%s/run", b->top);
	(void)snprintf(b->state, sizeof b->state, "%s/state", b->top);
	(void)snprintf(b->file, sizeof b->file, "%s/windows", b->run);
	cr_assert(mkdir(b->run, 0700) == 0 && mkdir(b->state, 0700) == 0);
	bench_fixture(b, &b->x, record_ms);
	exporters_init(b);
	bench_start(b, wall_ms);
}

static inline void bench_release(struct bench *b)
{
	bench_kill(b);
	(void)unlink(b->file);
	cr_expect(rmdir(b->run) == 0 && rmdir(b->state) == 0 && rmdir(b->top) == 0);
}

static inline void set(struct bench *b, int64_t id, size_t variable, int64_t t_ms, double value)
{
	struct hub_last *last = &hub_analyzer(b->hub, id)->last[variable];

	last->t_us = t_ms * 1000;
	for (size_t i = 0; i < last->n_elements; i++)
		last->elements[i] = (struct tesla_element){ value, TESLA_GOOD };
}

/* Both variables, of the same instant, taken in at wall_ms. */
static inline void sweep(struct bench *b, int64_t id, int64_t t_ms, int64_t wall_ms, double volts,
			 double count)
{
	static const size_t which[] = { 0, 1 };

	set(b, id, 0, t_ms, volts);
	set(b, id, 1, t_ms, count);
	recorder_add(b->recorder, hub_analyzer(b->hub, id), which, 2, wall_ms * 1000);
}

static inline void tick(struct bench *b, int64_t wall_ms)
{
	recorder_tick(b->recorder, wall_ms * 1000);
}

static inline struct recorder_counts counts(const struct bench *b)
{
	struct recorder_counts c;

	recorder_counts(b->recorder, &c);
	return c;
}

/* A sweep of 7 and a tick every second. */
static inline void go(struct bench *b, int64_t from_ms, int64_t minutes)
{
	for (int64_t s = 0; s < minutes * 60; s++) {
		sweep(b, 7, from_ms + s * 1000, from_ms + s * 1000, 200, (double)s);
		tick(b, from_ms + s * 1000);
	}
}

static inline size_t made_of_7(const struct bench *b, struct made *of)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_made; i++)
		if (b->made[i].analyzer == 7)
			of[n++] = b->made[i];
	return n;
}

#endif
