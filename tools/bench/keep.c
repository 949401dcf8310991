/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store of tesla-central in this process, measured: a line of JSON each.
 *   keep ingest KIND RAW DIR    the file of `payload raw KIND`, analyzer by analyzer
 *   keep small GROUP S DIR      records of ten values, so many in a group, for S seconds
 *   keep query KIND DIR         medians of reading
 *   keep open DIR               how long it takes, and what is in it
 * ingest prints a line more, ACKED and how many, after each batch, when TESLA_ACKED is set.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "central/store.h"
#include "samples.h"

#define BATCH_ROWS 2520u /* a quarter of them */
#define RUNS 200
#define GROUP_MAX 1024
#define WIDTH 10 /* values of a small record */

static void check(int r, const struct tesla_error *err)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "keep: %s\n", err->text);
	exit(1);
}

static double cpu_s(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double anonymous_mb(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[128];
	long kb = 0;

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		(void)sscanf(line, "RssAnon: %ld", &kb);
	if (f != NULL)
		(void)fclose(f);
	return (double)kb / 1024;
}

static struct store *open_store(const char *dir)
{
	struct tesla_error err = { 0 };
	struct store *s;

	check(store_open(dir, &(struct store_conf){ 0 }, &s, &err), &err);
	return s;
}

static const char *name_of(unsigned k)
{
	static char names[SAMPLES_VALUES][8];

	(void)snprintf(names[k], sizeof names[k], "v%u", k);
	return names[k];
}

/* ---- columns in ---- */

static void append_batch(struct store *s, const struct samples *a, unsigned analyzer, unsigned from,
			 int64_t step)
{
	struct store_column_element elements[SAMPLES_VALUES] = { 0 };
	struct store_column_variable variables[SAMPLES_VALUES];
	struct store_columns c = { .node = "n",
				   .analyzer = analyzer + 1,
				   .model = "m",
				   .n_rows = BATCH_ROWS,
				   .end_ms = a->end_ms + from,
				   .window_ms = step,
				   .n_variables = SAMPLES_VALUES,
				   .variables = variables };
	struct store_verdict v;
	struct tesla_error err = { 0 };

	for (unsigned k = 0; k < SAMPLES_VALUES; k++) {
		elements[k].fields[STORE_VALUE] = a->values[k] + from;
		variables[k] = (struct store_column_variable){ name_of(k), "V", TESLA_GAUGE,
							       1,	   1,	&elements[k] };
	}
	check(store_append_columns(s, &c, 1, &v, &err), &err);
	if (v.outcome == STORE_REJECTED) {
		(void)fprintf(stderr, "keep: %s\n", v.reason);
		exit(1);
	}
	store_verdicts_release(&v, 1);
}

static int ingest(char **args)
{
	int kind = samples_kind_named(args[0]), fd = open(args[1], O_RDONLY | O_CLOEXEC);
	size_t len = SAMPLES_ANALYZERS * sizeof(struct samples);
	const struct samples *all = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
	double n = 1.0 * SAMPLES_ANALYZERS * SAMPLES_VALUES * SAMPLES_ROWS, most = 0, in, done;
	struct store *s = open_store(args[2]);
	struct tesla_error err = { 0 };
	int64_t start = clock_mono_us();
	struct store_info i;
	double cpu = cpu_s();

	if (all == MAP_FAILED || kind < 0)
		return 1;
	for (unsigned from = 0; from < SAMPLES_ROWS; from += BATCH_ROWS)
		for (unsigned a = 0; a < SAMPLES_ANALYZERS; a++) {
			double mb;

			append_batch(s, &all[a], a, from, samples_step_ms((enum samples_kind)kind));
			mb = anonymous_mb();
			most = mb > most ? mb : most;
			if (getenv("TESLA_ACKED") == NULL)
				continue;
			(void)printf("ACKED %u\n", from / BATCH_ROWS * SAMPLES_ANALYZERS + a + 1);
			(void)fflush(stdout);
		}
	in = cpu_s() - cpu;
	done = (double)(clock_mono_us() - start) / 1e6;
	check(store_compact(s, true, &err), &err);
	check(store_info(s, &i, &err), &err);
	(void)printf("{\"samples\": %.0f, \"cpu_s_per_m\": %.4f, \"with_compaction\": %.4f, "
		     "\"m_per_s\": %.2f, \"bytes_per_sample\": %.4f, \"anonymous_mb\": %.1f}\n",
		     n, in / n * 1e6, (cpu_s() - cpu) / n * 1e6, n / done / 1e6,
		     (double)i.used_bytes / n, most);
	store_close(s);
	return 0;
}

/* ---- small records in ---- */

static int small(char **args)
{
	static struct tesla_record_element elements[GROUP_MAX][WIDTH];
	static struct tesla_record_variable variables[GROUP_MAX][WIDTH];
	static const struct tesla_record_variable *rows[GROUP_MAX][WIDTH];
	static struct record records[GROUP_MAX];
	static struct store_record group[GROUP_MAX];
	static struct store_verdict verdicts[GROUP_MAX];
	size_t n = strtoul(args[0], NULL, 10);
	double seconds = strtod(args[1], NULL), cpu = cpu_s(), took;
	struct store *s = open_store(args[2]);
	int64_t start = clock_mono_us(), done = 0;
	struct tesla_error err = { 0 };

	n = n < 1 ? 1 : n > GROUP_MAX ? GROUP_MAX : n;
	do {
		for (size_t i = 0; i < n; i++, done++) {
			int64_t end_ms = SAMPLES_START_MS + done / 100 * 1000;

			for (unsigned k = 0; k < WIDTH; k++) {
				double v = (double)((done * 31 + k) % 997) / 10;

				elements[i][k] =
					(struct tesla_record_element){ v,    v, v,	   NAN,
								       1000, 1, TESLA_GOOD };
				variables[i][k] = (struct tesla_record_variable){
					name_of(k), "V", TESLA_GAUGE, 1, 1, &elements[i][k]
				};
				rows[i][k] = &variables[i][k];
			}
			records[i] = (struct record){ done % 100 + 1, end_ms - 1000, end_ms, "m",
						      NULL,	      WIDTH,	     rows[i] };
			group[i] = (struct store_record){ "n", &records[i] };
		}
		check(store_append(s, group, n, verdicts, &err), &err);
		store_verdicts_release(verdicts, n);
		took = (double)(clock_mono_us() - start) / 1e6;
	} while (took < seconds);
	(void)printf("{\"records_per_s\": %.0f, \"cpu_us\": %.1f}\n", (double)done / took,
		     (cpu_s() - cpu) / (double)done * 1e6);
	store_close(s);
	return 0;
}

/* ---- queries ---- */

static size_t read_series(struct store *s, unsigned analyzer, unsigned k, int64_t from, int64_t to)
{
	struct store_query q = { "n", analyzer + 1, name_of(k), 0, STORE_VALUE, from, to };
	struct tesla_error err = { 0 };
	struct store_series *r;
	struct store_points p;
	size_t n = 0;
	int rc;

	check(store_series_open(s, &q, &r, &err), &err);
	while ((rc = store_series_next(r, &p, &err)) == 1)
		n += p.n;
	check(rc, &err);
	store_series_close(r);
	return n;
}

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static int query(char **args)
{
	static const double days[] = { 1, 7 };
	int kind = samples_kind_named(args[0]);
	struct store *s = open_store(args[1]);
	int64_t times[RUNS];

	(void)kind;
	(void)printf("{");
	for (size_t d = 0; d < 2; d++) {
		size_t n = 0;

		for (unsigned i = 0; i < RUNS; i++) {
			int64_t from = SAMPLES_START_MS +
				       (days[d] < 2 ? i % 6 * INT64_C(86400000) : 0),
				start = clock_mono_us();

			n += read_series(s, i % SAMPLES_ANALYZERS, i * 7 % SAMPLES_VALUES, from + 1,
					 from + (int64_t)(days[d] * 86400000));
			times[i] = clock_mono_us() - start;
		}
		qsort(times, RUNS, sizeof times[0], by_time);
		(void)printf("\"%s_ms\": %.3f, \"%s_points\": %zu%s", d == 0 ? "day" : "week",
			     (double)times[RUNS / 2] / 1e3, d == 0 ? "day" : "week", n / RUNS,
			     d == 0 ? ", " : "}\n");
	}
	store_close(s);
	return 0;
}

static int open_only(char **args)
{
	int64_t start = clock_mono_us();
	struct store *s = open_store(args[0]);
	double ms = (double)(clock_mono_us() - start) / 1e3;
	struct tesla_error err = { 0 };
	struct store_info i;
	uint64_t damaged;

	check(store_verify(s, &damaged, &err), &err);
	check(store_info(s, &i, &err), &err);
	(void)printf("{\"open_ms\": %.1f, \"damaged\": %llu, \"rows\": %llu}\n", ms,
		     (unsigned long long)damaged,
		     (unsigned long long)(i.block_rows + i.recent_rows));
	store_close(s);
	return 0;
}

int main(int argc, char *argv[])
{
	static const struct command {
		const char *name;
		int n_args;
		int (*run)(char **args);
	} commands[] = {
		{ "ingest", 3, ingest },
		{ "small", 3, small },
		{ "query", 2, query },
		{ "open", 1, open_only },
	};

	for (size_t i = 0; i < sizeof commands / sizeof commands[0] && argc > 1; i++)
		if (strcmp(commands[i].name, argv[1]) == 0 && argc == commands[i].n_args + 2)
			return commands[i].run(argv + 2);
	(void)fprintf(stderr,
		      "keep ingest KIND RAW DIR | small GROUP S DIR | query KIND DIR | open DIR\n");
	return 1;
}
