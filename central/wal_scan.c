/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in a write-ahead file.  An entry that is damaged costs itself only: behind it the next
 * one is looked for, which the salt of this turn tells from whatever else lies there.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "central/wal_form.h"

struct scan {
	const uint8_t *bytes;
	size_t len;
	uint64_t salt, expected; /* the number of the next entry */
	uint64_t last_group;	 /* the number of the first entry of the last group */
	const struct wal_reader *reader;
	struct wal_found *found;
};

__attribute__((format(printf, 3, 4))) static void say(const struct scan *s, bool lost,
						      const char *fmt, ...)
{
	char sentence[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(sentence, sizeof sentence, fmt, ap);
	va_end(ap);
	s->found->damaged = true;
	s->reader->damage(s->reader->arg, lost, sentence);
}

/* ---- the header ---- */

static const uint8_t *header_copy(const struct scan *s, size_t at)
{
	const uint8_t *h = s->bytes + at;

	if (s->len < at + WAL_HEADER_BYTES || get_u32(h + WAL_HEADER_MAGIC) != WAL_MAGIC)
		return NULL;
	return get_u32(h + WAL_HEADER_CRC) == crc32c(0, h + WAL_HEADER_VERSION,
						     WAL_HEADER_BYTES - WAL_HEADER_VERSION)
		       ? h
		       : NULL;
}

static int read_header(struct scan *s, struct tesla_error *err)
{
	const uint8_t *a = header_copy(s, 0), *b = header_copy(s, WAL_COPY_AT), *h = a;

	if (a == NULL && b == NULL)
		return tesla_fail(err, -EBADMSG, "both copies of the header are damaged");
	if (a == NULL || b == NULL)
		say(s, false, "the copy of the header at byte %u is damaged: the other one serves",
		    a == NULL ? 0 : WAL_COPY_AT);
	if (a == NULL || (b != NULL && get_u64(b + WAL_HEADER_TURN) > get_u64(a + WAL_HEADER_TURN)))
		h = b;
	if (get_u32(h + WAL_HEADER_VERSION) != WAL_VERSION)
		return tesla_fail(err, -EBADMSG, "version %" PRIu32 ": this program reads %u",
				  get_u32(h + WAL_HEADER_VERSION), WAL_VERSION);
	if (get_u64(h + WAL_HEADER_FIRST) - 1 >= WAL_SEQ_MAX)
		return tesla_fail(err, -EBADMSG, "the header says a number that none has");
	s->salt = get_u64(h + WAL_HEADER_SALT);
	s->expected = get_u64(h + WAL_HEADER_FIRST);
	s->found->turn = get_u64(h + WAL_HEADER_TURN);
	s->found->salt = s->salt;
	return 0;
}

/* ---- entries ---- */

/* Its header is right; its bytes may not be. */
static bool is_entry(const struct scan *s, size_t at, uint64_t expected)
{
	const uint8_t *e = s->bytes + at;

	if (at > s->len || s->len - at < WAL_ENTRY || get_u64(e + WAL_ENTRY_SALT) != s->salt)
		return false;
	return get_u64(e + WAL_ENTRY_SEQ) >= expected &&
	       get_u64(e + WAL_ENTRY_SEQ) <= WAL_SEQ_MAX &&
	       get_u32(e + WAL_ENTRY_CRC) ==
		       crc32c(0, e + WAL_ENTRY_LEN, WAL_ENTRY - WAL_ENTRY_LEN);
}

static bool is_whole(const struct scan *s, size_t at)
{
	const uint8_t *e = s->bytes + at;
	size_t len = get_u32(e + WAL_ENTRY_LEN);

	return len <= s->len - at - WAL_ENTRY &&
	       get_u32(e + WAL_ENTRY_BYTES_CRC) == crc32c(0, e + WAL_ENTRY, len);
}

/* The next entry that is whole, from `at` on, or the end. */
static size_t next_whole(const struct scan *s, size_t at, uint64_t expected)
{
	while (at < s->len) {
		if (!is_entry(s, at, expected))
			at += 8;
		else if (is_whole(s, at))
			return at;
		else
			at += wal_entry_bytes(get_u32(s->bytes + at + WAL_ENTRY_LEN));
	}
	return s->len;
}

static uint64_t seq_at(const struct scan *s, size_t at)
{
	return get_u64(s->bytes + at + WAL_ENTRY_SEQ);
}

static size_t behind(const struct scan *s, size_t at)
{
	return at + wal_entry_bytes(get_u32(s->bytes + at + WAL_ENTRY_LEN));
}

/* Only of the last group can it be that the sync had not returned. */
static void find_last_group(struct scan *s)
{
	uint64_t expected = s->expected;

	s->last_group = expected;
	for (size_t at = WAL_HEADERS; (at = next_whole(s, at, expected)) < s->len;
	     at = behind(s, at)) {
		uint64_t index = get_u32(s->bytes + at + WAL_ENTRY_INDEX);

		expected = seq_at(s, at) + 1;
		s->last_group = index < expected ? expected - 1 - index : 0;
	}
}

static void say_gap(const struct scan *s, size_t at, size_t end, uint64_t next)
{
	if (s->expected >= s->last_group)
		say(s, false,
		    "bytes %zu to %zu, entries %" PRIu64 " to %" PRIu64
		    ", of the last group: cut off while being written, or damaged",
		    at, end, s->expected, next - 1);
	else
		say(s, true,
		    "bytes %zu to %zu: damaged; entries %" PRIu64 " to %" PRIu64 " are lost", at,
		    end, s->expected, next - 1);
}

/* One bit cannot change both of these; old entries and zeros have neither. */
static bool was_entry(const struct scan *s, size_t at)
{
	const uint8_t *e = s->bytes + at;

	if (at > s->len || s->len - at < WAL_ENTRY)
		return false;
	return get_u64(e + WAL_ENTRY_SALT) == s->salt || get_u64(e + WAL_ENTRY_SEQ) == s->expected;
}

static int read_entries(struct scan *s, struct tesla_error *err)
{
	size_t at = WAL_HEADERS, next;
	int r = 0;

	for (; (next = next_whole(s, at, s->expected)) < s->len && r == 0; at = behind(s, next)) {
		if (next != at || seq_at(s, next) != s->expected)
			say_gap(s, at, next, seq_at(s, next));
		s->expected = seq_at(s, next) + 1;
		s->found->n_entries++;
		r = s->reader->entry(s->reader->arg, seq_at(s, next), s->bytes + next + WAL_ENTRY,
				     get_u32(s->bytes + next + WAL_ENTRY_LEN), err);
	}
	if (r == 0 && was_entry(s, at)) {
		say(s, false,
		    "byte %zu: the last entry, %" PRIu64
		    ", was cut off while being written, or is damaged",
		    at, s->expected);
		s->expected++;
	}
	s->found->next_seq = s->expected;
	return r;
}

int wal_scan(const void *bytes, size_t len, const struct wal_reader *reader,
	     struct wal_found *found, struct tesla_error *err)
{
	struct scan s = { .bytes = bytes, .len = len, .reader = reader, .found = found };
	int r;

	*found = (struct wal_found){ 0 };
	r = read_header(&s, err);
	if (r != 0)
		return r;
	find_last_group(&s);
	return read_entries(&s, err);
}
