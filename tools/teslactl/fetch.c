/* SPDX-License-Identifier: Apache-2.0 */
/* The status, by a thread. */
#include "teslactl/fetch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

enum state { IDLE, ASKED, BUSY, CAME };

struct fetch {
	struct ctl ctl; /* a copy: the thread may outlive who made it */
	char *endpoint, *key, *server;
	int event; /* an eventfd */
	pthread_t thread;
	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t asked;
	enum state state;
	bool over, alone; /* alone: nobody waits for the thread, which frees all */
	struct fetched came;
};

void fetched_release(struct fetched *f)
{
	if (f->status.bytes != NULL)
		answer_release(&f->status);
	free(f->error);
	*f = (struct fetched){ 0 };
}

static void fetch_destroy(struct fetch *f)
{
	fetched_release(&f->came);
	(void)close(f->event);
	(void)pthread_mutex_destroy(&f->mutex);
	(void)pthread_cond_destroy(&f->asked);
	free(f->endpoint);
	free(f->key);
	free(f->server);
	free(f);
}

static void *fetch_thread(void *arg)
{
	struct fetch *f = arg;
	uint64_t one = 1;

	(void)pthread_mutex_lock(&f->mutex);
	while (!f->over) {
		struct fetched got = { 0 };

		if (f->state != ASKED) {
			(void)pthread_cond_wait(&f->asked, &f->mutex);
			continue;
		}
		f->state = BUSY;
		(void)pthread_mutex_unlock(&f->mutex);
		(void)ctl_try(&f->ctl, "status", NULL, &got.status, &got.error);
		got.at_us = clock_mono_us();
		(void)pthread_mutex_lock(&f->mutex);
		f->came = got;
		f->state = CAME;
		(void)!write(f->event, &one, sizeof one);
	}
	(void)pthread_mutex_unlock(&f->mutex);
	return f;
}

static void *fetch_main(void *arg)
{
	struct fetch *f = fetch_thread(arg);
	bool alone;

	(void)pthread_mutex_lock(&f->mutex);
	alone = f->alone;
	(void)pthread_mutex_unlock(&f->mutex);
	if (alone)
		fetch_destroy(f);
	return NULL;
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

struct fetch *fetch_new(const struct ctl *ctl)
{
	struct fetch *f = calloc(1, sizeof *f);

	if (f == NULL)
		return NULL;
	f->ctl = *ctl;
	f->ctl.command = NULL;
	f->ctl.endpoint = f->endpoint = copy(ctl->endpoint);
	f->ctl.key = f->key = copy(ctl->key);
	f->ctl.server = f->server = copy(ctl->server);
	f->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	(void)pthread_mutex_init(&f->mutex, NULL);
	(void)pthread_cond_init(&f->asked, NULL);
	if (f->event < 0 || pthread_create(&f->thread, NULL, fetch_main, f) != 0) {
		fetch_destroy(f);
		return NULL;
	}
	return f;
}

void fetch_free(struct fetch *f)
{
	bool busy;

	if (f == NULL)
		return;
	(void)pthread_mutex_lock(&f->mutex);
	busy = f->state == BUSY;
	f->over = true;
	f->alone = busy;
	(void)pthread_cond_signal(&f->asked);
	if (busy)
		(void)pthread_detach(f->thread);
	(void)pthread_mutex_unlock(&f->mutex);
	if (busy)
		return;
	(void)pthread_join(f->thread, NULL);
	fetch_destroy(f);
}

int fetch_fd(const struct fetch *f)
{
	return f->event;
}

bool fetch_ask(struct fetch *f)
{
	bool idle;

	(void)pthread_mutex_lock(&f->mutex);
	idle = f->state == IDLE;
	if (idle) {
		f->state = ASKED;
		(void)pthread_cond_signal(&f->asked);
	}
	(void)pthread_mutex_unlock(&f->mutex);
	return idle;
}

bool fetch_take(struct fetch *f, struct fetched *ret)
{
	uint64_t n;
	bool came;

	(void)pthread_mutex_lock(&f->mutex);
	came = f->state == CAME;
	if (came) {
		*ret = f->came;
		f->came = (struct fetched){ 0 };
		f->state = IDLE;
		(void)!read(f->event, &n, sizeof n);
	}
	(void)pthread_mutex_unlock(&f->mutex);
	return came;
}
