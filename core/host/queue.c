/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded queue of pointers between threads.  The eventfd is written when the queue stops being
 * empty and read when it is empty again, so a busy queue costs no system call.
 */
#include "host/queue.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

int queue_init(struct queue *q, size_t capacity)
{
	assert(capacity > 0);
	*q = (struct queue){ .capacity = capacity,
			     .ring = calloc(capacity, sizeof *q->ring),
			     .fd = -1 };
	if (q->ring == NULL)
		return -ENOMEM;
	q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->fd < 0) {
		free(q->ring);
		return -errno;
	}
	(void)pthread_mutex_init(&q->lock, NULL); /* cannot fail: default attributes */
	return 0;
}

void queue_release(struct queue *q)
{
	free(q->ring);
	(void)close(q->fd);
	(void)pthread_mutex_destroy(&q->lock);
}

/* The counter never comes near its limit, so neither call can fail. */
static void signal_set(struct queue *q)
{
	(void)!write(q->fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

static void signal_clear(struct queue *q)
{
	uint64_t n;

	(void)!read(q->fd, &n, sizeof n);
}

static void ring_add(struct queue *q, void *item)
{
	q->ring[(q->first + q->n) % q->capacity] = item;
	if (q->n++ == 0)
		signal_set(q);
}

static void *ring_take(struct queue *q)
{
	void *item = q->ring[q->first];

	q->first = (q->first + 1) % q->capacity;
	q->n--;
	return item;
}

bool queue_push(struct queue *q, void *item)
{
	bool fits;

	assert(item != NULL);
	(void)pthread_mutex_lock(&q->lock);
	fits = !q->closed && q->n < q->capacity;
	if (fits)
		ring_add(q, item);
	else
		q->dropped++;
	(void)pthread_mutex_unlock(&q->lock);
	return fits;
}

void *queue_push_over(struct queue *q, void *item)
{
	void *out = NULL;

	assert(item != NULL);
	(void)pthread_mutex_lock(&q->lock);
	if (q->closed) {
		out = item;
	} else {
		if (q->n == q->capacity)
			out = ring_take(q);
		ring_add(q, item);
	}
	q->dropped += out != NULL;
	(void)pthread_mutex_unlock(&q->lock);
	return out;
}

/* *over: closed and empty, nothing will come any more. */
static void *pop(struct queue *q, bool *over)
{
	void *item = NULL;

	(void)pthread_mutex_lock(&q->lock);
	if (q->n > 0) {
		item = ring_take(q);
		if (q->n == 0 && !q->closed)
			signal_clear(q);
	}
	*over = item == NULL && q->closed;
	(void)pthread_mutex_unlock(&q->lock);
	return item;
}

void *queue_pop(struct queue *q)
{
	bool over;

	return pop(q, &over);
}

static void wait_readable(int fd, int64_t us)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct timespec t = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	(void)ppoll(&p, 1, us < 0 ? NULL : &t,
		    NULL); /* woken early: the caller looks and waits again */
}

void *queue_wait_pop(struct queue *q, int64_t timeout_us)
{
	int64_t until = timeout_us < 0 ? 0 : clock_mono_us() + timeout_us;

	for (;;) {
		bool over;
		void *item = pop(q, &over);
		int64_t left = timeout_us < 0 ? -1 : until - clock_mono_us();

		if (item != NULL || over || (timeout_us >= 0 && left <= 0))
			return item;
		wait_readable(q->fd, left);
	}
}

void queue_close(struct queue *q)
{
	(void)pthread_mutex_lock(&q->lock);
	q->closed = true;
	signal_set(q);
	(void)pthread_mutex_unlock(&q->lock);
}

int queue_fd(const struct queue *q)
{
	return q->fd;
}

uint64_t queue_dropped(struct queue *q)
{
	uint64_t n;

	(void)pthread_mutex_lock(&q->lock);
	n = q->dropped;
	(void)pthread_mutex_unlock(&q->lock);
	return n;
}
