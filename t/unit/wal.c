/* SPDX-License-Identifier: Apache-2.0 */
/* The write-ahead file: what was appended is there, and what may have happened to it is said. */
#include "central/wal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "central/wal_form.h"

#define SIZE 16384u
#define ENTRIES_MAX 64

/* ---- a file in a scratch folder ---- */

struct scratch {
	char dir[64], path[80];
};

static struct scratch scratch_new(void)
{
	struct scratch s = { .dir = "/tmp/tesla-wal-XXXXXX" };

	cr_assert(mkdtemp(s.dir) != NULL);
	(void)snprintf(s.path, sizeof s.path, "%s/wal", s.dir);
	return s;
}

static void scratch_remove(const struct scratch *s)
{
	(void)unlink(s->path);
	(void)rmdir(s->dir);
}

struct heard {
	uint64_t seqs[ENTRIES_MAX];
	size_t lens[ENTRIES_MAX], n;
	bool wrong; /* an entry whose bytes do not follow from its number */
	unsigned lost, other;
	char sentence[256];
	int answer; /* of the entry */
};

/* Entry `seq` is so long, and of such bytes. */
static size_t length_of(uint64_t seq)
{
	return seq * 7 % 40;
}

static uint8_t byte_of(uint64_t seq, size_t i)
{
	return (uint8_t)(seq * 31 + i);
}

static int hear_entry(void *arg, uint64_t seq, const void *bytes, size_t len,
		      struct tesla_error *err)
{
	struct heard *h = arg;

	h->wrong = h->wrong || len != length_of(seq) || h->n == ENTRIES_MAX;
	for (size_t i = 0; i < len && !h->wrong; i++)
		h->wrong = ((const uint8_t *)bytes)[i] != byte_of(seq, i);
	h->seqs[h->n++ % ENTRIES_MAX] = seq;
	return h->answer != 0 ? tesla_fail(err, h->answer, "asked for") : 0;
}

static void hear_damage(void *arg, bool lost, const char *sentence)
{
	struct heard *h = arg;

	h->lost += lost;
	h->other += !lost;
	(void)snprintf(h->sentence, sizeof h->sentence, "%s", sentence);
}

static struct wal *wal_at(const struct scratch *s, struct heard *h)
{
	struct wal_reader reader = { hear_entry, hear_damage, h };
	struct tesla_error err = { 0 };
	struct wal *w = NULL;

	cr_assert(wal_open(s->path, SIZE, &reader, &w, &err) == 0, "%s", err.text);
	return w;
}

static struct wal *fresh(const struct scratch *s)
{
	struct heard h = { 0 };
	struct tesla_error err = { 0 };
	struct wal *w = wal_at(s, &h);

	cr_assert(wal_reset(w, 0, &err) == 0, "%s", err.text);
	return w;
}

static int append(struct wal *w, uint64_t first, size_t n, struct tesla_error *err)
{
	struct wal_entry entries[ENTRIES_MAX];
	uint8_t bytes[ENTRIES_MAX][64];
	uint64_t last;
	int r;

	for (size_t k = 0; k < n; k++) {
		for (size_t i = 0; i < 64; i++)
			bytes[k][i] = byte_of(first + k, i);
		entries[k] = (struct wal_entry){ bytes[k], length_of(first + k) };
	}
	r = wal_append(w, entries, n, &last, err);
	cr_assert(r != 0 || last == first + n - 1);
	return r;
}

/* Groups of 2, 1, 3: entries 1 to 6. */
static void write_six(const struct scratch *s)
{
	struct tesla_error err = { 0 };
	struct wal *w = fresh(s);

	cr_assert(append(w, 1, 2, &err) == 0, "%s", err.text);
	cr_assert(append(w, 3, 1, &err) == 0, "%s", err.text);
	cr_assert(append(w, 4, 3, &err) == 0, "%s", err.text);
	wal_close(w);
}

static size_t end_of(uint64_t last) /* of a file with entries from 1 on */
{
	size_t end = WAL_HEADERS;

	for (uint64_t seq = 1; seq <= last; seq++)
		end += wal_entry_bytes(length_of(seq));
	return end;
}

static uint8_t *whole_file(const struct scratch *s, size_t *len)
{
	struct tesla_error err;
	char *bytes;

	cr_assert(file_read(s->path, 1 << 20, &bytes, len, &err) == 0);
	return (uint8_t *)bytes;
}

static int scan(const uint8_t *bytes, size_t len, struct heard *h)
{
	struct wal_reader reader = { hear_entry, hear_damage, h };
	struct tesla_error err = { 0 };
	struct wal_found found;
	int r;

	*h = (struct heard){ 0 };
	r = wal_scan(bytes, len, &reader, &found, &err);
	cr_assert(r == 0 || err.text[0] != '\0');
	cr_assert(!h->wrong);
	return r;
}

/* ---- tests ---- */

Test(wal, what_was_appended_is_replayed)
{
	struct scratch s = scratch_new();
	struct heard h = { 0 };

	write_six(&s);
	wal_close(wal_at(&s, &h));
	cr_expect(h.n == 6 && !h.wrong && h.lost == 0 && h.other == 0);
	for (size_t i = 0; i < h.n; i++)
		cr_expect(h.seqs[i] == i + 1);
	scratch_remove(&s);
}

Test(wal, begins_anew_and_numbers_go_on)
{
	struct scratch s = scratch_new();
	struct heard h = { 0 }, again = { 0 };
	struct tesla_error err = { 0 };
	struct wal *w;

	write_six(&s);
	w = wal_at(&s, &h);
	cr_expect(append(w, 7, 1, &err) == -EXFULL, "before it was begun anew");
	cr_assert(wal_reset(w, 3, &err) == 0);
	cr_expect(append(w, 7, 1, &err) == 0, "%s", err.text);
	cr_assert(wal_reset(w, 20, &err) == 0);
	cr_expect(append(w, 21, 2, &err) == 0, "%s", err.text);
	wal_close(w);
	wal_close(wal_at(&s, &again));
	cr_expect(again.n == 2 && again.seqs[0] == 21 && again.seqs[1] == 22 && !again.wrong);
	cr_expect(again.lost == 0 && again.other == 0, "%s", again.sentence);
	scratch_remove(&s);
}

Test(wal, is_full_and_takes_no_more_than_ever_fits)
{
	struct scratch s = scratch_new();
	struct tesla_error err = { 0 };
	struct wal *w = fresh(&s);
	uint8_t *large = calloc(1, SIZE);
	struct wal_entry entry = { large, SIZE - WAL_HEADERS - WAL_ENTRY + 1 };
	uint64_t seq = 1, last;

	cr_expect(wal_append(w, &entry, 1, &last, &err) == -EMSGSIZE);
	entry.len--;
	cr_expect(wal_append(w, &entry, 1, &last, &err) == 0, "%s", err.text);
	cr_assert(wal_reset(w, 0, &err) == 0);
	for (seq = 2; append(w, seq, 1, &err) == 0; seq++)
		;
	cr_expect(err.code == -EXFULL && seq > 100);
	cr_assert(wal_reset(w, 0, &err) == 0);
	cr_expect(append(w, seq, 1, &err) == 0, "%s", err.text);
	wal_close(w);
	free(large);
	scratch_remove(&s);
}

Test(wal, a_group_that_was_not_written_is_not_taken)
{
	struct scratch s = scratch_new();
	struct rlimit all, few = { WAL_HEADERS + 100, RLIM_INFINITY };
	struct heard h = { 0 };
	struct tesla_error err = { 0 };
	struct wal *w = fresh(&s);

	cr_assert(getrlimit(RLIMIT_FSIZE, &all) == 0 && signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	few.rlim_max = all.rlim_max;
	cr_assert(append(w, 1, 1, &err) == 0);
	cr_assert(setrlimit(RLIMIT_FSIZE, &few) == 0);
	cr_expect(append(w, 2, 3, &err) == -EFBIG);
	cr_expect(append(w, 5, 1, &err) == -EXFULL, "not before it begins anew");
	cr_assert(setrlimit(RLIMIT_FSIZE, &all) == 0);
	cr_assert(wal_reset(w, 0, &err) == 0);
	cr_expect(append(w, 5, 1, &err) == 0, "%s", err.text);
	wal_close(w);
	wal_close(wal_at(&s, &h));
	cr_expect(h.n == 1 && h.seqs[0] == 5 && h.lost == 0);
	scratch_remove(&s);
}

Test(wal, a_reader_that_fails_ends_it)
{
	struct scratch s = scratch_new();
	struct heard h = { .answer = -ENOSPC };
	struct wal_reader reader = { hear_entry, hear_damage, &h };
	struct tesla_error err = { 0 };
	struct wal *w = NULL;

	write_six(&s);
	cr_expect(wal_open(s.path, SIZE, &reader, &w, &err) == -ENOSPC && w == NULL && h.n == 1);
	cr_expect(strstr(err.text, "asked for") != NULL, "%s", err.text);
	scratch_remove(&s);
}

/* Which of the six is not there; 0: all are. */
static uint64_t missing(const struct heard *h)
{
	uint64_t gone = 0;
	size_t i = 0;

	for (uint64_t seq = 1; seq <= 6; seq++) {
		if (i < h->n && h->seqs[i] == seq) {
			i++;
			continue;
		}
		cr_assert(gone == 0, "%u and %u are gone", (unsigned)gone, (unsigned)seq);
		gone = seq;
	}
	cr_assert(i == h->n);
	return gone;
}

Test(wal, every_flipped_bit_costs_one_entry_at_most_and_is_said)
{
	struct scratch s = scratch_new();
	struct heard h = { 0 };
	size_t len;

	write_six(&s);
	_cleanup_free_ uint8_t *bytes = whole_file(&s, &len);

	for (size_t bit = 0; bit < 8 * (end_of(6) + 64); bit++) {
		uint64_t gone;
		bool header = bit / 8 % WAL_COPY_AT < WAL_HEADER_BYTES && bit / 8 < WAL_HEADERS;

		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_assert(scan(bytes, len, &h) == 0, "bit %zu", bit);
		gone = missing(&h);
		cr_assert((h.lost + h.other != 0) == (gone != 0 || header), "bit %zu: %s", bit,
			  h.sentence);
		cr_assert((h.lost == 1) == (gone >= 1 && gone <= 3), "bit %zu: %s", bit,
			  h.sentence);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	scratch_remove(&s);
}

Test(wal, every_cut_leaves_what_is_before_it)
{
	struct scratch s = scratch_new();
	struct heard h = { 0 };
	size_t whole;

	write_six(&s);
	_cleanup_free_ uint8_t *bytes = whole_file(&s, &whole);

	for (size_t len = 0; len < end_of(6); len++) {
		uint8_t *copy = malloc(len > 0 ? len : 1); /* ASan sees who reads further */
		size_t n = 0;
		int r;

		memcpy(copy, bytes, len);
		r = scan(copy, len, &h);
		free(copy);
		while (n < 6 && end_of(n) + WAL_ENTRY + length_of(n + 1) <= len)
			n++;
		cr_assert(r == (len < WAL_HEADER_BYTES ? -EBADMSG : 0), "%zu", len);
		cr_assert(h.n == n && h.lost == 0, "%zu: %zu entries, %s", len, h.n, h.sentence);
	}
	scratch_remove(&s);
}

/* The disk may write the pages of a group in any order. */
Test(wal, holes_in_the_last_group_are_no_loss)
{
	struct scratch s = scratch_new();
	struct heard h = { 0 };
	size_t len;

	write_six(&s);
	_cleanup_free_ uint8_t *bytes = whole_file(&s, &len);

	memset(bytes + end_of(3), 0, end_of(4) - end_of(3));
	cr_assert(scan(bytes, len, &h) == 0);
	cr_expect(missing(&h) == 4 && h.lost == 0 && h.other == 1, "%s", h.sentence);
	scratch_remove(&s);
}

Test(wal, two_damaged_places)
{
	struct scratch s = scratch_new();
	char place[40];
	struct heard h = { 0 };
	size_t len;

	write_six(&s);
	_cleanup_free_ uint8_t *bytes = whole_file(&s, &len);

	bytes[end_of(0) + WAL_ENTRY] ^= 1;
	memset(bytes + end_of(2), 0xff, WAL_ENTRY);
	cr_assert(scan(bytes, len, &h) == 0);
	cr_expect(h.n == 4 && h.seqs[0] == 2 && h.seqs[1] == 4 && h.lost == 2);
	(void)snprintf(place, sizeof place, "bytes %zu to %zu", end_of(2), end_of(3));
	cr_expect(strstr(h.sentence, place) != NULL, "%s", h.sentence);
	scratch_remove(&s);
}

Test(wal, a_cut_file_is_made_whole)
{
	struct scratch s = scratch_new();
	struct heard h = { 0 };
	struct tesla_error err = { 0 };
	struct wal *w;

	write_six(&s);
	cr_assert(truncate(s.path, (off_t)end_of(3)) == 0);
	w = wal_at(&s, &h);
	cr_expect(h.n == 3);
	cr_assert(wal_reset(w, 0, &err) == 0, "%s", err.text);
	for (uint64_t seq = 4; seq < 20; seq++)
		cr_assert(append(w, seq, 1, &err) == 0, "%s", err.text);
	wal_close(w);
	scratch_remove(&s);
}
