/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal in a scratch folder, in memory where that can be had, with records whose bytes follow
 * from analyzer and end: whoever meets one can tell whether it is right.
 */
#ifndef UNIT_JOURNAL_FIXTURE_H
#define UNIT_JOURNAL_FIXTURE_H

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/journal.h"

#define QUARTER_MS (15 * 60 * (int64_t)1000)
#define START_MS ((int64_t)1795000000000)
#define SAMPLE_MAX 8192

struct scratch {
	char dir[64], journal[80];
};

static inline struct scratch scratch_new(void)
{
	struct scratch s = { .dir = "/dev/shm/tesla-journal-XXXXXX" };

	if (mkdtemp(s.dir) == NULL) {
		(void)snprintf(s.dir, sizeof s.dir, "/tmp/tesla-journal-XXXXXX");
		cr_assert(mkdtemp(s.dir) != NULL);
	}
	(void)snprintf(s.journal, sizeof s.journal, "%s/journal", s.dir);
	return s;
}

static inline int scratch_remove_one(const char *path, const struct stat *s, int type,
				     struct FTW *f)
{
	(void)s;
	(void)type;
	(void)f;
	return remove(path);
}

static inline void scratch_remove_name(const char *path)
{
	(void)nftw(path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void scratch_remove(const struct scratch *s)
{
	scratch_remove_name(s->dir);
}

static inline struct journal *fixture_open(const char *dir, const struct journal_limits *limits)
{
	static const struct journal_limits plenty = { .bytes = 64 << 20, .rejects = 1000 };
	struct journal *j = NULL;
	struct tesla_error err = { 0 };

	cr_assert(eq(int, journal_open(dir, limits == NULL ? &plenty : limits, &j, &err), 0), "%s",
		  err.text);
	return j;
}

static inline uint16_t fixture_exporter(struct journal *j, const char *id)
{
	struct tesla_error err = { 0 };
	uint16_t no = 0;

	cr_assert(eq(int, journal_exporter(j, id, &no, &err), 0), "%s", err.text);
	return no;
}

/* Its bytes: analyzer, end, length, and then numbers that follow from these. */
struct sample {
	int64_t analyzer, end_ms, len;
	uint8_t rest[SAMPLE_MAX];
};

static inline void sample_fill(struct sample *s, int64_t analyzer, int64_t end_ms, size_t len)
{
	uint64_t x = (uint64_t)analyzer * 1000003u + (uint64_t)end_ms;

	*s = (struct sample){ .analyzer = analyzer, .end_ms = end_ms, .len = (int64_t)len };
	for (size_t i = 0; i + offsetof(struct sample, rest) < len; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		s->rest[i] = (uint8_t)(x >> 56);
	}
}

/* A record that was ours, unchanged. */
static inline bool sample_right(const void *bytes, size_t len)
{
	struct sample is, expected;

	if (len < offsetof(struct sample, rest) || len > sizeof is)
		return false;
	memcpy(&is, bytes, offsetof(struct sample, rest));
	sample_fill(&expected, is.analyzer, is.end_ms, len);
	return memcmp(&expected, bytes, len) == 0;
}

/* One record for these exporters; the result of journal_write. */
static inline int fixture_write(struct journal *j, int64_t analyzer, int64_t end_ms, size_t len,
				const uint16_t *exporters, size_t n, struct tesla_error *err)
{
	struct sample s;

	sample_fill(&s, analyzer, end_ms, len);
	return journal_write(j,
			     &(struct journal_entry){ analyzer, end_ms, exporters, n, &s, len,
						      end_ms - QUARTER_MS },
			     1, NULL, 0, end_ms, err);
}

/* Records of analyzer 1 for exporter `no`, a quarter of an hour apart, in one commit each. */
static inline void fixture_fill(struct journal *j, uint16_t no, size_t from, size_t n, size_t len)
{
	struct tesla_error err = { 0 };

	for (size_t i = from; i < from + n; i++)
		cr_assert(eq(int,
			     fixture_write(j, 1, START_MS + (int64_t)i * QUARTER_MS, len, &no, 1,
					   &err),
			     0),
			  "%s", err.text);
}

static inline const struct journal_exporter_info *fixture_info(struct journal_info *info,
							       uint16_t no)
{
	for (size_t i = 0; i < info->n_exporters; i++)
		if (info->exporters[i].no == no)
			return &info->exporters[i];
	cr_assert(false, "no exporter %u", (unsigned)no);
	return NULL;
}

#endif
