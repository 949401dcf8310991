/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that survives a kill: killed at any instant, left, damaged, moved, and with no room. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "daemon/keep.h"

/* ---- a place of its own per test ---- */

struct place {
	char top[40], run[48], state[48], run_file[60], state_file[60];
	struct log log;
	char said[4096]; /* everything that was logged */
};

static void on_log(void *arg, int level, const char *text)
{
	struct place *p = arg;
	size_t at = strlen(p->said);

	(void)level;
	(void)snprintf(p->said + at, sizeof p->said - at, "%s\n", text);
}

static void place_init(struct place *p)
{
	*p = (struct place){ .top = "/tmp/keep.XXXXXX",
			     .log = { .level = LOG_LEVEL_DEBUG, .sink = on_log, .arg = p } };
	cr_assert(ne(ptr, mkdtemp(p->top), NULL));
	(void)snprintf(p->run, sizeof p->run, "%s/run", p->top);
	(void)snprintf(p->state, sizeof p->state, "%s/state", p->top);
	(void)snprintf(p->run_file, sizeof p->run_file, "%s/windows", p->run);
	(void)snprintf(p->state_file, sizeof p->state_file, "%s/windows", p->state);
	cr_assert(eq(int, mkdir(p->run, 0700), 0));
	cr_assert(eq(int, mkdir(p->state, 0700), 0));
}

static void place_release(const struct place *p)
{
	(void)unlink(p->run_file);
	(void)unlink(p->state_file);
	(void)rmdir(p->run);
	(void)rmdir(p->state);
	cr_expect(eq(int, rmdir(p->top), 0), "something else was left");
}

static const struct keep_slot slots[] = { { 7, 100, 0 }, { 3, 5000, 0 }, { 9, 8, 0 } };

static struct keep *open_at(struct place *p)
{
	struct keep *k = keep_open(p->run, p->state, slots, N_ELEMENTS(slots), &p->log);

	cr_assert(ne(ptr, k, NULL));
	return k;
}

static bool has_text(const void *bytes, size_t len, const char *text)
{
	return bytes != NULL && len == strlen(text) && memcmp(bytes, text, len) == 0;
}

static bool slot_is(const struct keep *k, size_t slot, const char *text)
{
	size_t len;
	const void *bytes = keep_read(k, slot, &len);

	return has_text(bytes, len, text);
}

static bool entry_is(struct keep *k, size_t i, const char *text)
{
	size_t len;
	const void *bytes = keep_peek(k, i, &len);

	return has_text(bytes, len, text);
}

static void fill(struct keep *k)
{
	keep_write(k, 0, "older", 5);
	keep_write(k, 0, "seven", 5);
	keep_write(k, 1, "three", 5);
	for (int i = 0; i < 5; i++) {
		char text[] = { 'r', (char)('0' + i) };

		cr_assert(eq(int, keep_push(k, text, sizeof text), 0));
	}
	keep_pop(k, 2);
}

static void is_filled(struct keep *k)
{
	size_t len;

	cr_expect(slot_is(k, 0, "seven"));
	cr_expect(slot_is(k, 1, "three"));
	cr_expect(eq(ptr, (void *)(uintptr_t)keep_read(k, 2, &len), NULL));
	cr_expect(eq(sz, keep_waiting(k), 3));
	cr_expect(entry_is(k, 2, "r4"));
	cr_expect(entry_is(k, 0, "r2"), "backwards too");
	cr_expect(entry_is(k, 1, "r3"));
	cr_expect(eq(ptr, (void *)(uintptr_t)keep_peek(k, 3, &len), NULL));
}

/* ---- one life after the other ---- */

Test(keep, what_was_written_is_there_in_the_next_life)
{
	static const struct {
		bool save, in_run, in_state; /* where it is in between */
	} rows[] = { { false, true, false }, { true, false, true }, { false, true, true } };
	struct place p;
	struct keep *k;

	place_init(&p);
	k = open_at(&p);
	fill(k);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct stat st;

		keep_close(k, rows[i].save);
		cr_expect(eq(int, stat(p.run_file, &st) == 0, rows[i].in_run), "row %zu", i);
		cr_expect(eq(int, stat(p.state_file, &st) == 0, rows[i].in_state), "row %zu", i);
		k = open_at(&p);
		is_filled(k);
	}
	cr_expect(eq(str, p.said, ""));
	keep_close(k, false);
	place_release(&p);
}

/* Records that only the saved file has are in it until something that lasts has them. */
Test(keep, a_power_cut_before_the_journal_has_them)
{
	struct place p;
	struct keep *k;
	struct stat st;

	place_init(&p);
	k = open_at(&p);
	fill(k);
	keep_close(k, true);
	for (int life = 0; life < 3; life++) {
		k = open_at(&p);
		is_filled(k);
		keep_push(k, "more", 4);
		keep_pop(k, 1);
		keep_close(k, false);
		cr_expect(eq(int, stat(p.state_file, &st), 0));
		cr_assert(eq(int, unlink(p.run_file), 0)); /* it was in memory */
	}
	k = open_at(&p);
	keep_pop(k, 3);
	cr_expect(ne(int, stat(p.state_file, &st), 0), "they are done with");
	keep_close(k, false);
	k = open_at(&p);
	cr_expect(eq(sz, keep_waiting(k), 0));
	keep_close(k, true);
	k = open_at(&p);
	cr_expect(ne(int, stat(p.state_file, &st), 0), "no records: it has no use");
	keep_close(k, false);
	place_release(&p);
}

/* What is dropped for want of room was not done with. */
Test(keep, the_saved_file_outlives_a_full_ring)
{
	static const char bytes[KEEP_RING_BYTES / 2 - 8];
	struct place p;
	struct keep *k;
	struct stat st;

	place_init(&p);
	k = open_at(&p);
	(void)keep_push(k, "one", 3);
	keep_close(k, true);
	k = open_at(&p);
	for (int i = 0; i < 4; i++)
		cr_assert(eq(int, keep_push(k, bytes, sizeof bytes), 0));
	cr_expect(gt(u64, keep_dropped(k), 0));
	cr_expect(eq(int, stat(p.state_file, &st), 0));
	keep_close(k, false);
	place_release(&p);
}

Test(keep, other_analyzers_and_sizes_take_what_fits)
{
	static const struct keep_slot other[] = {
		{ 9, 8, 0 }, { 3, 0, 0 }, { 4, 100, 0 }, { 7, 200, 0 }
	};
	static const struct keep_slot none[] = { { 0, 0, 0 } };
	struct place p;
	struct keep *k;
	size_t len;

	place_init(&p);
	k = open_at(&p);
	fill(k);
	keep_close(k, false);
	k = keep_open(p.run, p.state, other, N_ELEMENTS(other), &p.log);
	cr_assert(ne(ptr, k, NULL));
	cr_expect(slot_is(k, 1, "three"), "whose it is decides");
	cr_expect(slot_is(k, 3, "seven"));
	cr_expect(eq(ptr, (void *)(uintptr_t)keep_read(k, 2, &len), NULL));
	cr_expect(eq(sz, keep_waiting(k), 3));
	cr_expect(eq(str, p.said, ""));
	keep_close(k, true);
	k = keep_open(p.run, p.state, none, 0, &p.log);
	cr_assert(ne(ptr, k, NULL));
	cr_expect(eq(sz, keep_waiting(k), 3), "records outlive their analyzer");
	cr_expect(ne(ptr, strstr(p.said, "analyzer 7 is thrown away: it is no longer"), NULL));
	keep_close(k, true);
	k = open_at(&p);
	cr_expect(entry_is(k, 0, "r2"));
	keep_close(k, false);
	place_release(&p);
}

Test(keep, slots_change_while_it_lives)
{
	static const struct keep_slot others[] = { { 3, 5000, 0 }, { 11, 20, 0 }, { 7, 200, 0 } };
	struct tesla_error err;
	struct place p;
	struct keep *k;

	place_init(&p);
	k = open_at(&p);
	keep_write(k, 0, "seven", 5);
	keep_write(k, 1, "three", 5);
	keep_write(k, 2, "nine", 4);
	cr_assert(eq(int, keep_push(k, "gone", 4), 0));
	cr_assert(eq(int, keep_push(k, "first", 5), 0));
	cr_assert(eq(int, keep_push(k, "second", 6), 0));
	keep_pop(k, 1);
	cr_assert(eq(int, keep_change(k, others, N_ELEMENTS(others), &err), 0));
	cr_expect(slot_is(k, 0, "three"));
	cr_expect(slot_is(k, 2, "seven"));
	cr_assert(eq(sz, keep_waiting(k), 2));
	cr_expect(entry_is(k, 0, "first"));
	keep_write(k, 1, "eleven", 6);
	cr_assert(eq(int, keep_push(k, "third", 5), 0));
	keep_close(k, false); /* as a kill would leave it */

	k = keep_open(p.run, p.state, others, N_ELEMENTS(others), &p.log);
	cr_assert(ne(ptr, k, NULL));
	cr_expect(slot_is(k, 0, "three"));
	cr_expect(slot_is(k, 1, "eleven"));
	cr_expect(slot_is(k, 2, "seven"));
	cr_assert(eq(sz, keep_waiting(k), 3));
	cr_expect(entry_is(k, 2, "third"));
	cr_expect(eq(str, p.said, ""), "nothing of it is news");
	keep_close(k, false);
	place_release(&p);
}

/*
 * No room for a new file: what the old one had is gone on with in plain memory, and a later life
 * must not begin there once more.  Its records may come again: the journal knows them.
 */
Test(keep, what_was_taken_into_plain_memory_is_not_taken_again)
{
	static const bool saved[] = { false, true };

	for (size_t i = 0; i < N_ELEMENTS(saved); i++) {
		char in_the_way[80];
		struct place p;
		struct keep *k;
		size_t len;

		place_init(&p);
		(void)snprintf(in_the_way, sizeof in_the_way, "%s/windows.new", p.run);
		k = open_at(&p);
		fill(k);
		keep_close(k, saved[i]);
		cr_assert(eq(int, mkdir(in_the_way, 0700), 0));
		k = open_at(&p);
		is_filled(k);
		cr_expect(ne(ptr, strstr(p.said, "will not survive"), NULL), "%s", p.said);
		keep_write(k, 0, "newer", 5);
		keep_close(k, false);
		cr_assert(eq(int, rmdir(in_the_way), 0));
		k = open_at(&p);
		for (size_t n = 0; n < N_ELEMENTS(slots); n++)
			cr_expect(eq(ptr, (void *)(uintptr_t)keep_read(k, n, &len), NULL));
		cr_expect(eq(sz, keep_waiting(k), 3));
		keep_close(k, false);
		place_release(&p);
	}
}

/* Where the new file is to be made there is a folder: there is no way to make it. */
Test(keep, a_change_that_cannot_be_made_changes_nothing)
{
	static const struct keep_slot others[] = { { 3, 5000, 0 } };
	struct tesla_error err = { .code = 0 };
	char blocker[70];
	struct place p;
	struct keep *k;

	place_init(&p);
	k = open_at(&p);
	keep_write(k, 0, "seven", 5);
	cr_assert(eq(int, keep_push(k, "first", 5), 0));
	(void)snprintf(blocker, sizeof blocker, "%s.new", p.run_file);
	cr_assert(eq(int, mkdir(blocker, 0700), 0));
	cr_assert(lt(int, keep_change(k, others, N_ELEMENTS(others), &err), 0));
	cr_expect(ne(ptr, strstr(err.text, p.run_file), NULL), "%s", err.text);
	cr_expect(slot_is(k, 0, "seven"));
	cr_assert(eq(sz, keep_waiting(k), 1));
	cr_assert(eq(int, keep_push(k, "second", 6), 0));
	cr_expect(entry_is(k, 1, "second"));
	cr_assert(eq(int, rmdir(blocker), 0));
	cr_assert(eq(int, keep_change(k, others, N_ELEMENTS(others), &err), 0));
	cr_assert(eq(sz, keep_waiting(k), 2));
	keep_close(k, false);
	place_release(&p);
}

Test(keep, one_folder_for_both_is_enough)
{
	struct place p;
	struct keep *k;

	place_init(&p);
	k = keep_open(p.run, p.run, slots, N_ELEMENTS(slots), &p.log);
	fill(k);
	keep_close(k, true);
	k = keep_open(p.run, p.run, slots, N_ELEMENTS(slots), &p.log);
	is_filled(k);
	keep_close(k, false);
	place_release(&p);
}

Test(keep, a_second_daemon_gets_plain_memory)
{
	struct place p;
	struct keep *a, *b;

	place_init(&p);
	a = open_at(&p);
	fill(a);
	b = open_at(&p);
	cr_expect(ne(ptr, strstr(p.said, "in use by another teslad"), NULL), "%s", p.said);
	cr_expect(eq(sz, keep_waiting(b), 0), "what is another's is not taken over");
	keep_write(b, 0, "mine", 4);
	cr_expect(slot_is(b, 0, "mine"));
	keep_close(b, true);
	keep_close(a, true);
	a = open_at(&p);
	is_filled(a);
	keep_close(a, false);
	place_release(&p);
}

Test(keep, without_a_folder_it_is_plain_memory)
{
	struct place p;
	struct keep *k;

	place_init(&p);
	cr_assert(eq(int, rmdir(p.run), 0));
	k = open_at(&p);
	cr_expect(ne(ptr, strstr(p.said, "will not survive a kill"), NULL), "%s", p.said);
	fill(k);
	is_filled(k);
	keep_close(k, true);
	cr_assert(eq(int, mkdir(p.run, 0700), 0));
	k = open_at(&p);
	is_filled(k);
	keep_close(k, false);
	place_release(&p);
}

Test(keep, what_cannot_be_saved_stays_in_run_dir)
{
	struct place p;
	struct keep *k;

	place_init(&p);
	k = open_at(&p);
	fill(k);
	cr_assert(eq(int, rmdir(p.state), 0));
	keep_close(k, true);
	cr_expect(ne(ptr, strstr(p.said, "will not survive a restart"), NULL), "%s", p.said);
	cr_assert(eq(int, mkdir(p.state, 0700), 0));
	k = open_at(&p);
	is_filled(k);
	keep_close(k, false);
	place_release(&p);
}

/* ---- a full ring ---- */

static void number_push(struct keep *k, uint32_t n, size_t len, int should)
{
	static uint8_t bytes[KEEP_RING_BYTES];

	memcpy(bytes, &n, sizeof n);
	memset(bytes + sizeof n, (int)(n & 0xff), len - sizeof n);
	cr_assert(eq(int, keep_push(k, bytes, len), should), "%u", n);
}

static uint32_t number_at(struct keep *k, size_t i)
{
	uint32_t n = UINT32_MAX;
	size_t len = 0;
	const uint8_t *bytes = keep_peek(k, i, &len);

	if (bytes != NULL)
		memcpy(&n, bytes, sizeof n);
	for (size_t at = sizeof n; at < len; at += 1 + at / 8)
		cr_assert(eq(int, bytes[at], (int)(n & 0xff)), "entry %u, byte %zu", n, at);
	return n;
}

/* Windows end together: two rounds of records fit, also after a change, and whatever comes then. */
Test(keep, two_rounds_of_records_have_room)
{
	enum { ENTRY = (1 << 20) + 77 };
	static const struct keep_slot small[] = { { 7, 8, 100 } },
				      large[] = { { 7, 8, ENTRY }, { 3, 8, ENTRY }, { 9, 8, 0 } };
	struct tesla_error err;
	struct place p;
	struct keep *k;

	place_init(&p);
	for (int changed = 0; changed < 2; changed++) {
		k = changed ? keep_open(p.run, p.state, small, 1, &p.log)
			    : keep_open(p.run, p.state, large, 3, &p.log);
		cr_assert(ne(ptr, k, NULL));
		number_push(k, 99, 1000, 0);
		if (changed)
			cr_assert(eq(int, keep_change(k, large, 3, &err), 0));
		keep_pop(k, keep_waiting(k) - 1);
		for (uint32_t i = 0; i < 4; i++)
			number_push(k, i, ENTRY, 0);
		cr_expect(eq(sz, keep_waiting(k), 5));
		keep_close(k, false);
		k = keep_open(p.run, p.state, small, 1, &p.log);
		cr_assert(eq(sz, keep_waiting(k), 5), "a smaller ring takes them over");
		cr_assert(eq(int, keep_change(k, large, 3, &err), 0));
		cr_assert(eq(int, keep_change(k, small, 1, &err), 0));
		cr_expect(eq(u64, keep_dropped(k), 0));
		cr_expect(eq(u32, number_at(k, 0), 99));
		for (uint32_t i = 0; i < 4; i++)
			cr_expect(eq(u32, number_at(k, 1 + i), i));
		keep_close(k, false);
	}
	cr_expect(eq(str, p.said, ""));
	place_release(&p);
}

/* The same analyzers, with more variables: that alone makes the ring larger. */
Test(keep, larger_records_alone_make_a_larger_ring)
{
	enum { ENTRY = 3 << 20 };
	static const struct keep_slot small[] = { { 7, 8, 100 } }, large[] = { { 7, 8, ENTRY } };
	struct tesla_error err;
	struct place p;
	struct keep *k;

	place_init(&p);
	k = keep_open(p.run, p.state, small, 1, &p.log);
	cr_assert(ne(ptr, k, NULL));
	number_push(k, 0, ENTRY, -EMSGSIZE);
	cr_assert(eq(int, keep_change(k, large, 1, &err), 0));
	number_push(k, 0, ENTRY, 0);
	number_push(k, 1, ENTRY, 0);
	cr_expect(eq(sz, keep_waiting(k), 2));
	keep_close(k, false);
	place_release(&p);
}

Test(keep, a_ring_has_a_bound)
{
	static const struct keep_slot huge[] = { { 7, 8, 20 << 20 }, { 3, 8, 20 << 20 } };
	struct place p;
	struct keep *k;

	place_init(&p);
	k = keep_open(p.run, p.state, huge, N_ELEMENTS(huge), &p.log);
	cr_assert(ne(ptr, k, NULL));
	cr_expect(ne(ptr,
		     strstr(p.said, "2 analyzers take up to 101 MiB, and memory is kept for 64"),
		     NULL),
		  "%s", p.said);
	for (uint32_t i = 0; i < 40; i++)
		number_push(k, i, KEEP_RING_BYTES / 4, 0);
	cr_expect(eq(u64, keep_dropped(k), 0));
	keep_close(k, false);
	place_release(&p);
}

Test(keep, the_oldest_make_room_unless_they_are_under_way)
{
	enum { LEN = 100001, N = 200 };
	struct place p;
	struct keep *k;
	size_t n;

	place_init(&p);
	k = open_at(&p);
	for (uint32_t i = 0; i < N; i++)
		number_push(k, i, LEN + i, 0);
	n = keep_waiting(k);
	cr_expect(n > 35 && n < 42, "%zu", n);
	cr_expect(eq(u64, keep_dropped(k), N - n));
	for (size_t i = 0; i < n; i++)
		cr_expect(eq(u32, number_at(k, i), (uint32_t)(N - n + i)));
	keep_hold(k, 1);
	number_push(k, N, LEN, -ENOSPC);
	cr_expect(eq(u64, keep_dropped(k), N - n + 1));
	cr_expect(eq(u32, number_at(k, 0), (uint32_t)(N - n)), "what is under way stays");
	keep_pop(k, 1);
	number_push(k, N + 1, LEN, 0);
	keep_pop(k, keep_waiting(k));
	number_push(k, 1, KEEP_RING_BYTES / 2 - 8, 0);
	number_push(k, 2, KEEP_RING_BYTES / 2 - 8, 0);
	cr_expect(eq(u32, number_at(k, keep_waiting(k) - 1), 2));
	number_push(k, 3, KEEP_RING_BYTES / 2 - 7, -EMSGSIZE);
	keep_close(k, false);
	place_release(&p);
}

/* ---- killed ---- */

struct acked { /* what the child knows to be done */
	volatile uint64_t slots[N_ELEMENTS(slots)], pushed, popped;
};

static size_t content(uint64_t n, size_t room, uint8_t *bytes)
{
	size_t len = room <= 8 ? room : 8 + n * 37 % (room - 8);

	memset(bytes, (int)(n * 7 & 0xff), len);
	memcpy(bytes, &n, sizeof n);
	return len;
}

#define ENTRY_ROOM 20000
#define POPPED 20 /* after 16 pushes: it never gets full */

static _Noreturn void child(struct keep *k, struct acked *a)
{
	uint8_t bytes[ENTRY_ROOM];

	for (uint64_t n = a->pushed + 1;; n++) {
		for (size_t i = 0; i < N_ELEMENTS(slots); i++) {
			keep_write(k, i, bytes, content(n, slots[i].size, bytes));
			a->slots[i] = n;
		}
		if (keep_push(k, bytes, content(n, ENTRY_ROOM, bytes)) != 0)
			_exit(1);
		a->pushed = n;
		if (n % 16 == 0 && keep_waiting(k) > 40) {
			keep_pop(k, POPPED);
			a->popped += POPPED;
		}
	}
}

static uint64_t whole(const uint8_t *bytes, size_t len, size_t room)
{
	uint8_t should[ENTRY_ROOM];
	uint64_t n;

	cr_assert(ne(ptr, (void *)(uintptr_t)bytes, NULL));
	cr_assert(ge(sz, len, sizeof n));
	memcpy(&n, bytes, sizeof n);
	cr_assert(eq(sz, len, content(n, room, should)), "%" PRIu64, n);
	cr_assert(eq(int, memcmp(bytes, should, len), 0), "%" PRIu64, n);
	return n;
}

static void check_life(struct keep *k, struct acked *a)
{
	size_t len, n = keep_waiting(k);
	uint64_t first = 0;

	for (size_t i = 0; i < N_ELEMENTS(slots); i++) {
		const uint8_t *bytes = keep_read(k, i, &len);
		uint64_t is = bytes || a->slots[i] > 0 ? whole(bytes, len, slots[i].size) : 0;

		cr_assert(is == a->slots[i] || is == a->slots[i] + 1);
		a->slots[i] = is;
	}
	for (size_t i = 0; i < n; i++) {
		const uint8_t *bytes = keep_peek(k, i, &len);
		uint64_t is = whole(bytes, len, ENTRY_ROOM);

		first = i == 0 ? is : first;
		cr_assert(eq(u64, is, first + i), "in order, none missing");
	}
	if (n > 0) {
		cr_assert(first == a->popped + 1 || first == a->popped + 1 + POPPED);
		cr_assert(first + n - 1 == a->pushed || first + n - 1 == a->pushed + 1);
		a->popped = first - 1;
		a->pushed = first + n - 1;
	} else {
		cr_assert(eq(u64, a->pushed, a->popped));
	}
}

Test(keep, killed_at_any_instant_nothing_is_lost_or_half, .timeout = 120)
{
	struct acked *a =
		mmap(NULL, sizeof *a, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t random = 20261122, sum = 0;
	struct place p;

	cr_assert(ne(ptr, a, MAP_FAILED));
	place_init(&p);
	for (int round = 0; round < 100; round++) {
		struct keep *k = open_at(&p);
		struct timespec t = { 0 };
		pid_t pid;

		check_life(k, a);
		pid = fork();
		cr_assert(ge(int, pid, 0));
		if (pid == 0)
			child(k, a);
		keep_close(k, false); /* the child has it as well */
		random = random * 6364136223846793005u + 1442695040888963407u;
		t.tv_nsec = (long)(random >> 40) % 4000000;
		(void)nanosleep(&t, NULL);
		cr_assert(eq(int, kill(pid, SIGKILL), 0));
		cr_assert(eq(int, waitpid(pid, NULL, 0), pid));
		sum += a->pushed;
	}
	cr_expect(gt(u64, sum, 1000), "the child got to nothing");
	cr_expect(eq(str, p.said, ""));
	(void)munmap(a, sizeof *a);
	place_release(&p);
}

/* ---- damaged ---- */

static void write_file(const char *path, const char *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	cr_assert(ne(ptr, f, NULL));
	cr_assert(eq(sz, fwrite(bytes, 1, len, f), len));
	cr_assert(eq(int, fclose(f), 0));
}

/* Any content is a whole one of those that were written, or none. */
static void nothing_wrong(struct keep *k)
{
	size_t len;

	if (keep_read(k, 0, &len) != NULL)
		cr_expect(slot_is(k, 0, "seven"));
	if (keep_read(k, 1, &len) != NULL)
		cr_expect(slot_is(k, 1, "three"));
	for (size_t i = 0; i < keep_waiting(k); i++)
		cr_expect(entry_is(k, i, "r2") || entry_is(k, i, "r3") || entry_is(k, i, "r4"));
}

/* Somewhere in the head, anywhere, or in the ring. */
static void damage(uint64_t how, char *bytes, size_t *len)
{
	size_t within[] = { 100, *len, 120 }, n = within[(how >> 4) % 3], at = (how >> 8) % n;

	if (n == 120)
		at = *len - 1 - at;

	switch (how % 3) {
	case 0:
		*len = at;
		return;
	case 1:
		bytes[at] = (char)(bytes[at] ^ 1 << (how >> 50) % 8);
		return;
	default:
		n = (how >> 40) % 64 + 1;
		memset(bytes + at, 0, n < *len - at ? n : *len - at);
	}
}

Test(keep, three_hundred_damaged_files, .timeout = 120)
{
	struct place p;
	struct keep *k;
	struct tesla_error err;
	char *good;
	size_t size;
	uint64_t random = 1;
	int losses = 0;

	place_init(&p);
	k = keep_open(p.run, p.state, slots, N_ELEMENTS(slots), &p.log);
	fill(k);
	keep_close(k, true); /* the small one, so that damage hits something */
	cr_assert(eq(int, file_read(p.state_file, 1 << 24, &good, &size, &err), 0));
	for (int i = 0; i < 300; i++) {
		_cleanup_free_ char *bytes = malloc(size);
		size_t len = size;

		random = random * 6364136223846793005u + 1442695040888963407u;
		memcpy(bytes, good, size);
		damage(random >> 3, bytes, &len);
		(void)unlink(p.state_file);
		write_file(i % 2 ? p.run_file : p.state_file, bytes, len);
		p.said[0] = '\0';
		k = open_at(&p);
		nothing_wrong(k);
		losses += keep_waiting(k) < 3;
		keep_push(k, "more", 4);
		cr_expect(entry_is(k, keep_waiting(k) - 1, "more"));
		keep_close(k, false);
		(void)unlink(p.run_file);
	}
	cr_expect(gt(int, losses, 50), "the damage hit nothing: %d", losses);
	free(good);
	place_release(&p);
}

/* Known places in the layout of core/daemon/keep_area.c. */
Test(keep, what_is_damaged_is_told)
{
	static const struct {
		size_t at;
		char flip;
		const char *says;
	} rows[] = {
		{ 0, 1, "is no file of windows" },
		{ 8, 2, "has layout 3, expected 1" },
		{ 12, 1, "is damaged in its head" },
		{ 32, 1, "is damaged in its head" },
		{ 32 + 3 * 16 + 8 + (8 + 104) + 8, 1, "open window of analyzer 7 is damaged" },
	};
	struct place p;
	struct keep *k;
	struct tesla_error err;
	char *good;
	size_t size;

	place_init(&p);
	k = open_at(&p);
	fill(k);
	keep_close(k, true);
	cr_assert(eq(int, file_read(p.state_file, 1 << 24, &good, &size, &err), 0));
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		good[rows[i].at] = (char)(good[rows[i].at] ^ rows[i].flip);
		write_file(p.state_file, good, size);
		good[rows[i].at] = (char)(good[rows[i].at] ^ rows[i].flip);
		p.said[0] = '\0';
		k = open_at(&p);
		cr_expect(ne(ptr, strstr(p.said, rows[i].says), NULL), "row %zu: %s", i, p.said);
		keep_close(k, false);
		(void)unlink(p.run_file);
	}
	free(good);
	place_release(&p);
}
