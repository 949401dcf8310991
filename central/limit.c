/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Token buckets, each as the one time at which it will be full again: a bucket that is full is the
 * same as none.
 */
#include "central/limit.h"

#include <assert.h>
#include <stdlib.h>

#include "central/keyed.h"

struct limit {
	struct limit_conf conf;
	struct keyed *full_at; /* int64_t, us */
	uint64_t refused;
};

struct limit *limit_new(const struct limit_conf *conf)
{
	struct limit *l = calloc(1, sizeof *l);

	assert(conf->each_us > 0 && conf->burst > 0);
	if (l == NULL)
		return NULL;
	l->conf = *conf;
	l->full_at = keyed_new(conf->max, sizeof(int64_t));
	if (l->full_at == NULL) {
		free(l);
		return NULL;
	}
	return l;
}

void limit_free(struct limit *l)
{
	if (l == NULL)
		return;
	keyed_free(l->full_at);
	free(l);
}

/* How long until n can be taken from a bucket that is full at *full_at (NULL: now). */
static int64_t wait_of(const struct limit *l, const int64_t *full_at, unsigned n, int64_t now_ms)
{
	int64_t now = now_ms * 1000, full = full_at != NULL && *full_at > now ? *full_at : now,
		wait = full + n * l->conf.each_us - now - l->conf.burst * l->conf.each_us;

	return wait > 0 ? (wait + 999) / 1000 : 0;
}

int64_t limit_wait(struct limit *l, const struct peer *key, unsigned n, int64_t now_ms)
{
	return wait_of(l, keyed_peek(l->full_at, key), n, now_ms);
}

int64_t limit_take(struct limit *l, const struct peer *key, unsigned n, int64_t now_ms)
{
	int64_t *full_at = keyed_put(l->full_at, key), wait;

	if (full_at == NULL) /* no memory: better slow than without a limit */
		return (l->conf.each_us + 999) / 1000;
	wait = wait_of(l, full_at, n, now_ms);
	if (wait > 0) {
		l->refused++;
		return wait;
	}
	*full_at = (*full_at > now_ms * 1000 ? *full_at : now_ms * 1000) + n * l->conf.each_us;
	return 0;
}

void limit_give(struct limit *l, const struct peer *key, unsigned n, int64_t now_ms)
{
	int64_t *full_at = keyed_peek(l->full_at, key);

	if (full_at != NULL && *full_at > now_ms * 1000)
		*full_at -= n * l->conf.each_us;
}

void limit_forget(struct limit *l, const struct peer *key)
{
	keyed_drop(l->full_at, key);
}

size_t limit_count(const struct limit *l)
{
	return keyed_count(l->full_at);
}

uint64_t limit_refused(const struct limit *l)
{
	return l->refused;
}

uint64_t limit_pushed_out(const struct limit *l)
{
	return keyed_pushed_out(l->full_at);
}
