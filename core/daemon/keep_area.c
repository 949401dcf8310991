/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a keep: head, table of slots, slots, ring.  Each write goes where nobody looks yet,
 * and is published by one store of 8 bytes.
 */
#include "daemon/keep_area.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc.h"

#define MAGIC UINT64_C(0x7065656b616c7365) /* also tells the order of bytes */
#define LAYOUT 1u
#define SLOTS_MAX 65536u
#define ROOM_MAX (16u << 20)
#define RING_MAX (1u << 30)
#define SKIP UINT32_MAX /* instead of a length: goes on at the ring's beginning */

struct area_head { /* written once */
	uint64_t magic;
	uint32_t layout, n_slots;
	uint64_t ring_bytes;
	uint32_t crc, reserved; /* of the above and the table */
};
struct area_place { /* table: n_slots of them */
	int64_t id;
	uint64_t room; /* a multiple of 8 */
};
struct copy { /* two per slot, each followed by `room` bytes */
	uint32_t len, crc;
};
struct slot {
	_Atomic uint64_t n; /* of writes so far; the last one is in copy n % 2 */
};
struct area_ring { /* followed by ring_bytes */
	_Atomic uint64_t first, next;
};
struct entry { /* followed by its bytes, filled up to a multiple of 8 */
	uint32_t len, crc;
};

static uint64_t up8(uint64_t n)
{
	return (n + 7) & ~UINT64_C(7);
}

static uint64_t slot_bytes(uint64_t room)
{
	return sizeof(struct slot) + 2 * (sizeof(struct copy) + room);
}

/*
 * A kill comes between two instructions of the one thread that writes, so their order is all that
 * is needed: no store may move across this one.
 */
static void publish(_Atomic uint64_t *at, uint64_t v)
{
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(at, v, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
}

static uint64_t look(const _Atomic uint64_t *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

/* ---- the whole ---- */

static uint32_t head_crc(const struct area *a)
{
	uint32_t crc = crc32c(0, a->head, offsetof(struct area_head, crc));

	return crc32c(crc, a->places, a->n_slots * sizeof *a->places);
}

/* Where the ring is once `base` has a head and a table; *size: of all. */
static int area_lay(struct area *a, uint8_t *base, size_t *size)
{
	uint64_t at = sizeof *a->head + a->n_slots * sizeof *a->places;

	a->slots = calloc(a->n_slots + 1, sizeof *a->slots);
	if (a->slots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < a->n_slots; i++) {
		a->slots[i] = base + at;
		at += slot_bytes(a->places[i].room);
	}
	a->ring = (struct area_ring *)(base + at);
	*size = at + sizeof *a->ring + a->ring_bytes;
	return 0;
}

size_t area_size(const struct keep_slot *slots, size_t n, size_t ring_bytes)
{
	uint64_t size = sizeof(struct area_head) + sizeof(struct area_ring) + ring_bytes;

	if (n > SLOTS_MAX || ring_bytes > RING_MAX)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (slots[i].size > ROOM_MAX)
			return 0;
		size += sizeof(struct area_place) + slot_bytes(up8(slots[i].size));
	}
	return size <= SIZE_MAX / 2 ? (size_t)size : 0;
}

int area_format(struct area *a, void *memory, const struct keep_slot *slots, size_t n,
		size_t ring_bytes)
{
	size_t size;

	assert(ring_bytes % 8 == 0);
	memset(memory, 0, area_size(slots, n, ring_bytes));
	*a = (struct area){ .head = memory, .n_slots = n, .ring_bytes = ring_bytes };
	a->places = (struct area_place *)(a->head + 1);
	*a->head = (struct area_head){
		.magic = MAGIC, .layout = LAYOUT, .n_slots = (uint32_t)n, .ring_bytes = ring_bytes
	};
	for (size_t i = 0; i < n; i++)
		a->places[i] = (struct area_place){ .id = slots[i].id, .room = up8(slots[i].size) };
	a->head->crc = head_crc(a);
	return area_lay(a, memory, &size);
}

static int head_check(const struct area_head *h, size_t size, struct tesla_error *err)
{
	if (size < sizeof *h)
		return tesla_fail(err, -EBADMSG, "is cut off after %zu bytes", size);
	if (h->magic != MAGIC)
		return tesla_fail(err, -EBADMSG, "is no file of windows");
	if (h->layout != LAYOUT)
		return tesla_fail(err, -EBADMSG, "has layout %" PRIu32 ", expected %u", h->layout,
				  LAYOUT);
	if (h->n_slots > SLOTS_MAX || h->ring_bytes > RING_MAX || h->ring_bytes % 8 != 0 ||
	    (size - sizeof *h) / sizeof(struct area_place) < h->n_slots)
		return tesla_fail(err, -EBADMSG, "is damaged in its head");
	return 0;
}

static bool rooms_ok(const struct area *a)
{
	for (size_t i = 0; i < a->n_slots; i++)
		if (a->places[i].room > ROOM_MAX || a->places[i].room % 8 != 0)
			return false;
	return true;
}

int area_attach(struct area *a, void *memory, size_t size, struct tesla_error *err)
{
	int rc = head_check(memory, size, err);
	size_t should;

	if (rc != 0)
		return rc;
	*a = (struct area){ .head = memory };
	a->places = (struct area_place *)(a->head + 1);
	a->n_slots = a->head->n_slots;
	a->ring_bytes = a->head->ring_bytes;
	if (head_crc(a) != a->head->crc || !rooms_ok(a))
		return tesla_fail(err, -EBADMSG, "is damaged in its head");
	if (area_lay(a, memory, &should) != 0)
		return tesla_fail(err, -ENOMEM, "cannot be used: no memory is left");
	if (size == should)
		return 0;
	area_release(a);
	return tesla_fail(err, -EBADMSG, "has %zu bytes, expected %zu", size, should);
}

void area_release(struct area *a)
{
	free(a->slots);
	a->slots = NULL;
}

/* ---- slots ---- */

/* The number is in it: an older copy is not taken for the last one. */
static uint32_t numbered_crc(uint64_t n, const void *bytes, size_t len)
{
	const uint64_t head[2] = { n, len };

	return crc32c(crc32c(0, head, sizeof head), bytes, len);
}

static struct copy *copy_of(const struct area *a, size_t slot, uint64_t n)
{
	uint8_t *first = a->slots[slot] + sizeof(struct slot);

	return (struct copy *)(first + n % 2 * (sizeof(struct copy) + a->places[slot].room));
}

int64_t area_slot_id(const struct area *a, size_t slot)
{
	return a->places[slot].id;
}

size_t area_slot_room(const struct area *a, size_t slot)
{
	return (size_t)a->places[slot].room;
}

size_t area_slot_at(const struct area *a, size_t slot)
{
	return (size_t)(a->slots[slot] - (const uint8_t *)a->head) + offsetof(struct slot, n);
}

int area_slot_read(const struct area *a, size_t slot, const void **bytes, size_t *len)
{
	uint64_t n = look(&((const struct slot *)a->slots[slot])->n);
	const struct copy *c = copy_of(a, slot, n);

	*bytes = NULL;
	*len = 0;
	if (n == 0)
		return 0;
	if (c->len > a->places[slot].room || numbered_crc(n, c + 1, c->len) != c->crc)
		return -EBADMSG;
	*bytes = c + 1;
	*len = c->len;
	return 0;
}

void area_slot_write(struct area *a, size_t slot, const void *bytes, size_t len)
{
	struct slot *s = (struct slot *)a->slots[slot];
	uint64_t n = look(&s->n) + 1;
	struct copy *c = copy_of(a, slot, n);

	assert(len <= a->places[slot].room);
	memcpy(c + 1, bytes, len);
	*c = (struct copy){ .len = (uint32_t)len, .crc = numbered_crc(n, bytes, len) };
	publish(&s->n, n);
}

/* ---- the ring ---- */

size_t area_entry_bytes(size_t len)
{
	return sizeof(struct entry) + up8(len);
}

uint64_t area_first(const struct area *a)
{
	return look(&a->ring->first);
}

uint64_t area_next(const struct area *a)
{
	return look(&a->ring->next);
}

static struct entry *entry_at(const struct area *a, uint64_t place)
{
	return (struct entry *)((uint8_t *)(a->ring + 1) + place % a->ring_bytes);
}

static uint64_t to_beginning(const struct area *a, uint64_t place)
{
	return a->ring_bytes - place % a->ring_bytes;
}

bool area_entry_quick(const struct area *a, uint64_t place, struct area_entry *ret)
{
	uint64_t next = area_next(a), size;
	const struct entry *e;

	if (next - place > a->ring_bytes || next == place || (next | place) % 8 != 0)
		return false;
	e = entry_at(a, place);
	if (e->len == SKIP) {
		place += to_beginning(a, place);
		if (next - place > a->ring_bytes || next == place)
			return false;
		e = entry_at(a, place);
	}
	size = sizeof *e + up8(e->len);
	if (size > to_beginning(a, place) || size > next - place)
		return false;
	*ret = (struct area_entry){ .bytes = e + 1, .len = e->len, .after = place + size };
	return true;
}

bool area_entry(const struct area *a, uint64_t place, struct area_entry *ret)
{
	if (!area_entry_quick(a, place, ret))
		return false;
	place = ret->after - sizeof(struct entry) - up8(ret->len);
	ret->whole = numbered_crc(place, ret->bytes, ret->len) == entry_at(a, place)->crc;
	return true;
}

int area_push(struct area *a, const void *bytes, size_t len)
{
	uint64_t next = area_next(a), used = next - area_first(a);
	uint64_t size = sizeof(struct entry) + up8(len), skip = 0;
	struct entry *e;

	/* A larger one might not fit into an empty ring, behind what is skipped. */
	if (len >= SKIP || size > a->ring_bytes / 2)
		return -EMSGSIZE;
	if (size > to_beginning(a, next))
		skip = to_beginning(a, next);
	if (used + skip + size > a->ring_bytes)
		return -ENOSPC;
	if (skip > 0)
		*entry_at(a, next) = (struct entry){ .len = SKIP };
	next += skip;
	e = entry_at(a, next);
	memcpy(e + 1, bytes, len);
	*e = (struct entry){ .len = (uint32_t)len, .crc = numbered_crc(next, bytes, len) };
	publish(&a->ring->next, next + size);
	return 0;
}

void area_pop_to(struct area *a, uint64_t place)
{
	publish(&a->ring->first, place);
}
