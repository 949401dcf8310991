/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue between threads: order, bounds, waiting, closing, and nothing lost or doubled under
 * load.
 */
#include "host/queue.h"

#include <criterion/criterion.h>
#include <poll.h>

#include "base/clock.h"

static bool readable(const struct queue *q)
{
	struct pollfd p = { .fd = queue_fd(q), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

Test(queue, first_in_first_out_and_bounded)
{
	struct queue q;
	int v[4];

	cr_assert_eq(queue_init(&q, 3), 0);
	for (int round = 0; round < 5; round++) { /* the ring turns */
		cr_assert_not(readable(&q));
		for (int i = 0; i < 3; i++)
			cr_assert(queue_push(&q, &v[i]));
		cr_assert_not(queue_push(&q, &v[3]));
		cr_assert(readable(&q));
		for (int i = 0; i < 3; i++)
			cr_assert_eq(queue_pop(&q), &v[i]);
		cr_assert_null(queue_pop(&q));
	}
	cr_assert_eq(queue_dropped(&q), 5);
	queue_release(&q);
}

Test(queue, the_oldest_makes_room)
{
	struct queue q;
	int v[3];

	cr_assert_eq(queue_init(&q, 2), 0);
	cr_assert_null(queue_push_over(&q, &v[0]));
	cr_assert_null(queue_push_over(&q, &v[1]));
	cr_assert_eq(queue_push_over(&q, &v[2]), &v[0]);
	cr_assert_eq(queue_dropped(&q), 1);
	cr_assert_eq(queue_pop(&q), &v[1]);
	cr_assert_eq(queue_pop(&q), &v[2]);
	queue_release(&q);
}

Test(queue, waits_as_long_as_told)
{
	struct queue q;
	int64_t before = clock_mono_us();

	cr_assert_eq(queue_init(&q, 2), 0);
	cr_assert_null(queue_wait_pop(&q, 20000));
	cr_assert_geq(clock_mono_us() - before, 20000);
	cr_assert_null(queue_wait_pop(&q, 0));
	queue_release(&q);
}

Test(queue, closing_leaves_what_is_in)
{
	struct queue q;
	int v;

	cr_assert_eq(queue_init(&q, 2), 0);
	cr_assert(queue_push(&q, &v));
	queue_close(&q);
	cr_assert_not(queue_push(&q, &v));
	cr_assert_eq(queue_push_over(&q, &v), &v);
	cr_assert_eq(queue_wait_pop(&q, -1), &v);
	cr_assert_null(queue_wait_pop(&q, -1));
	cr_assert(readable(&q));
	queue_release(&q);
}

#define N 20000
struct load {
	struct queue q;
	unsigned char seen[2 * N];
};

static void *produce(void *arg)
{
	struct load *l = arg;

	for (int i = 0; i < N; i++)
		while (!queue_push(&l->q, &l->seen[i]))
			(void)sched_yield();
	return NULL;
}

static void *consume(void *arg)
{
	struct load *l = arg;

	for (unsigned char *p; (p = queue_wait_pop(&l->q, -1)) != NULL;)
		__atomic_fetch_add(p, 1, __ATOMIC_RELAXED);
	return NULL;
}

Test(queue, nothing_is_lost_or_doubled, .timeout = 60)
{
	static struct load l;
	pthread_t in[2], out[2];

	cr_assert_eq(queue_init(&l.q, 16), 0);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(pthread_create(&in[i], NULL, produce, &l), 0);
		cr_assert_eq(pthread_create(&out[i], NULL, consume, &l), 0);
	}
	for (int i = 0; i < 2; i++)
		cr_assert_eq(pthread_join(in[i], NULL), 0);
	queue_close(&l.q);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(pthread_join(out[i], NULL), 0);
	for (int i = 0; i < N; i++)
		cr_assert_eq(l.seen[i], 2, "item %d came %d times", i, l.seen[i]);
	queue_release(&l.q);
}
