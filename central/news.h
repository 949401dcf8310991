/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events on their way into the registry, and out of it to whoever follows them.  They are written
 * in libuv's threads, all that wait in one transaction; what is in the log then, whoever wrote it,
 * is told in its order, each once.
 */
#ifndef CENTRAL_NEWS_H
#define CENTRAL_NEWS_H

#include "base/arena.h"
#include "central/app.h"

#define NEWS_WAITING_MAX 1000u /* events; more are lost, and counted */
#define NEWS_BATCH_MAX 256u    /* told at a time; of more at once the newest */

struct news;
struct news_conf {
	struct app *app;
	/* In the loop's thread; `e` is good during the call. */
	void (*told)(void *arg, const struct registry_entry *e);
	void *arg;
};

struct news *news_new(const struct news_conf *conf, struct tesla_error *err);
/* Nothing may be under way (struct app, working). */
void news_free(struct news *n);
/* An event of now. */
__attribute__((format(printf, 4, 5))) void news_add(struct news *n, const char *what,
						    const char *node, const char *fmt, ...);
/* Somebody else may have written some. */
void news_look(struct news *n);
uint64_t news_lost(const struct news *n);

/* A copy of entries of the log, the oldest first. */
struct news_list {
	struct arena memory;
	struct registry_entry entries[NEWS_BATCH_MAX];
	size_t n;
};
/* Those behind `after`, the newest at most; any thread. */
int news_read(struct registry_db *db, uint64_t after, struct news_list *ret,
	      struct tesla_error *err);
void news_list_release(struct news_list *l);

#endif
