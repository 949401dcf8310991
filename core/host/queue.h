/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded queue of pointers between threads of one process.  Any thread may push, any may pop;
 * who waits in a loop of its own waits for queue_fd.  Items are never NULL and stay their owner's
 * until they are in; what is in the queue at the end is popped and freed by the owner.
 */
#ifndef HOST_QUEUE_H
#define HOST_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue {
	pthread_mutex_t lock; /* guards all below; fd itself never changes */
	void **ring;
	size_t capacity, first, n;
	uint64_t dropped;
	bool closed;
	int fd; /* eventfd, readable: an item is in, or closed */
};

/* 0, or a negative errno. */
int queue_init(struct queue *q, size_t capacity);
/* No thread may be in it any more. */
void queue_release(struct queue *q);

/* False: full (the item is counted as dropped) or closed; it stays the caller's. */
bool queue_push(struct queue *q, void *item);
/*
 * For who would rather lose old items: when full, the oldest makes room, is counted and returned.
 */
void *queue_push_over(struct queue *q, void *item);
/* The oldest item, or NULL.  Never waits. */
void *queue_pop(struct queue *q);
/* Waits for an item; timeout -1: for ever.  NULL: none came in time, or closed and empty. */
void *queue_wait_pop(struct queue *q, int64_t timeout_us);
/* No more items will come: waiting threads take what is left, then get NULL. */
void queue_close(struct queue *q);

int queue_fd(const struct queue *q);
uint64_t queue_dropped(struct queue *q);

#endif
