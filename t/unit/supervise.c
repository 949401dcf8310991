/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which lines share a host, when a host is started again, who is to blame: with a clock made by
 * hand.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/supervise.h"

#define S 1000000LL

#define NONE SUPERVISE_NONE

Test(supervise, lines_of_a_kind_share_a_host)
{
	struct supervise_line l[] = {
		{ false, "a", NONE, 0 },   { true, "a", NONE, 0 },   { false, "a", NONE, 0 },
		{ false, "a:b", NONE, 0 }, { false, NULL, NONE, 0 }, { true, "a", NONE, 0 },
	};
	static const size_t want[] = { 0, 1, 0, 2, NONE, 1 };
	struct supervise_host h[N_ELEMENTS(l)];

	cr_assert(eq(sz, supervise_group(l, N_ELEMENTS(l), h, 0, NULL), 3));
	for (size_t i = 0; i < N_ELEMENTS(l); i++)
		cr_expect(eq(sz, l[i].host, want[i]), "line %zu", i);
}

Test(supervise, a_host_has_64_lines_at_most)
{
	struct supervise_line l[1100];
	struct supervise_host h[N_ELEMENTS(l)];

	for (size_t i = 0; i < N_ELEMENTS(l); i++)
		l[i] = (struct supervise_line){ true, "a", NONE, 0 };
	cr_assert(eq(sz, supervise_group(l, N_ELEMENTS(l), h, 0, NULL), 18));
	for (size_t i = 0; i < 18; i++)
		cr_expect(le(sz, h[i].n_lines, SUPERVISE_LINES));
	cr_expect(eq(sz, h[17].n_lines, 1100 - 17 * 64));
}

/* Who has a host stays there, also behind others that come; of another sort, or closed, it goes. */
Test(supervise, lines_stay_where_they_are)
{
	struct supervise_host h[3 + 6] = {
		{ true, "a", false, 0 },
		{ true, "a", true, 0 },
		{ false, "a", false, 0 },
	};
	struct supervise_line l[] = {
		{ true, "a", NONE, 0 }, { true, "a", 0, 0 },  { true, "a", 1, 0 },
		{ true, "b", 0, 0 },	{ false, "a", 2, 0 }, { true, NULL, 0, 0 },
	};
	static const size_t want[] = { 0, 0, 0, 3, 2, NONE };

	cr_assert(eq(sz, supervise_group(l, N_ELEMENTS(l), h, 3, NULL), 4));
	for (size_t i = 0; i < N_ELEMENTS(l); i++)
		cr_expect(eq(sz, l[i].host, want[i]), "line %zu", i);
	cr_expect(eq(sz, h[1].n_lines, 0));
}

/* A host that cannot run a line neither keeps nor gets it; others do. */
Test(supervise, barred_lines_go_elsewhere)
{
	struct supervise_host h[2 + 4] = { { true, "a", false, 0 }, { true, "a", false, 0 } };
	struct supervise_line l[] = {
		{ true, "a", 0, 0 },
		{ true, "a", 0, 0 },
		{ true, "a", 1, 0 },
		{ true, "a", NONE, 0 },
	};
	static const bool barred[] = { false, false, true, false, true, true, true, true };
	static const size_t want[] = { 0, 1, 2, 2 };

	cr_assert(eq(sz, supervise_group(l, N_ELEMENTS(l), h, 2, barred), 3));
	for (size_t i = 0; i < N_ELEMENTS(l); i++)
		cr_expect(eq(sz, l[i].host, want[i]), "line %zu", i);
}

/* A host that is full takes nobody in, and puts nobody out who has a place. */
Test(supervise, a_full_host_keeps_its_own)
{
	struct supervise_host h[1 + 65] = { { true, "a", false, 0 } };
	struct supervise_line l[65];

	l[0] = (struct supervise_line){ true, "a", NONE, 0 };
	for (size_t i = 1; i < N_ELEMENTS(l); i++)
		l[i] = (struct supervise_line){ true, "a", 0, 0 };
	cr_assert(eq(sz, supervise_group(l, N_ELEMENTS(l), h, 1, NULL), 2));
	cr_expect(eq(sz, l[0].host, 1));
	for (size_t i = 1; i < N_ELEMENTS(l); i++)
		cr_expect(eq(sz, l[i].host, 0));
}

Test(supervise, what_was_mended_begins_anew)
{
	struct ledger l = { .n = 0 };
	const struct blame data = { .analyzer = 7, .line = 1, .plugin = "dat", .call = "decode" };
	const struct blame driver = { .line = 1, .plugin = "drv", .call = "read" };

	cr_expect(eq(uint, ledger_death(&l, &data), 1));
	cr_expect(eq(uint, ledger_death(&l, &driver), 1));
	ledger_forget(&l, 8, 2);
	cr_expect(eq(uint, ledger_death(&l, &data), 2));
	ledger_forget(&l, 7, 1);
	cr_expect(eq(uint, ledger_death(&l, &data), 1));
	cr_expect(eq(uint, ledger_death(&l, &driver), 1));
	ledger_release(&l);
}

Test(supervise, back_off)
{
	static const struct {
		int64_t up_us, delay_ms;
	} lives[] = {
		{ 5 * S, 0 }, { 1 * S, 1000 }, { 0, 2000 },  { 59 * S, 4000 },
		{ 0, 8000 },  { 0, 16000 },    { 0, 32000 }, { 0, 60000 },
		{ 0, 60000 }, { 60 * S, 0 },   { 0, 1000 }, /* a minute of life: a clean slate */
	};
	struct restart r = { 0 };

	for (size_t i = 0; i < N_ELEMENTS(lives); i++)
		cr_expect(eq(i64, restart_delay_ms(&r, lives[i].up_us), lives[i].delay_ms),
			  "death %zu", i);
}

Test(supervise, back_off_does_not_overflow)
{
	struct restart r = { 0 };

	for (int i = 0; i < 1000; i++)
		cr_assert(le(i64, restart_delay_ms(&r, 0), 60000));
}

Test(supervise, deaths_are_counted_per_call)
{
	static const struct {
		struct blame b;
		unsigned n;
	} deaths[] = {
		{ { .plugin = "pmData", .call = "decode", .line = 1, .analyzer = 7 }, 1 },
		{ { .plugin = "pmData", .call = "decode", .line = 1, .analyzer = 3 }, 1 },
		{ { .plugin = "pmData", .call = "open", .line = 1, .analyzer = 7 }, 1 },
		{ { .plugin = "pmXyza", .call = "decode", .line = 1, .analyzer = 7 }, 1 },
		{ { .plugin = "pmData", .call = "decode", .line = 1, .analyzer = 7 }, 2 },
		{ { .plugin = "modBus", .call = "read", .line = 1 }, 1 },
		{ { .plugin = "modBus", .call = "read", .line = 2 }, 1 },
		{ { .plugin = "modBus", .call = "read", .line = 1 }, 2 },
		{ { .plugin = "pmData", .call = "decode", .line = 9, .analyzer = 7 },
		  3 }, /* it moved */
	};
	struct ledger l = { 0 };

	for (size_t i = 0; i < N_ELEMENTS(deaths); i++)
		cr_expect(eq(u32, ledger_death(&l, &deaths[i].b), deaths[i].n), "death %zu", i);
	ledger_release(&l);
}

Test(supervise, a_full_ledger_blames_nobody)
{
	struct ledger l = { 0 };
	struct blame b = { .plugin = "wild", .call = "x" };
	unsigned n = 1;

	for (b.line = 1; n > 0 && b.line < 10000; b.line++)
		n = ledger_death(&l, &b);
	cr_assert(eq(u32, n, 0));
	cr_assert(le(sz, l.n, 1024));
	ledger_release(&l);
}

Test(supervise, an_exporter_is_counted_over_its_hosts_lives)
{
	static const struct {
		const char *what;
		uint64_t sent;
		int64_t delivered, dropped; /* as the host tells */
		bool ends;
		uint64_t all_delivered, all_dropped;
	} rows[] = {
		{ "one is on its way", 10, 7, 2, false, 7, 2 },
		{ "the queue dies with the host", 0, 7, 2, true, 7, 3 },
		{ "the next one begins at zero", 5, 1, 0, false, 8, 3 },
		{ "it never told", 0, 1, 0, true, 8, 7 },
		{ "more than it got", 3, 9, 9, false, 11, 7 },
		{ "less than nothing", 0, -1, -1, false, 8, 7 },
		{ "once more", 0, 3, 0, true, 11, 7 },
	};
	struct tally t = { 0 };

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		t.sent += rows[i].sent;
		tally_told(&t, rows[i].delivered, rows[i].dropped);
		if (rows[i].ends)
			tally_host_ended(&t);
		cr_expect(eq(u64, tally_delivered(&t), rows[i].all_delivered), "%s", rows[i].what);
		cr_expect(eq(u64, tally_dropped(&t), rows[i].all_dropped), "%s", rows[i].what);
	}
}
