/* SPDX-License-Identifier: Apache-2.0 */
/* For tests that damage, copy and mend stores: a scratch store, records, and what is in it. */
#ifndef UNIT_STORE_CARE_H
#define UNIT_STORE_CARE_H

#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/crc.h"
#include "base/file.h"
#include "central/store.h"

#define MINUTE INT64_C(60000)
#define WEEK (7 * 1440 * MINUTE)
#define START (INT64_C(2960) * WEEK) /* the beginning of a week */

/* ---- folders ---- */

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *w)
{
	(void)s;
	(void)type;
	(void)w;
	return remove(path);
}

static inline void remove_all(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void scratch_make(char dir[64])
{
	(void)snprintf(dir, 64, "/dev/shm/tesla-care-XXXXXX");
	if (mkdtemp(dir) == NULL) {
		(void)snprintf(dir, 64, "/tmp/tesla-care-XXXXXX");
		cr_assert(mkdtemp(dir) != NULL);
	}
}

static inline char *path_of(const char *dir, const char *name)
{
	char *path = NULL;

	cr_assert(asprintf(&path, "%s/%s", dir, name) >= 0);
	return path;
}

static inline void put_bytes(const char *dir, const char *name, const void *bytes, size_t len)
{
	_cleanup_free_ char *path = path_of(dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	cr_assert(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	(void)close(fd);
}

static inline char *get_bytes(const char *dir, const char *name, size_t *len)
{
	_cleanup_free_ char *path = path_of(dir, name);
	struct tesla_error err = { 0 };
	char *bytes;

	cr_assert(file_read(path, SIZE_MAX / 2, &bytes, len, &err) == 0, "%s", err.text);
	return bytes;
}

/* ---- a store; small, so that everything happens ---- */

struct care {
	unsigned n_lost, n_notes;
	char said[400];
	struct store_conf conf;
};

static void care_hear(void *arg, bool lost, const char *sentence)
{
	struct care *c = arg;

	c->n_lost += lost;
	c->n_notes += !lost;
	(void)snprintf(c->said, sizeof c->said, "%s", sentence);
}

static inline void care_init(struct care *c)
{
	*c = (struct care){ .conf = { .wal_bytes = 1 << 16,
				      .map_bytes = 1 << 16,
				      .cells_max = 1 << 12,
				      .damage = care_hear,
				      .arg = c } };
}

static inline struct store *care_open(struct care *c, const char *dir)
{
	struct tesla_error err = { 0 };
	struct store *s = NULL;

	cr_assert(store_open(dir, &c->conf, &s, &err) == 0, "%s", err.text);
	return s;
}

/* Analyzers 100 and up have a counter too: another set of variables. */
static inline void care_append(struct store *s, int64_t analyzer, int64_t end_ms)
{
	const double v = (double)(2200 + (end_ms / 1000 * 7919 + analyzer * 31) % 200) / 10;
	const struct tesla_record_element volts[2] = {
		{ v, v - 1, v + 1, NAN, MINUTE, 60, TESLA_GOOD },
		{ v / 3, v / 3, v / 3, NAN, MINUTE, 60, TESLA_GOOD },
	};
	const struct tesla_record_element count = {
		(double)(end_ms / MINUTE), NAN, NAN, 1, MINUTE, 60, TESLA_GOOD
	};
	const struct tesla_record_variable tpf = { "TPF", "V", TESLA_GAUGE, 1, 2, volts },
					   cea = { "CEA", "Wh", TESLA_COUNTER, 0.001, 1, &count };
	const struct tesla_record_variable *const rows[] = { &tpf, &cea };
	const struct record record = { analyzer, end_ms - MINUTE,	 end_ms, "PM710",
				       "15165",	 analyzer < 100 ? 1 : 2, rows };
	struct store_verdict verdict;
	struct tesla_error err = { 0 };

	cr_assert(store_append(s, &(struct store_record){ "n1", &record }, 1, &verdict, &err) == 0,
		  "%s", err.text);
	cr_assert(verdict.outcome != STORE_REJECTED, "%s", verdict.reason);
}

/* ---- what is in it: of each record its key, and a checksum of all of it ---- */

struct seen {
	int64_t analyzer, end_ms;
	uint32_t crc;
};
struct dump {
	struct seen *at;
	size_t n, cap;
};

static int dump_add(void *arg, const struct store_record *r, struct tesla_error *err)
{
	struct dump *d = arg;
	struct buf b;

	(void)err;
	if (d->n == d->cap) {
		d->cap = d->cap != 0 ? 2 * d->cap : 64;
		d->at = realloc(d->at, d->cap * sizeof *d->at);
		cr_assert(d->at != NULL);
	}
	buf_init(&b, RECORD_BYTES_MAX);
	cr_assert(record_encode(r->record, &b) == 0);
	d->at[d->n++] = (struct seen){ r->record->analyzer, r->record->end_ms,
				       crc32c(0, b.pub.bytes, b.pub.len) };
	buf_release(&b);
	return 0;
}

static int seen_order(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	if (x->analyzer != y->analyzer)
		return x->analyzer < y->analyzer ? -1 : 1;
	return x->end_ms < y->end_ms ? -1 : x->end_ms > y->end_ms;
}

static inline int dump_try(struct store *s, struct dump *d, struct tesla_error *err)
{
	int r;

	*d = (struct dump){ 0 };
	r = store_walk(s, dump_add, d, err);
	if (d->n > 0)
		qsort(d->at, d->n, sizeof d->at[0], seen_order);
	return r;
}

static inline struct dump dump_of(struct store *s)
{
	struct tesla_error err = { 0 };
	struct dump d;

	cr_assert(dump_try(s, &d, &err) == 0, "%s", err.text);
	for (size_t i = 1; i < d.n; i++)
		cr_assert(seen_order(&d.at[i - 1], &d.at[i]) < 0, "a record comes twice");
	return d;
}

static inline bool seen_same(const struct seen *a, const struct seen *b)
{
	return seen_order(a, b) == 0 && a->crc == b->crc;
}

/* How many of `want` are not in `got`; every one of `got` must be one of `want`. */
static inline size_t dump_missing(const struct dump *want, const struct dump *got)
{
	size_t k = 0;

	for (size_t i = 0; i < want->n; i++)
		if (k < got->n && seen_same(&want->at[i], &got->at[k]))
			k++;
	cr_assert(k == got->n, "a record that nobody stored: %lld %lld",
		  (long long)got->at[k].analyzer, (long long)got->at[k].end_ms);
	return want->n - got->n;
}

static inline uint64_t care_verify(struct store *s)
{
	struct tesla_error err = { 0 };
	uint64_t n;

	cr_assert(store_verify(s, &n, &err) == 0, "%s", err.text);
	return n;
}

#endif
