/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a keep, in memory of whatever kind: slots and a ring.  Its one thread may be killed
 * between any two instructions: what is there then is whole.  Knows no file.
 */
#ifndef DAEMON_KEEP_AREA_H
#define DAEMON_KEEP_AREA_H

#include "daemon/keep.h"

struct area_head;
struct area_place;
struct area_ring;

struct area { /* a view: the memory is the caller's, aligned to 8 */
	struct area_head *head;
	struct area_place *places;
	struct area_ring *ring;
	uint8_t **slots; /* owned */
	size_t n_slots, ring_bytes;
};

/* 0: too many slots, or too large ones. */
size_t area_size(const struct keep_slot *slots, size_t n, size_t ring_bytes);
/* Empties area_size bytes.  ring_bytes: a multiple of 8.  -ENOMEM. */
int area_format(struct area *a, void *memory, const struct keep_slot *slots, size_t n,
		size_t ring_bytes);
/* What is in foreign bytes; slots and entries are checked when read.  -EBADMSG, -ENOMEM. */
int area_attach(struct area *a, void *memory, size_t size, struct tesla_error *err);
void area_release(struct area *a);

int64_t area_slot_id(const struct area *a, size_t slot);
size_t area_slot_room(const struct area *a, size_t slot);
/* Where in the memory the 8 bytes are that say, when they are 0, that nothing was written. */
size_t area_slot_at(const struct area *a, size_t slot);
/* 0: *bytes is NULL where nothing was written.  -EBADMSG: broken. */
int area_slot_read(const struct area *a, size_t slot, const void **bytes, size_t *len);
void area_slot_write(struct area *a, size_t slot, const void *bytes, size_t len);

/* What an entry takes in the ring. */
size_t area_entry_bytes(size_t len);
/* Places in the ring count up for ever; an entry is at a place. */
uint64_t area_first(const struct area *a);
uint64_t area_next(const struct area *a); /* where the next one will be */
struct area_entry {
	const void *bytes;
	size_t len;
	uint64_t after; /* place of the entry behind it */
	bool whole;	/* its checksum is right; told by area_entry only */
};
/* The entry at `place`; false: there is none, or what is there leads nowhere. */
bool area_entry(const struct area *a, uint64_t place, struct area_entry *ret);
/* The same of an entry that is known to be whole: the checksum is not looked at. */
bool area_entry_quick(const struct area *a, uint64_t place, struct area_entry *ret);
/* -ENOSPC: no room now; -EMSGSIZE: never. */
int area_push(struct area *a, const void *bytes, size_t len);
/* Everything before `place` is gone. */
void area_pop_to(struct area *a, uint64_t place);

#endif
