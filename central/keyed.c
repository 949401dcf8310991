/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded table: chains of numbers into one array, and a list through it in the order of use. */
#include "central/keyed.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define FIRST_CAP 16u

struct slot {
	struct peer key;
	uint32_t chain;	       /* the next with such a hash, or the next free one */
	uint32_t older, newer; /* by use */

	_Alignas(8) uint8_t thing[];
};

struct keyed {
	size_t max, cap, made, n; /* made: slots that were ever used */
	size_t size, slot_size;
	uint8_t *slots;
	uint32_t *heads; /* of chains */
	size_t n_heads;	 /* a power of 2 */
	uint32_t oldest, newest, free;
	uint64_t pushed_out;
	uint8_t secret[crypto_shorthash_KEYBYTES]; /* nobody can choose keys of one chain */
};

static struct slot *slot_at(const struct keyed *k, uint32_t i)
{
	return (struct slot *)(void *)(k->slots + i * k->slot_size);
}

static uint32_t index_of(const struct keyed *k, const struct slot *s)
{
	return (uint32_t)((size_t)((const uint8_t *)s - k->slots) / k->slot_size);
}

static struct slot *slot_of(const void *thing)
{
	return (struct slot *)((uintptr_t)thing - offsetof(struct slot, thing));
}

static uint32_t *head_of(const struct keyed *k, const struct peer *key)
{
	uint64_t hash;

	_Static_assert(sizeof hash == crypto_shorthash_BYTES, "one number");
	(void)crypto_shorthash((uint8_t *)&hash, key->bytes, sizeof key->bytes, k->secret);
	return &k->heads[hash & (k->n_heads - 1)];
}

struct keyed *keyed_new(size_t max, size_t size)
{
	struct keyed *k = calloc(1, sizeof *k);

	assert(max > 0 && max < NONE / 2);
	if (k == NULL)
		return NULL;
	k->max = max;
	k->size = size;
	k->slot_size = (sizeof(struct slot) + size + 7) / 8 * 8;
	k->oldest = k->newest = k->free = NONE;
	for (k->n_heads = 16; k->n_heads < max; k->n_heads *= 2)
		;
	k->heads = malloc(k->n_heads * sizeof *k->heads);
	if (k->heads == NULL) {
		free(k);
		return NULL;
	}
	memset(k->heads, 0xff, k->n_heads * sizeof *k->heads);
	crypto_shorthash_keygen(k->secret);
	return k;
}

void keyed_free(struct keyed *k)
{
	if (k == NULL)
		return;
	if (k->slots != NULL)
		sodium_memzero(k->slots, k->cap * k->slot_size);
	free(k->slots);
	free(k->heads);
	free(k);
}

static struct slot *find(const struct keyed *k, const struct peer *key)
{
	for (uint32_t i = *head_of(k, key); i != NONE; i = slot_at(k, i)->chain)
		if (memcmp(slot_at(k, i)->key.bytes, key->bytes, sizeof key->bytes) == 0)
			return slot_at(k, i);
	return NULL;
}

/* ---- the order of use ---- */

static void list_out(struct keyed *k, struct slot *s)
{
	*(s->older == NONE ? &k->oldest : &slot_at(k, s->older)->newer) = s->newer;
	*(s->newer == NONE ? &k->newest : &slot_at(k, s->newer)->older) = s->older;
}

static void list_in(struct keyed *k, struct slot *s)
{
	uint32_t i = index_of(k, s);

	s->older = k->newest;
	s->newer = NONE;
	*(k->newest == NONE ? &k->oldest : &slot_at(k, k->newest)->newer) = i;
	k->newest = i;
}

void *keyed_peek(const struct keyed *k, const struct peer *key)
{
	struct slot *s = find(k, key);

	return s != NULL ? s->thing : NULL;
}

void *keyed_get(struct keyed *k, const struct peer *key)
{
	struct slot *s = find(k, key);

	if (s == NULL)
		return NULL;
	list_out(k, s);
	list_in(k, s);
	return s->thing;
}

/* ---- coming and going ---- */

static void drop(struct keyed *k, struct slot *s)
{
	uint32_t i = index_of(k, s), *at = head_of(k, &s->key);

	while (*at != i)
		at = &slot_at(k, *at)->chain;
	*at = s->chain;
	list_out(k, s);
	sodium_memzero(s, k->slot_size);
	s->chain = k->free;
	k->free = i;
	k->n--;
}

void keyed_drop(struct keyed *k, const struct peer *key)
{
	struct slot *s = find(k, key);

	if (s != NULL)
		drop(k, s);
}

/* Not by realloc: what was there is wiped. */
static bool grow(struct keyed *k)
{
	size_t cap = k->cap == 0 ? FIRST_CAP : 2 * k->cap;
	uint8_t *slots;

	if (cap > k->max)
		cap = k->max;
	slots = calloc(cap, k->slot_size);
	if (slots == NULL)
		return false;
	if (k->slots != NULL) {
		memcpy(slots, k->slots, k->made * k->slot_size);
		sodium_memzero(k->slots, k->cap * k->slot_size);
	}
	free(k->slots);
	k->slots = slots;
	k->cap = cap;
	return true;
}

static struct slot *take_free(struct keyed *k)
{
	struct slot *s;

	if (k->n == k->max) {
		k->pushed_out++;
		drop(k, slot_at(k, k->oldest));
	}
	if (k->free != NONE) {
		s = slot_at(k, k->free);
		k->free = s->chain;
		return s;
	}
	if (k->made == k->cap && !grow(k))
		return NULL;
	return slot_at(k, (uint32_t)k->made++);
}

void *keyed_put(struct keyed *k, const struct peer *key)
{
	void *there = keyed_get(k, key);
	struct slot *s = there == NULL ? take_free(k) : NULL;
	uint32_t *head;

	if (s == NULL)
		return there;
	memset(s, 0, k->slot_size);
	s->key = *key;

	head = head_of(k, key);
	s->chain = *head;
	*head = index_of(k, s);
	list_in(k, s);
	k->n++;
	return s->thing;
}

void *keyed_next(const struct keyed *k, const void *after)
{
	uint32_t i = after == NULL ? k->oldest : slot_of(after)->newer;

	return i == NONE ? NULL : slot_at(k, i)->thing;
}

struct peer keyed_key(const void *thing)
{
	return slot_of(thing)->key;
}

size_t keyed_count(const struct keyed *k)
{
	return k->n;
}

uint64_t keyed_pushed_out(const struct keyed *k)
{
	return k->pushed_out;
}
