/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts at passwords and limits, by a clock of the test's own. */
#include "central/attempts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "central/keyed.h"
#include "central/limit.h"

#define MINUTE INT64_C(60000)
#define DAY (INT64_C(24) * 60 * MINUTE)
#define START (INT64_C(1000000))

static struct peer peer_at(const char *text)
{
	struct peer p;

	cr_assert(peer_parse(text, &p), "%s", text);
	return p;
}

static struct peer attacker(unsigned i)
{
	char text[PEER_TEXT];

	(void)snprintf(text, sizeof text, "198.18.%u.%u", i / 250, i % 250 + 1);
	return peer_at(text);
}

/* ---- a table that is bounded ---- */

static struct peer key_of(uint32_t i)
{
	struct peer p = { { 0 } };

	memcpy(p.bytes, &i, sizeof i);
	return p;
}

Test(keyed, what_was_used_longest_ago_goes)
{
	struct keyed *k = keyed_new(100, sizeof(uint32_t));
	struct peer key;
	uint32_t *v;

	for (uint32_t i = 0; i < 100; i++) {
		key = key_of(i);
		v = keyed_put(k, &key);
		cr_assert_eq(*v, 0);
		*v = i;
	}
	key = key_of(0);
	cr_assert_eq(*(uint32_t *)keyed_get(k, &key), 0);
	key = key_of(1); /* looked at, which is no use */
	cr_assert_not_null(keyed_peek(k, &key));
	key = key_of(100);
	*(uint32_t *)keyed_put(k, &key) = 100;
	cr_assert_eq(keyed_count(k), 100);
	cr_assert_eq(keyed_pushed_out(k), 1);
	key = key_of(1);
	cr_assert_null(keyed_get(k, &key), "the oldest is still there");
	key = key_of(0);
	cr_assert_not_null(keyed_get(k, &key), "one that was used is gone");
	v = keyed_next(k, NULL);
	cr_assert_eq(*v, 2);
	key = keyed_key(v);
	keyed_drop(k, &key);
	cr_assert_null(keyed_peek(k, &key));
	cr_assert_eq(*(uint32_t *)keyed_next(k, NULL), 3);
	keyed_free(k);
}

Test(keyed, holds_what_a_simple_list_holds)
{
	struct keyed *k = keyed_new(64, sizeof(uint32_t));
	bool there[256] = { false };
	uint32_t random = 1;
	size_t n = 0;

	for (unsigned step = 0; step < 20000; step++) {
		random = random * 1664525 + 1013904223;
		struct peer key = key_of(random >> 24);
		bool *is = &there[random >> 24];

		if (random & 1 << 12) {
			keyed_drop(k, &key);
			n -= *is;
			*is = false;
		} else if (n < 64 || *is) { /* nothing is pushed out */
			*(uint32_t *)keyed_put(k, &key) = random >> 24;
			n += !*is;
			*is = true;
		}
		cr_assert_eq(keyed_count(k), n);
		cr_assert_eq(keyed_peek(k, &key) != NULL, *is);
	}
	for (uint32_t *v = keyed_next(k, NULL); v != NULL; v = keyed_next(k, v), n--)
		cr_assert(there[*v]);
	cr_assert_eq(n, 0);
	cr_assert_eq(keyed_pushed_out(k), 0);
	keyed_free(k);
}

/* ---- limits ---- */

Test(limit, so_many_at_once_and_one_each_second)
{
	const struct limit_conf conf = { .max = 10, .each_us = 1000000, .burst = 3 };
	struct limit *l = limit_new(&conf);
	struct peer a = peer_at("192.0.2.1"), b = peer_at("192.0.2.2");

	for (int i = 0; i < 3; i++)
		cr_assert_eq(limit_take(l, &a, 1, 5000), 0);
	cr_assert_eq(limit_take(l, &a, 1, 5000), 1000);
	cr_assert_eq(limit_take(l, &a, 1, 5400), 600);
	cr_assert_eq(limit_take(l, &b, 3, 5400), 0);
	cr_assert_eq(limit_take(l, &a, 1, 6000), 0);
	cr_assert_eq(limit_wait(l, &a, 2, 6000), 2000);
	cr_assert_eq(limit_take(l, &a, 3, 9000), 0, "it is full again, and not fuller");
	cr_assert_eq(limit_take(l, &a, 1, 9000), 1000);
	limit_give(l, &a, 1, 9000);
	cr_assert_eq(limit_take(l, &a, 1, 9000), 0);
	cr_assert_eq(limit_refused(l), 3);
	limit_forget(l, &a);
	cr_assert_eq(limit_take(l, &a, 3, 9000), 0);
	cr_assert_eq(limit_count(l), 2);
	limit_free(l);
}

/* ---- one who tries ---- */

/* Tries on and on for so long, once a second; how often he could. */
static unsigned hammer(struct attempts *a, const char *account, const struct peer *from,
		       int64_t begin, int64_t end)
{
	unsigned n = 0;

	for (int64_t now = begin; now < end; now += 1000)
		n += attempts_begin(a, account, from, now) == 0;
	return n;
}

Test(attempts, one_address_is_slowed)
{
	struct attempts *a = attempts_new();
	struct peer p = attacker(1);
	struct attempts_counts c;
	unsigned n;

	for (int i = 0; i < 5; i++)
		cr_assert_eq(attempts_begin(a, "ana", &p, START), 0);
	cr_assert_eq(attempts_begin(a, "ana", &p, START), 10000);
	cr_assert_eq(attempts_begin(a, "ana", &p, START + 9000), 1000);
	cr_assert_eq(attempts_begin(a, "ana", &p, START + 10000), 0);
	cr_assert_eq(attempts_begin(a, "ana", &p, START + 10000), 20000, "it doubles");
	n = hammer(a, "ana", &p, START + 10000, START + DAY);
	cr_assert(n >= 90 && n < 120, "%u a day", n);
	attempts_count(a, &c);
	cr_assert_eq(c.allowed, n + 6);
	cr_assert_eq(c.failed, n + 6);
	cr_assert(c.slowed > 80000);
	attempts_free(a);
}

Test(attempts, one_address_that_tries_many_accounts_is_slowed)
{
	struct attempts *a = attempts_new();
	struct peer p = attacker(1), other = peer_at("192.0.2.1");
	char account[32];
	unsigned n = 0;

	for (int i = 0; i < 3600; i++) {
		(void)snprintf(account, sizeof account, "user%d", i);
		n += attempts_begin(a, account, &p, START + i * 1000) == 0;
	}
	/* 20 at once, 120 an hour, and turns of so many accounts: a third of the time. */
	cr_assert(n < 1600, "%u in an hour", n);
	cr_assert_eq(attempts_begin(a, "user3", &other, START + 3600000), 0);
	attempts_free(a);
}

Test(attempts, a_network_of_ipv6_is_one_address)
{
	struct attempts *a = attempts_new();
	unsigned n = 0;

	for (unsigned i = 0; i < 1000; i++) {
		char text[PEER_TEXT];
		struct peer p;

		(void)snprintf(text, sizeof text, "2001:db8:1:2:%x::%x", i, i + 7);
		p = peer_at(text);
		n += attempts_begin(a, "ana", &p, START) == 0;
	}
	cr_assert_eq(n, 5);
	attempts_free(a);
}

/* ---- a thousand who try, and the owner ---- */

#define ATTACKERS 1000u

struct owner {
	const char *from;
	bool known; /* signed in from there before */
	int64_t wait_max;
};

/*
 * All of them try every second; in the middle of it the owner comes, and comes again whenever he
 * was told to.  How long that takes.
 */
static int64_t owner_waits(const struct owner *o, int64_t come, unsigned *guesses)
{
	struct attempts *a = attempts_new();
	struct peer owner = peer_at(o->from);
	int64_t next = come, now = START;

	if (o->known) {
		cr_assert_eq(attempts_begin(a, "ana", &owner, now), 0);
		attempts_succeeded(a, "ana", &owner, now);
	}
	for (*guesses = 0;; now += 1000) {
		for (unsigned i = 0; i < ATTACKERS; i++) {
			struct peer p = attacker(i);

			*guesses += attempts_begin(a, "ana", &p, now) == 0;
		}
		if (now >= next) {
			int64_t wait = attempts_begin(a, "ana", &owner, now);

			if (wait == 0)
				break;
			next = now + wait;
		}
		cr_assert(now < come + 3600000, "locked out for an hour");
	}
	attempts_free(a);
	return now - come;
}

Test(attempts, a_thousand_attackers_do_not_lock_the_owner_out, .timeout = 300)
{
	static const struct owner owners[] = {
		{ "192.0.2.77", true, 0 },
		{ "192.0.2.77", false, ATTEMPTS_LONGEST_MS },
		{ "2001:db8:5::1", false, ATTEMPTS_LONGEST_MS },
	};

	for (size_t i = 0; i < N_ELEMENTS(owners); i++) {
		int64_t come = START + 20 * MINUTE + (int64_t)i * 7000;
		unsigned guesses;
		int64_t waited = owner_waits(&owners[i], come, &guesses);
		int64_t took = (come - START + waited) / MINUTE;

		cr_assert(waited <= owners[i].wait_max, "row %zu: %lld ms", i, (long long)waited);
		/* A turn for each in a quarter of an hour, and what the account's bucket gives. */
		cr_assert(guesses < (unsigned)(took / 15 + 2) * ATTACKERS + 30 + took * 3,
			  "row %zu: %u guesses in %lld minutes", i, guesses, (long long)took);
	}
}

/* More addresses than the table has room for, so that nothing of the owner is remembered. */
Test(attempts, nor_do_more_than_are_remembered, .timeout = 300)
{
	struct attempts *a = attempts_new();
	struct peer owner = peer_at("192.0.2.77");
	struct attempts_counts c;
	int64_t come = START, next = come, now;
	uint32_t n = 0;

	for (now = START;; now += 10000) {
		for (unsigned i = 0; i < 20000; i++, n++) {
			uint32_t address = htonl(0x0a000000u + n % 10000000u);
			struct peer p = peer_at("10.0.0.0");

			memcpy(p.bytes + 12, &address, 4);
			(void)attempts_begin(a, "ana", &p, now);
		}
		if (now >= next) {
			int64_t wait = attempts_begin(a, "ana", &owner, now);

			if (wait == 0)
				break;
			next = now + wait;
		}
		cr_assert(now < come + 3600000, "locked out for an hour");
	}
	cr_assert(now - come <= ATTEMPTS_LONGEST_MS);
	attempts_count(a, &c);
	cr_assert(c.pushed_out > 0);
	attempts_free(a);
}

Test(attempts, beside_one_who_shares_the_address)
{
	struct attempts *a = attempts_new();
	struct peer p = attacker(1);
	unsigned n;

	/* The owner signed in from there: somebody else there has six attempts a minute. */
	cr_assert_eq(attempts_begin(a, "ana", &p, START), 0);
	attempts_succeeded(a, "ana", &p, START);
	n = hammer(a, "ana", &p, START, START + 60 * MINUTE);
	cr_assert(n >= 360 && n <= 366, "%u", n);
	/* Of another account there he has what anybody has. */
	cr_assert(hammer(a, "bea", &p, START, START + 60 * MINUTE) < 16);
	attempts_free(a);
}

Test(attempts, the_last_eight_addresses_are_known_for_thirty_days)
{
	struct attempts *a = attempts_new();
	unsigned n;

	for (unsigned i = 0; i < 9; i++) {
		struct peer p = attacker(i);

		cr_assert_eq(attempts_begin(a, "ana", &p, START + i), 0);
		attempts_succeeded(a, "ana", &p, START + i);
	}
	for (unsigned i = 0; i < 9; i++) {
		struct peer p = attacker(i);

		n = hammer(a, "ana", &p, START + 10 * MINUTE, START + 20 * MINUTE);
		cr_assert(i == 0 ? n < 12 : n > 60, "address %u: %u", i, n);
	}
	struct peer p = attacker(8);

	n = hammer(a, "ana", &p, START + 31 * DAY, START + 31 * DAY + 10 * MINUTE);
	cr_assert(n < 12, "%u after a month", n);
	attempts_free(a);
}

Test(attempts, who_succeeds_is_not_counted)
{
	struct attempts *a = attempts_new();
	struct attempts_counts c;

	/* An office of people behind one address, each at the first try. */
	for (unsigned i = 0; i < 200; i++) {
		struct peer p = attacker(1);
		char account[16];

		(void)snprintf(account, sizeof account, "user%u", i);
		cr_assert_eq(attempts_begin(a, account, &p, START + i), 0, "%u", i);
		attempts_succeeded(a, account, &p, START + i);
	}
	attempts_count(a, &c);
	cr_assert_eq(c.succeeded, 200);
	cr_assert_eq(c.failed, 0);
	attempts_free(a);
}

Test(attempts, what_was_never_compared_is_not_counted)
{
	struct attempts *a = attempts_new();
	struct peer p = attacker(1), home = attacker(2);
	struct attempts_counts c;

	/* A server that has no room for an hour, and its owner. */
	for (int64_t now = START; now < START + 60 * MINUTE; now += 1000) {
		cr_assert_eq(attempts_begin(a, "ana", &p, now), 0, "%lld", (long long)now);
		attempts_undo(a, "ana", &p, now);
	}
	attempts_count(a, &c);
	cr_assert_eq(c.failed, 0);
	/* The fifth would wait; it is undone, and the next one is the fifth again. */
	for (int i = 0; i < 5; i++)
		cr_assert_eq(attempts_begin(a, "ana", &p, START + DAY + i), 0);
	cr_assert_gt(attempts_begin(a, "ana", &p, START + DAY + 5), 0);
	attempts_undo(a, "ana", &p, START + DAY + 4);
	cr_assert_eq(attempts_begin(a, "ana", &p, START + DAY + 5), 0);
	cr_assert_eq(attempts_begin(a, "ana", &p, START + DAY + 5), 10000);
	/* Undone is the first of two: what the second one waits for stays. */
	attempts_undo(a, "ana", &p, START + DAY);
	cr_assert_eq(attempts_begin(a, "ana", &p, START + DAY + 5), 10000);
	cr_assert(!attempts_known(a, "bea", &home, START));
	cr_assert_eq(attempts_begin(a, "bea", &home, START), 0);
	attempts_succeeded(a, "bea", &home, START);
	cr_assert(attempts_known(a, "bea", &home, START));
	cr_assert(!attempts_known(a, "bea", &p, START));
	cr_assert(!attempts_known(a, "ana", &home, START));
	for (int i = 0; i < 100; i++) {
		cr_assert_eq(attempts_begin(a, "bea", &home, START + i), 0, "%d", i);
		attempts_undo(a, "bea", &home, START + i);
	}
	attempts_free(a);
}

Test(attempts, refusals_are_noted_once_a_minute)
{
	struct attempts *a = attempts_new();
	struct peer p = attacker(1), other = attacker(2);
	uint32_t n, noted = 0, sum = 0;

	cr_assert(attempts_refused(a, "ana", &p, START, &n));
	cr_assert_eq(n, 1);
	for (int64_t now = START + 1; now < START + 10 * MINUTE; now += 1000)
		if (attempts_refused(a, "ana", &p, now, &n)) {
			noted++;
			sum += n;
		}
	cr_assert_eq(noted, 9);
	cr_assert_eq(sum + attempts_unnoted(a, "ana", &p), 600);
	cr_assert_eq(attempts_unnoted(a, "ana", &p), 0);
	cr_assert(attempts_refused(a, "ana", &other, START, &n), "another pair");
	cr_assert(attempts_refused(a, "bea", &p, START, &n), "another pair");
	attempts_free(a);
}
