/* SPDX-License-Identifier: Apache-2.0 */
/* Events: a queue, and one piece of work at a time that writes it and reads what is new. */
#include "central/news.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "central/pool.h"

struct item {
	STAILQ_ENTRY(item) queued;
	struct registry_entry entry;
	char *node, *text;
};
STAILQ_HEAD(items, item);

struct news {
	struct news_conf conf;
	struct items waiting;
	size_t n_waiting;
	uint64_t lost;
	uint64_t last; /* what was told, or was there at the beginning */
	bool look;     /* there may be more */
	/* The piece of work under way has these for itself. */
	struct pool_job job;
	bool working;
	struct items writing;
	size_t n_writing;
	struct news_list read;
	int written, was_read;
	struct tesla_error write_error, read_error;
};

/* ---- the log ---- */

struct reader {
	struct news_list *list;
	uint64_t after;
};

static int on_entry(void *arg, const struct registry_entry *e, struct tesla_error *err)
{
	struct reader *r = arg;
	struct news_list *l = r->list;

	if (e->seq <= r->after)
		return -ENODATA; /* no error: it ends the walk */
	l->entries[l->n++] = (struct registry_entry){
		.seq = e->seq,
		.at_ms = e->at_ms,
		.what = arena_strdup(&l->memory, e->what),
		.who = arena_strdup(&l->memory, e->who),
		.from = arena_strdup(&l->memory, e->from),
		.node = arena_strdup(&l->memory, e->node),
		.text = arena_strdup(&l->memory, e->text),
	};
	return l->memory.failed ? tesla_fail(err, -ENOMEM, "no memory for events") : 0;
}

int news_read(struct registry_db *db, uint64_t after, struct news_list *ret,
	      struct tesla_error *err)
{
	const struct registry_log_query query = { .log = REGISTRY_EVENTS, .max = NEWS_BATCH_MAX };
	struct reader reader = { ret, after };
	int r;

	ret->memory = (struct arena){ 0 };
	ret->n = 0;
	r = registry_log_walk(db, &query, on_entry, &reader, err);
	if (r != 0 && r != -ENODATA) {
		news_list_release(ret);
		return r;
	}
	for (size_t i = 0; i < ret->n / 2; i++) { /* the oldest first */
		struct registry_entry e = ret->entries[i];

		ret->entries[i] = ret->entries[ret->n - 1 - i];
		ret->entries[ret->n - 1 - i] = e;
	}
	return 0;
}

void news_list_release(struct news_list *l)
{
	arena_release(&l->memory);
	l->n = 0;
}

/* ---- the queue ---- */

static void item_free(struct item *i)
{
	if (i == NULL)
		return;
	free(i->node);
	free(i->text);
	free(i);
}

static void items_free(struct items *list)
{
	struct item *i;

	while ((i = STAILQ_FIRST(list)) != NULL) {
		STAILQ_REMOVE_HEAD(list, queued);
		item_free(i);
	}
}

static void on_work(struct pool_job *job)
{
	struct news *n = job->arg;
	struct registry_entry *entries = calloc(n->n_writing + 1, sizeof *entries);
	struct item *item;
	size_t at = 0;

	n->written = entries != NULL ? 0 : tesla_fail(&n->write_error, -ENOMEM, "no memory");
	STAILQ_FOREACH(item, &n->writing, queued)
		if (entries != NULL)
			entries[at++] = item->entry;
	if (at > 0)
		n->written = registry_event(n->conf.app->registry_db, entries, at, &n->write_error);
	free(entries);
	n->was_read = news_read(n->conf.app->registry_db, n->last, &n->read, &n->read_error);
}

static void start(struct news *n);

static void on_done(struct pool_job *job)
{
	struct news *n = job->arg;

	if (n->written != 0) {
		n->lost += n->n_writing;
		log_msg(&n->conf.app->log, LOG_LEVEL_ERROR, "%zu events are lost: %s", n->n_writing,
			n->write_error.text);
	}
	items_free(&n->writing);
	n->n_writing = 0;
	if (n->was_read != 0)
		log_msg(&n->conf.app->log, LOG_LEVEL_ERROR, "events: %s", n->read_error.text);
	for (size_t i = 0; n->was_read == 0 && i < n->read.n; i++) {
		n->last = n->read.entries[i].seq;
		n->conf.told(n->conf.arg, &n->read.entries[i]);
	}
	if (n->was_read == 0)
		news_list_release(&n->read);
	n->working = false;
	start(n);
}

static void start(struct news *n)
{
	if (n->working || (n->n_waiting == 0 && !n->look))
		return;
	STAILQ_CONCAT(&n->writing, &n->waiting);
	n->n_writing = n->n_waiting;
	n->n_waiting = 0;
	n->look = false;
	n->working = true;
	n->job = (struct pool_job){ .work = on_work, .done = on_done, .arg = n };
	pool_submit(n->conf.app, &n->job);
}

/* NULL: no memory. */
static struct item *item_new(int64_t at_ms, const char *what, const char *node, const char *text)
{
	struct item *i = calloc(1, sizeof *i);

	if (i == NULL)
		return NULL;
	i->node = strdup(node);
	i->text = strdup(text);
	i->entry = (struct registry_entry){ .at_ms = at_ms,
					    .what = what,
					    .who = "tesla-central",
					    .from = "local",
					    .node = i->node,
					    .text = i->text };
	if (i->node != NULL && i->text != NULL)
		return i;
	item_free(i);
	return NULL;
}

void news_add(struct news *n, const char *what, const char *node, const char *fmt, ...)
{
	struct tesla_error sentence;
	struct item *item;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(sentence.text, sizeof sentence.text, fmt, ap);
	va_end(ap);
	item = n->n_waiting < NEWS_WAITING_MAX
		       ? item_new(app_wall_ms(n->conf.app), what, node, sentence.text)
		       : NULL;
	if (item == NULL) {
		n->lost++;
		return;
	}
	STAILQ_INSERT_TAIL(&n->waiting, item, queued);
	n->n_waiting++;
	start(n);
}

void news_look(struct news *n)
{
	n->look = true;
	start(n);
}

uint64_t news_lost(const struct news *n)
{
	return n->lost;
}

/* ---- its life ---- */

struct news *news_new(const struct news_conf *conf, struct tesla_error *err)
{
	struct news *n = calloc(1, sizeof *n);

	if (n == NULL) {
		(void)tesla_fail(err, -ENOMEM, "no memory");
		return NULL;
	}
	n->conf = *conf;
	STAILQ_INIT(&n->waiting);
	STAILQ_INIT(&n->writing);
	if (news_read(conf->app->registry_db, 0, &n->read, err) != 0) {
		free(n);
		return NULL;
	}
	n->last = n->read.n > 0 ? n->read.entries[n->read.n - 1].seq : 0;
	news_list_release(&n->read);
	return n;
}

void news_free(struct news *n)
{
	if (n == NULL)
		return;
	items_free(&n->waiting);
	items_free(&n->writing);
	free(n);
}
