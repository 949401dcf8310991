/* SPDX-License-Identifier: Apache-2.0 */
/* A libtesla follower a node, stepped when its descriptor says so. */
#include "central/feeds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/address.h"
#include "base/cleanup.h"

#define TURN 256 /* events of one node, before others have their turn */

struct feed {
	TAILQ_ENTRY(feed) listed;
	struct feeds *feeds;
	char *id, *control, *control_key, *stream;
	struct tesla_follow *follow; /* NULL: it cannot be followed */
	uv_poll_t poll;
	bool more; /* its turn ended before it was through */
};
TAILQ_HEAD(feed_list, feed);

struct feeds {
	struct feeds_conf conf;
	struct keys_pair pair;
	struct feed_list list; /* by id */
	uv_idle_t again;       /* runs while one has more */
	size_t n, left_out, closing;
	uint64_t bad;
	bool stopped;
};

/* ---- going on ---- */

/* What makes no sense is left out, and what comes behind it is taken. */
static bool goes_on(struct feeds *f, int r)
{
	if (r != -EBADMSG && r != -ENOBUFS)
		return false;
	f->bad++;
	return true;
}

static void turn(struct feed *feed)
{
	struct feeds *f = feed->feeds;
	const struct tesla_event *e;
	struct tesla_error err;
	int r = 0;

	feed->more = false;
	for (int i = 0; i < TURN; i++) {
		r = tesla_follow_next(feed->follow, 0, &e, &err);
		if (r == 0)
			f->conf.event(f->conf.arg, feed->id, e);
		else if (!goes_on(f, r))
			return;
	}
	feed->more = true;
}

static void on_again(uv_idle_t *handle)
{
	struct feeds *f = handle->data;
	struct feed *feed = NULL;
	bool more = false;

	TAILQ_FOREACH(feed, &f->list, listed) {
		if (feed->more)
			turn(feed);
		more = more || feed->more;
	}
	if (!more)
		(void)uv_idle_stop(&f->again);
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
	struct feed *feed = handle->data;

	(void)status;
	(void)events;
	turn(feed);
	if (feed->more)
		(void)uv_idle_start(&feed->feeds->again, on_again);
}

/* ---- one feed ---- */

static void feed_free(struct feed *feed)
{
	free(feed->id);
	free(feed->control);
	free(feed->control_key);
	free(feed->stream);
	free(feed);
}

static void feeds_free_if_through(struct feeds *f)
{
	if (!f->stopped || f->closing > 0)
		return;
	keys_forget(&f->pair);
	free(f);
}

static void on_feed_closed(uv_handle_t *handle)
{
	struct feed *feed = handle->data;
	struct feeds *f = feed->feeds;

	tesla_unfollow(feed->follow);
	feed_free(feed);
	f->closing--;
	feeds_free_if_through(f);
}

static void feed_end(struct feed *feed)
{
	struct feeds *f = feed->feeds;

	TAILQ_REMOVE(&f->list, feed, listed);
	f->n--;
	if (feed->follow == NULL) {
		feed_free(feed);
		return;
	}
	f->closing++;
	uv_close((uv_handle_t *)&feed->poll, on_feed_closed);
}

static const char *or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

static struct tesla_peer peer_at(const struct feed *feed, const char *endpoint)
{
	struct tesla_peer peer = { .endpoint = or_null(endpoint),
				   .server_key = or_null(feed->control_key) };

	if (peer.server_key != NULL) {
		peer.public_key = feed->feeds->pair.public_key;
		peer.secret_key = feed->feeds->pair.secret_key;
	}
	return peer;
}

/* The daemon says where it is, and whether it has a key. */
static struct tesla_peer peer_asked(const struct feeds *f)
{
	struct tesla_peer peer = { 0 };

	if (f->pair.secret_key[0] != '\0') {
		peer.public_key = f->pair.public_key;
		peer.secret_key = f->pair.secret_key;
	}
	return peer;
}

/* In plain text nobody may listen, or answer in its place. */
static bool is_here(const char *endpoint)
{
	struct address a;

	if (strncmp(endpoint, "tcp://", 6) != 0)
		return true;
	return address_parse(endpoint + 6, &a) == 0 && a.loopback;
}

static int feed_check(const struct feed *feed, struct tesla_error *err)
{
	bool guarded = feed->control_key[0] != '\0';

	if (guarded && feed->feeds->pair.secret_key[0] == '\0')
		return tesla_fail(err, -EINVAL,
				  "%s has a key, and we have none: expected [Control] key in "
				  "central.ini",
				  feed->control);
	if (!guarded && (!is_here(feed->control) || !is_here(feed->stream)))
		return tesla_fail(err, -EINVAL,
				  "%s is on another machine: expected the key of its teslad",
				  is_here(feed->control) ? feed->stream : feed->control);
	return 0;
}

/* NULL: none is followed yet. */
static struct tesla_follow *someone(const struct feeds *f)
{
	const struct feed *feed;

	TAILQ_FOREACH_REVERSE(feed, &f->list, feed_list, listed)
	if (feed->follow != NULL)
		return feed->follow;
	return NULL;
}

static int feed_follow(struct feed *feed, struct tesla_error *err)
{
	static const char *const prefixes[] = { "reading/", "status/", NULL };
	struct tesla_follow_conf conf = { .size = sizeof conf, .prefixes = prefixes };
	struct feeds *f = feed->feeds;
	int r = feed_check(feed, err);

	if (r != 0)
		return r;
	conf.beside = someone(f);
	conf.control = peer_at(feed, feed->control);
	conf.stream = feed->stream[0] != '\0' ? peer_at(feed, feed->stream) : peer_asked(f);
	r = tesla_follow(&conf, &feed->follow, err);
	if (r != 0)
		return r;
	feed->poll.data = feed;
	if (uv_poll_init(f->conf.loop, &feed->poll, tesla_follow_fd(feed->follow)) == 0) {
		(void)uv_poll_start(&feed->poll, UV_READABLE, on_readable);
		on_readable(&feed->poll, 0, 0);
		return 0;
	}
	tesla_unfollow(feed->follow);
	feed->follow = NULL;
	return tesla_fail(err, -EMFILE, "no descriptor for it");
}

static void feed_try(struct feed *feed)
{
	struct tesla_error err = { 0 };

	if (feed->follow == NULL && feed_follow(feed, &err) != 0)
		feed->feeds->conf.trouble(feed->feeds->conf.arg, feed->id, err.text);
}

/* `next` NULL: at the end. */
static void feed_begin(struct feeds *f, const struct registry_node *n, struct feed *next)
{
	struct feed *feed = calloc(1, sizeof *feed);

	if (feed == NULL)
		return; /* the next sync tries again */
	feed->feeds = f;
	feed->id = strdup(n->id);
	feed->control = strdup(n->control);
	feed->control_key = strdup(n->control_key);
	feed->stream = strdup(n->stream);
	if (feed->id == NULL || feed->control == NULL || feed->control_key == NULL ||
	    feed->stream == NULL) {
		feed_free(feed);
		return;
	}
	if (next != NULL)
		TAILQ_INSERT_BEFORE(next, feed, listed);
	else
		TAILQ_INSERT_TAIL(&f->list, feed, listed);
	f->n++;
	feed_try(feed);
}

/* ---- all ---- */

static bool is_same(const struct feed *feed, const struct registry_node *n)
{
	return strcmp(feed->id, n->id) == 0 && strcmp(feed->control, n->control) == 0 &&
	       strcmp(feed->control_key, n->control_key) == 0 &&
	       strcmp(feed->stream, n->stream) == 0;
}

static struct feed *feed_drop(struct feed *feed)
{
	struct feed *next = TAILQ_NEXT(feed, listed);
	struct feeds *f = feed->feeds;

	f->conf.over(f->conf.arg, feed->id);
	feed_end(feed);
	return next;
}

/* Both lists are in the order of ids. */
void feeds_sync(struct feeds *f, const struct registry *r)
{
	struct feed *feed = TAILQ_FIRST(&f->list);
	size_t wanted = 0;

	for (size_t i = 0; i < registry_n_nodes(r); i++) {
		const struct registry_node *n = registry_node_at(r, i);

		if (n->control[0] == '\0' || ++wanted > f->conf.max)
			continue;
		while (feed != NULL && strcmp(feed->id, n->id) <= 0 && !is_same(feed, n))
			feed = feed_drop(feed);
		if (feed != NULL && is_same(feed, n)) {
			feed_try(feed);
			feed = TAILQ_NEXT(feed, listed);
		} else {
			feed_begin(f, n, feed);
		}
	}
	while (feed != NULL)
		feed = feed_drop(feed);
	f->left_out = wanted > f->conf.max ? wanted - f->conf.max : 0;
}

struct feeds *feeds_new(const struct feeds_conf *conf, struct tesla_error *err)
{
	struct feeds *f = calloc(1, sizeof *f);

	if (f == NULL) {
		(void)tesla_fail(err, -ENOMEM, "no memory");
		return NULL;
	}
	f->conf = *conf;
	if (conf->pair != NULL)
		f->pair = *conf->pair;
	f->conf.pair = NULL;
	TAILQ_INIT(&f->list);
	(void)uv_idle_init(conf->loop, &f->again);
	f->again.data = f;
	return f;
}

static void on_again_closed(uv_handle_t *handle)
{
	struct feeds *f = handle->data;

	f->closing--;
	feeds_free_if_through(f);
}

void feeds_stop(struct feeds *f)
{
	struct feed *feed;

	if (f == NULL)
		return;
	while ((feed = TAILQ_FIRST(&f->list)) != NULL)
		feed_end(feed);
	f->stopped = true;
	f->closing++;
	uv_close((uv_handle_t *)&f->again, on_again_closed);
}

size_t feeds_count(const struct feeds *f)
{
	return f->n;
}

size_t feeds_left_out(const struct feeds *f)
{
	return f->left_out;
}

uint64_t feeds_bad(const struct feeds *f)
{
	return f->bad;
}
