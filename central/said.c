/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences that wait for the loop, and checksums of those that were said. */
#include "central/said.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/crc.h"

struct sentence {
	STAILQ_ENTRY(sentence) next;
	int level;
	char text[];
};
STAILQ_HEAD(sentences, sentence);

struct said {
	struct log *log;
	uv_async_t async;
	pthread_mutex_t lock; /* of all that follows */
	struct sentences waiting;
	uint32_t crcs[SAID_MAX];
	size_t n;
	uint64_t count, n_left_out;
};

static void write_down(struct said *s)
{
	struct sentences list = STAILQ_HEAD_INITIALIZER(list);
	struct sentence *one;

	(void)pthread_mutex_lock(&s->lock);
	STAILQ_CONCAT(&list, &s->waiting);
	(void)pthread_mutex_unlock(&s->lock);
	while ((one = STAILQ_FIRST(&list)) != NULL) {
		STAILQ_REMOVE_HEAD(&list, next);
		log_msg(s->log, one->level, "%s", one->text);
		free(one);
	}
}

static void on_async(uv_async_t *async)
{
	write_down(async->data);
}

int said_new(uv_loop_t *loop, struct log *log, struct said **ret, struct tesla_error *err)
{
	struct said *s = calloc(1, sizeof *s);
	int r = s != NULL ? uv_async_init(loop, &s->async, on_async) : -ENOMEM;

	if (r != 0) {
		free(s);
		return tesla_fail(err, r, "what is damaged cannot be said: %s", uv_strerror(r));
	}
	s->log = log;
	s->async.data = s;
	STAILQ_INIT(&s->waiting);
	(void)pthread_mutex_init(&s->lock, NULL);
	*ret = s;
	return 0;
}

/* With the lock. */
static bool is_new(struct said *s, uint32_t crc)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->crcs[i] == crc)
			return false;
	if (s->n == SAID_MAX) {
		s->n_left_out++;
		return false;
	}
	s->crcs[s->n++] = crc;
	return true;
}

void said_add(struct said *s, int level, const char *sentence)
{
	size_t len = strlen(sentence);
	struct sentence *one = NULL;

	(void)pthread_mutex_lock(&s->lock);
	s->count++;
	if (is_new(s, crc32c(0, sentence, len)))
		one = malloc(sizeof *one + len + 1);
	if (one != NULL) {
		one->level = level;
		memcpy(one->text, sentence, len + 1);
		STAILQ_INSERT_TAIL(&s->waiting, one, next);
		(void)uv_async_send(&s->async);
	}
	(void)pthread_mutex_unlock(&s->lock);
}

uint64_t said_count(struct said *s)
{
	uint64_t n;

	(void)pthread_mutex_lock(&s->lock);
	n = s->count;
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

static void on_closed(uv_handle_t *handle)
{
	struct said *s = handle->data;

	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

void said_end(struct said *s)
{
	if (s == NULL)
		return;
	write_down(s);
	if (s->n_left_out > 0)
		log_msg(s->log, LOG_LEVEL_WARNING,
			"damage was met %llu times more than is said above",
			(unsigned long long)s->n_left_out);
	uv_close((uv_handle_t *)&s->async, on_closed);
}
