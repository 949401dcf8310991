/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts at passwords.  Buckets of the account and of the address slow many who try at once. 
 * They could be kept empty by others for ever, so that each pair has a turn of its own in every
 * CYCLE_MS, at a time that follows from a secret: it needs no memory, which others could fill.
 */
#include "central/attempts.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/keyed.h"
#include "central/limit.h"

#define PAIRS_MAX 16384u
#define ADDRESSES_MAX 16384u
#define ACCOUNTS_MAX 2048u
#define FREE 5u /* attempts of a pair before it waits */
#define FIRST_WAIT_MS INT64_C(10000)
#define LONGEST_WAIT_MS (INT64_C(15) * 60000) /* of a pair: each failure doubles the wait */
#define FORGET_MS (INT64_C(60) * 60000)
#define CYCLE_MS (INT64_C(15) * 60000)
#define TURN_MS (INT64_C(5) * 60000) /* long enough for a person who was told when to come */
#define KNOWN_FOR_MS (INT64_C(30) * 86400000)
#define KNOWN_BURST 5
#define KNOWN_ADDRESSES 8u /* of an account */
#define ADDRESS_BURST 20u
#define ADDRESS_EACH_MS 30000
#define ACCOUNT_BURST 30u
#define ACCOUNT_EACH_MS 20000

_Static_assert(LONGEST_WAIT_MS + CYCLE_MS <= ATTEMPTS_LONGEST_MS, "what the header says");

struct pair {
	int64_t next_ms, last_ms;
	int64_t turn; /* the last that was used, + 1 */
	int64_t turn_before;
	uint32_t failures;
};

struct refusals {	  /* of a pair */
	int64_t noted_ms; /* 0: never */
	uint32_t unnoted;
};

/* Addresses from which an account signed in. */
struct known {
	struct known_address {
		struct peer group;
		int64_t at_ms;	 /* of the last time; 0: none */
		int64_t full_at; /* of its bucket */
	} addresses[KNOWN_ADDRESSES];
};

struct attempts {
	struct keyed *pairs, *known, *refusals;
	struct limit *addresses, *accounts;
	struct attempts_counts counts;
	uint8_t secret[crypto_generichash_KEYBYTES];
};

struct who { /* keys */
	struct peer group, account, pair;
	uint64_t phase; /* of its turns */
};

struct attempts *attempts_new(void)
{
	const struct limit_conf addresses = { ADDRESSES_MAX, ADDRESS_EACH_MS * 1000,
					      ADDRESS_BURST },
				accounts = { ACCOUNTS_MAX, ACCOUNT_EACH_MS * 1000, ACCOUNT_BURST };
	struct attempts *a = calloc(1, sizeof *a);

	if (a == NULL)
		return NULL;
	a->pairs = keyed_new(PAIRS_MAX, sizeof(struct pair));
	a->known = keyed_new(ACCOUNTS_MAX, sizeof(struct known));
	a->refusals = keyed_new(PAIRS_MAX, sizeof(struct refusals));
	a->addresses = limit_new(&addresses);
	a->accounts = limit_new(&accounts);
	if (a->pairs == NULL || a->known == NULL || a->refusals == NULL || a->addresses == NULL ||
	    a->accounts == NULL) {
		attempts_free(a);
		return NULL;
	}
	crypto_generichash_keygen(a->secret);
	return a;
}

void attempts_free(struct attempts *a)
{
	if (a == NULL)
		return;
	keyed_free(a->pairs);
	keyed_free(a->known);
	keyed_free(a->refusals);
	limit_free(a->addresses);
	limit_free(a->accounts);
	free(a);
}

static struct who who_is(const struct attempts *a, const char *account, const struct peer *from)
{
	struct who w = { .group = peer_group(from) };
	uint8_t out[sizeof w.pair + sizeof w.phase];
	crypto_generichash_state state;

	(void)crypto_generichash(w.account.bytes, sizeof w.account.bytes, (const uint8_t *)account,
				 strlen(account), a->secret, sizeof a->secret);
	(void)crypto_generichash_init(&state, a->secret, sizeof a->secret, sizeof out);
	(void)crypto_generichash_update(&state, w.account.bytes, sizeof w.account.bytes);
	(void)crypto_generichash_update(&state, w.group.bytes, sizeof w.group.bytes);
	(void)crypto_generichash_final(&state, out, sizeof out);
	memcpy(&w.pair, out, sizeof w.pair);
	memcpy(&w.phase, out + sizeof w.pair, sizeof w.phase);
	w.phase %= (uint64_t)CYCLE_MS;
	return w;
}

/* ---- who signed in from there before ---- */

static struct known_address *known_find(const struct attempts *a, const struct who *w,
					int64_t now_ms)
{
	struct known *k = keyed_peek(a->known, &w->account);

	for (size_t i = 0; k != NULL && i < KNOWN_ADDRESSES; i++) {
		struct known_address *at = &k->addresses[i];

		if (at->at_ms != 0 && now_ms - at->at_ms < KNOWN_FOR_MS &&
		    memcmp(&at->group, &w->group, sizeof w->group) == 0)
			return at;
	}
	return NULL;
}

/* In the place of the one that is longest ago. */
static void known_add(struct attempts *a, const struct who *w, int64_t now_ms)
{
	struct known *k = keyed_put(a->known, &w->account);
	struct known_address *at = known_find(a, w, now_ms);

	if (k == NULL)
		return;
	for (size_t i = 0; at == NULL && i < KNOWN_ADDRESSES; i++)
		if (k->addresses[i].at_ms == 0)
			at = &k->addresses[i];
	if (at == NULL) {
		at = &k->addresses[0];
		for (size_t i = 1; i < KNOWN_ADDRESSES; i++)
			if (k->addresses[i].at_ms < at->at_ms)
				at = &k->addresses[i];
	}
	*at = (struct known_address){ .group = w->group, .at_ms = now_ms > 0 ? now_ms : 1 };
}

static int64_t known_begin(struct known_address *k, int64_t now_ms)
{
	int64_t full = k->full_at > now_ms ? k->full_at : now_ms,
		wait = full + ATTEMPTS_KNOWN_MS - now_ms - KNOWN_BURST * ATTEMPTS_KNOWN_MS;

	if (wait > 0)
		return wait;
	k->full_at = full + ATTEMPTS_KNOWN_MS;
	return 0;
}

/* ---- who did not ---- */

/* 0: it is its turn, and it was not used; else how long until the next. */
static int64_t turn_wait(const struct who *w, const struct pair *p, int64_t now_ms)
{
	int64_t since = now_ms + CYCLE_MS - (int64_t)w->phase, into = since % CYCLE_MS;

	return into < TURN_MS && p->turn != since / CYCLE_MS + 1 ? 0 : CYCLE_MS - into;
}

static void pair_fail(const struct who *w, struct pair *p, int64_t now_ms)
{
	int64_t wait = FIRST_WAIT_MS;

	p->last_ms = now_ms;
	p->turn_before = p->turn;
	p->turn = (now_ms + CYCLE_MS - (int64_t)w->phase) / CYCLE_MS + 1;
	p->failures++;
	if (p->failures < FREE)
		return;
	for (uint32_t i = FREE; i < p->failures && wait < LONGEST_WAIT_MS; i++)
		wait *= 2;
	p->next_ms = now_ms + (wait < LONGEST_WAIT_MS ? wait : LONGEST_WAIT_MS);
}

/* Later ones of the pair stay as they were counted. */
static void pair_undo(struct pair *p, int64_t begun_ms)
{
	p->failures -= p->failures > 0;
	if (p->last_ms != begun_ms)
		return;
	p->next_ms = 0; /* it was allowed */
	p->turn = p->turn_before;
}

static int64_t unknown_begin(struct attempts *a, const struct who *w, int64_t now_ms)
{
	struct pair *p = keyed_put(a->pairs, &w->pair);
	int64_t turn, others, address;

	if (p == NULL) /* no memory */
		return FIRST_WAIT_MS;
	if (p->next_ms > now_ms)
		return p->next_ms - now_ms;
	if (now_ms - p->last_ms > FORGET_MS)
		p->failures = 0;
	turn = turn_wait(w, p, now_ms);
	others = limit_wait(a->accounts, &w->account, 1, now_ms);
	address = limit_wait(a->addresses, &w->group, 1, now_ms);
	if (address > others)
		others = address;
	if (turn > 0 && others > 0)
		return turn < others ? turn : others;
	(void)limit_take(a->accounts, &w->account, 1, now_ms);
	(void)limit_take(a->addresses, &w->group, 1, now_ms);
	pair_fail(w, p, now_ms);
	return 0;
}

/* ---- what is asked ---- */

int64_t attempts_begin(struct attempts *a, const char *account, const struct peer *from,
		       int64_t now_ms)
{
	struct who w = who_is(a, account, from);
	struct known_address *known = known_find(a, &w, now_ms);
	int64_t wait = known != NULL ? known_begin(known, now_ms) : unknown_begin(a, &w, now_ms);

	a->counts.slowed += wait > 0;
	a->counts.allowed += wait == 0;
	return wait;
}

void attempts_undo(struct attempts *a, const char *account, const struct peer *from,
		   int64_t begun_ms)
{
	struct who w = who_is(a, account, from);
	struct known_address *known = known_find(a, &w, begun_ms);
	struct pair *p = keyed_peek(a->pairs, &w.pair);

	a->counts.undone++;
	if (known != NULL) {
		known->full_at -= ATTEMPTS_KNOWN_MS; /* what is past is full */
		return;
	}
	limit_give(a->accounts, &w.account, 1, begun_ms);
	limit_give(a->addresses, &w.group, 1, begun_ms);
	if (p != NULL)
		pair_undo(p, begun_ms);
}

bool attempts_known(const struct attempts *a, const char *account, const struct peer *from,
		    int64_t now_ms)
{
	struct who w = who_is(a, account, from);

	return known_find(a, &w, now_ms) != NULL;
}

void attempts_succeeded(struct attempts *a, const char *account, const struct peer *from,
			int64_t now_ms)
{
	struct who w = who_is(a, account, from);

	if (known_find(a, &w, now_ms) == NULL) {
		limit_give(a->accounts, &w.account, 1, now_ms);
		limit_give(a->addresses, &w.group, 1, now_ms);
	}
	keyed_drop(a->pairs, &w.pair);
	known_add(a, &w, now_ms);
	a->counts.succeeded++;
}

bool attempts_refused(struct attempts *a, const char *account, const struct peer *from,
		      int64_t now_ms, uint32_t *ret)
{
	struct who w = who_is(a, account, from);
	struct refusals *r = keyed_put(a->refusals, &w.pair);

	*ret = 1;
	if (r == NULL) /* no memory */
		return true;
	r->unnoted += r->unnoted < UINT32_MAX;
	if (r->noted_ms != 0 && now_ms - r->noted_ms < ATTEMPTS_NOTE_MS)
		return false;
	*ret = r->unnoted;
	*r = (struct refusals){ .noted_ms = now_ms > 0 ? now_ms : 1 };
	return true;
}

uint32_t attempts_unnoted(struct attempts *a, const char *account, const struct peer *from)
{
	struct who w = who_is(a, account, from);
	struct refusals *r = keyed_peek(a->refusals, &w.pair);
	uint32_t n = r != NULL ? r->unnoted : 0;

	if (n > 0)
		r->unnoted = 0;
	return n;
}

void attempts_count(const struct attempts *a, struct attempts_counts *ret)
{
	*ret = a->counts;
	ret->failed = ret->allowed - ret->succeeded - ret->undone;
	ret->pushed_out = keyed_pushed_out(a->pairs) + keyed_pushed_out(a->known) +
			  keyed_pushed_out(a->refusals) + limit_pushed_out(a->addresses) +
			  limit_pushed_out(a->accounts);
}
