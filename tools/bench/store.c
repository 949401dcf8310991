/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store of tesla-central costs: CPU seconds per million samples, by the way they come in.
 *   store rows|columns|minutes DIR MILLIONS   a line for each tenth: samples, CPU s per million
 *   store codec                              encoding and decoding, values a second
 * A sample is one element of one variable: 40 gauges of an analyzer, of 25 analyzers, each minute;
 * the values walk, with one decimal.  rows: records; columns: a week in each batch; minutes: an
 * hour.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/cleanup.h"
#include "central/codec.h"
#include "central/store.h"

#define N_ANALYZERS 25
#define N_GAUGES 40
#define MINUTE_MS INT64_C(60000)
#define START_MS (INT64_C(2960) * 7 * 1440 * MINUTE_MS)
#define ROWS_MAX 10080
#define GROUP 200		       /* records that are synced together */
#define COMPACT_EVERY INT64_C(2000000) /* samples */

struct bench {
	struct store *store;
	const char *name[N_GAUGES];
	double level[N_ANALYZERS][N_GAUGES];
	uint64_t random;
	int64_t minute; /* so many were stored of each analyzer */
	double numbers[N_GAUGES][ROWS_MAX];
	int64_t times[ROWS_MAX];
	double out[ROWS_MAX];
	char names[N_GAUGES][8];
	struct { /* a group of records */
		struct tesla_record_element elements[N_GAUGES];
		struct tesla_record_variable variables[N_GAUGES];
		const struct tesla_record_variable *rows[N_GAUGES];
		struct record record;
	} made[GROUP];
};

static void fail(const char *what, const struct tesla_error *err)
{
	(void)fprintf(stderr, "store: %s: %s\n", what, err->text);
	exit(1);
}

static double cpu_s(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double next_value(struct bench *b, size_t analyzer, size_t gauge)
{
	double *level = &b->level[analyzer][gauge];

	b->random = b->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	*level += (double)(int64_t)(b->random >> 60) - 7;
	if (*level < 0)
		*level = 0;
	return round(*level) / 10;
}

/* ---- the ways in ---- */

static void add_rows(struct bench *b)
{
	struct store_record group[GROUP];
	struct store_verdict verdicts[GROUP];
	struct tesla_error err;

	for (size_t i = 0; i < GROUP; i++) {
		size_t analyzer = i % N_ANALYZERS;
		int64_t end_ms =
			START_MS + (b->minute + (int64_t)(i / N_ANALYZERS) + 1) * MINUTE_MS;

		for (size_t g = 0; g < N_GAUGES; g++) {
			double v = next_value(b, analyzer, g);

			b->made[i].elements[g] =
				(struct tesla_record_element){ v,	  v - 0.5, v + 0.5,   NAN,
							       MINUTE_MS, 60,	   TESLA_GOOD };
			b->made[i].variables[g] = (struct tesla_record_variable){
				b->name[g], "V", TESLA_GAUGE, 1, 1, &b->made[i].elements[g]
			};
			b->made[i].rows[g] = &b->made[i].variables[g];
		}
		b->made[i].record = (struct record){ (int64_t)analyzer + 1,
						     end_ms - MINUTE_MS,
						     end_ms,
						     "PM710",
						     "15165",
						     N_GAUGES,
						     b->made[i].rows };
		group[i] = (struct store_record){ "n1", &b->made[i].record };
	}
	b->minute += GROUP / N_ANALYZERS;
	if (store_append(b->store, group, GROUP, verdicts, &err) != 0)
		fail("append", &err);
	store_verdicts_release(verdicts, GROUP);
}

static void add_columns(struct bench *b, size_t n)
{
	int64_t *end_ms = b->times;
	struct store_column_element elements[N_GAUGES] = { 0 };
	struct store_column_variable variables[N_GAUGES];
	struct store_columns c = { "n1",   0,	      "PM710",	"15165",  n,
				   end_ms, MINUTE_MS, N_GAUGES, variables };
	struct store_verdict v;
	struct tesla_error err;

	for (size_t i = 0; i < n; i++)
		end_ms[i] = START_MS + (b->minute + (int64_t)i + 1) * MINUTE_MS;
	for (size_t a = 0; a < N_ANALYZERS; a++) {
		for (size_t g = 0; g < N_GAUGES; g++) {
			for (size_t i = 0; i < n; i++)
				b->numbers[g][i] = next_value(b, a, g);
			elements[g].fields[STORE_VALUE] = b->numbers[g];
			variables[g] =
				(struct store_column_variable){ b->name[g], "V", TESLA_GAUGE,
								1,	    1,	 &elements[g] };
		}
		c.analyzer = (int64_t)a + 1;
		if (store_append_columns(b->store, &c, 1, &v, &err) != 0)
			fail("append", &err);
		if (v.outcome != STORE_STORED)
			(void)fprintf(stderr, "store: %s\n", v.reason != NULL ? v.reason : "again");
		store_verdicts_release(&v, 1);
	}
	b->minute += (int64_t)n;
}

static void add(struct bench *b, const char *how)
{
	if (strcmp(how, "rows") == 0)
		add_rows(b);
	else
		add_columns(b, strcmp(how, "columns") == 0 ? ROWS_MAX : 60);
}

/* What making the values costs. */
static double cost_of_values(struct bench *b, int64_t n)
{
	double before = cpu_s();

	for (int64_t i = 0; i < n; i++)
		b->numbers[i % N_GAUGES][i % ROWS_MAX] = next_value(b, 0, (size_t)i % N_GAUGES);
	return cpu_s() - before;
}

static void ingest(struct bench *b, const char *how, const char *dir, double millions)
{
	int64_t want = (int64_t)(millions * 1e6), done = 0, said = 0, compacted = 0, per;
	struct tesla_error err = { 0 };
	double start, own = cost_of_values(b, 1000000) / 1e6, now, last;
	struct store_info i;

	if (store_open(dir, &(struct store_conf){ 0 }, &b->store, &err) != 0)
		fail("open", &err);
	start = last = cpu_s();
	while (done < want) {
		int64_t before = b->minute;

		add(b, how);
		per = (b->minute - before) * N_ANALYZERS * N_GAUGES;
		done += per;
		if (done - compacted >= COMPACT_EVERY) {
			compacted = done;
			if (store_compact(b->store, false, &err) != 0)
				fail("compact", &err);
		}
		if (done - said < want / 10)
			continue;
		now = cpu_s();
		(void)printf("%.1f M samples: %.3f CPU s per million\n", (double)done / 1e6,
			     ((now - last) / (double)(done - said) - own) * 1e6);
		said = done;
		last = now;
	}
	if (store_compact(b->store, true, &err) != 0 || store_info(b->store, &i, &err) != 0)
		fail("compact", &err);
	(void)printf("all: %.3f CPU s per million; %.3f bytes a sample in blocks, %.3f used; %llu "
		     "blocks, %llu transactions, %llu slow, longest %.1f ms\n",
		     ((cpu_s() - start) / (double)done - own) * 1e6,
		     (double)i.block_bytes / (double)done, (double)i.used_bytes / (double)done,
		     (unsigned long long)i.n_blocks, (unsigned long long)i.transactions,
		     (unsigned long long)i.slow_transactions, (double)i.longest_us / 1e3);
	store_close(b->store);
}

/* ---- the codec alone ---- */

static void codec(struct bench *b)
{
	const double *columns[N_GAUGES];
	int64_t *times = b->times;
	struct codec_rows rows = { times, ROWS_MAX, N_GAUGES, columns };
	double *out = b->out;
	struct tesla_error err = { 0 };
	struct codec_block block;
	struct buf bytes;
	double start, n = (double)N_GAUGES * ROWS_MAX * 10;

	for (size_t i = 0; i < ROWS_MAX; i++)
		times[i] = START_MS + (int64_t)i * MINUTE_MS;
	for (size_t g = 0; g < N_GAUGES; g++) {
		for (size_t i = 0; i < ROWS_MAX; i++)
			b->numbers[g][i] = next_value(b, 0, g);
		columns[g] = b->numbers[g];
	}
	buf_init(&bytes, CODEC_BYTES_MAX);
	start = cpu_s();
	for (int k = 0; k < 10; k++) {
		buf_clear(&bytes);
		if (codec_encode(&rows, &bytes, &err) != 0)
			fail("encode", &err);
	}
	(void)printf("encode %.1f M values/s, %.3f bytes a value\n", n / (cpu_s() - start) / 1e6,
		     (double)bytes.pub.len * 10 / n);
	start = cpu_s();
	for (int k = 0; k < 10; k++) {
		if (codec_open(bytes.pub.bytes, bytes.pub.len, &block, &err) != 0)
			fail("open", &err);
		for (size_t g = 0; g < N_GAUGES; g++)
			if (codec_column(&block, g, out, &err) != 0)
				fail("decode", &err);
	}
	(void)printf("decode %.1f M values/s\n", n / (cpu_s() - start) / 1e6);
	buf_release(&bytes);
}

int main(int argc, char *argv[])
{
	struct bench *b = calloc(1, sizeof *b);

	if (b == NULL || argc < 2 || (strcmp(argv[1], "codec") != 0 && argc != 4)) {
		(void)fprintf(stderr, "usage: store codec | rows|columns|minutes DIR MILLIONS\n");
		return 2;
	}
	b->random = 1;
	for (size_t g = 0; g < N_GAUGES; g++) {
		(void)snprintf(b->names[g], sizeof b->names[g], "G%zu", g);
		b->name[g] = b->names[g];
		for (size_t a = 0; a < N_ANALYZERS; a++)
			b->level[a][g] = 2300;
	}
	if (strcmp(argv[1], "codec") == 0)
		codec(b);
	else
		ingest(b, argv[1], argv[2], strtod(argv[3], NULL));
	free(b);
	return 0;
}
