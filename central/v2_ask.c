/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET lector/get: what the node's teslad answers now.  It is asked from libuv's pool, few at a
 * time, and each node once at a time: one that does not answer keeps a thread for as long as it is
 * waited for, and is then left alone for a while, so that others have their turn.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <tesla/client.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "central/catalogue.h"
#include "central/pool.h"
#include "central/v2_internal.h"
#include "central/v2_live.h"

#define AT_A_TIME 4u
#define WAITING_MAX 32u
#define ANSWER_MS 5000	/* in all */
#define SILENT_MS 10000 /* so long nobody waits for one that did not answer */
_Static_assert(V2_SILENT_MAX > AT_A_TIME * (SILENT_MS / ANSWER_MS + 1), "none is forgotten early");

struct v2_asking {
	TAILQ_ENTRY(v2_asking) listed;
	struct call *call; /* held until the end */
	uint32_t row;	   /* of the node */
	struct pool_job pool;
	struct live live;
	char *endpoint, *server_key;
	struct keys_pair keys; /* a copy: the pool's threads have none of the app's */
	struct buf packed;
	int result;
	struct tesla_error error;
};

static void asking_free(struct v2_asking *a)
{
	keys_forget(&a->keys);
	buf_release(&a->packed);
	free(a->endpoint);
	free(a->server_key);
	free(a);
}

/* ---- in the pool ---- */

struct replies {
	uint8_t *bytes[LIVE_COMMANDS_MAX];
	struct mp_doc docs[LIVE_COMMANDS_MAX];
	size_t n;
};

static void replies_release(struct replies *r)
{
	for (size_t i = 0; i < r->n; i++) {
		mp_doc_release(&r->docs[i]);
		free(r->bytes[i]);
	}
}

static int request(struct tesla_client *client, const char *command, int64_t analyzer,
		   int64_t until_us, struct replies *replies, struct tesla_error *err)
{
	int64_t left_ms = (until_us - clock_mono_us()) / 1000;
	uint8_t *bytes = NULL;
	size_t len = 0;
	msgpack_packer pk;
	struct buf args;
	int r;

	buf_init(&args, 100);
	mp_writer(&pk, &args);
	(void)msgpack_pack_map(&pk, analyzer != 0 ? 1 : 0);
	if (analyzer != 0)
		mp_key_int(&pk, "analyzer", analyzer);
	r = tesla_request(client, command, args.pub.bytes, args.pub.len,
			  left_ms > 1 ? (int)left_ms : 1, &bytes, &len, err);
	buf_release(&args);
	if (r == 0)
		r = mp_unpack(&replies->docs[replies->n], bytes, len, err);
	if (r != 0) {
		free(bytes);
		return r;
	}
	replies->bytes[replies->n++] = bytes;
	return 0;
}

static int ask(struct v2_asking *a, struct tesla_client *client, struct tesla_error *err)
{
	int64_t until_us = clock_mono_us() + (int64_t)ANSWER_MS * 1000;
	struct replies replies = { .n = 0 };
	bool of_all;
	const char *const *commands = live_commands(a->live.what, &of_all);
	int r = 0;

	for (size_t i = 0; commands[i] != NULL && r == 0; i++) {
		r = request(client, commands[i], of_all ? 0 : a->live.analyzer, until_us, &replies,
			    err);
		if (r == 0)
			a->live.replies[i] = &replies.docs[i].u.data;
	}
	if (r == 0)
		r = live_pack(&a->live, &a->packed, err);
	replies_release(&replies);
	return r;
}

static void ask_work(struct pool_job *job)
{
	struct v2_asking *a = job->arg;
	bool has_keys = a->server_key[0] != '\0';
	const struct tesla_peer peer = {
		.endpoint = a->endpoint,
		.server_key = has_keys ? a->server_key : NULL,
		.public_key = has_keys ? a->keys.public_key : NULL,
		.secret_key = has_keys ? a->keys.secret_key : NULL,
	};
	struct tesla_client *client;

	a->result = tesla_connect_peer(&peer, &client, &a->error);
	if (a->result != 0)
		return;
	a->result = ask(a, client, &a->error);
	tesla_disconnect(client);
}

/* ---- the loop's side ---- */

static bool is_silent(const struct call *c, uint32_t row)
{
	const struct v2 *v2 = c->app->v2;

	for (size_t i = 0; i < V2_SILENT_MAX; i++)
		if (v2->silent[i].row == row && app_now_ms(c->app) < v2->silent[i].until_ms)
			return true;
	return false;
}

static void say_silent(struct call *c)
{
	v2_say(c, 400, "#node %.80s, analyzer %.24s: its teslad did not answer a moment ago",
	       c->args[1], c->args[2]);
}

static bool is_asked(const struct v2 *v2, uint32_t row)
{
	const struct v2_asking *a;

	TAILQ_FOREACH(a, &v2->asking, listed)
		if (a->row == row)
			return true;
	return false;
}

static void start(struct v2_asking *a);

/* Those whose turn it is; the others keep their order. */
static void next(struct v2 *v2)
{
	struct v2_asking *a, *then;

	for (a = TAILQ_FIRST(&v2->waiting); a != NULL; a = then) {
		bool silent = is_silent(a->call, a->row);

		then = TAILQ_NEXT(a, listed);
		if (!silent && (v2->n_asking >= AT_A_TIME || is_asked(v2, a->row)))
			continue;
		TAILQ_REMOVE(&v2->waiting, a, listed);
		v2->n_waiting--;
		if (!silent) {
			start(a);
			continue;
		}
		a->call->stop = NULL;
		say_silent(a->call);
		asking_free(a);
	}
}

static void ask_done(struct pool_job *job)
{
	struct v2_asking *a = job->arg;
	struct v2 *v2 = a->call->app->v2;

	TAILQ_REMOVE(&v2->asking, a, listed);
	v2->n_asking--;
	if (a->result == -ETIMEDOUT)
		v2->silent[v2->n_silent++ % V2_SILENT_MAX] =
			(struct v2_silent){ a->row, app_now_ms(a->call->app) + SILENT_MS };
	if (a->result == 0)
		v2_answer(a->call, &a->packed);
	else
		v2_say(a->call, 400, "#node %.80s, analyzer %" PRId64 ": %s", a->call->args[1],
		       a->live.analyzer, a->error.text);
	asking_free(a);
	next(v2);
}

static void start(struct v2_asking *a)
{
	a->call->stop = NULL;
	TAILQ_INSERT_TAIL(&a->call->app->v2->asking, a, listed);
	a->call->app->v2->n_asking++;
	a->pool = (struct pool_job){ .work = ask_work, .done = ask_done, .arg = a };
	pool_submit(a->call->app, &a->pool);
}

/* The server ends before its turn. */
static void on_stop(struct call *c)
{
	struct v2_asking *a = c->work;
	struct v2 *v2 = c->app->v2;

	TAILQ_REMOVE(&v2->waiting, a, listed);
	v2->n_waiting--;
	c->stop = NULL;
	call_busy(c);
	asking_free(a);
}

static void queue(struct v2_asking *a)
{
	struct v2 *v2 = a->call->app->v2;

	request_hold(a->call->request);
	a->call->work = a;
	a->call->stop = on_stop;
	TAILQ_INSERT_TAIL(&v2->waiting, a, listed);
	v2->n_waiting++;
	next(v2);
}

/* False: answered. */
static bool arguments_take(struct v2_asking *a, const struct registry_node *n)
{
	struct call *c = a->call;
	const struct registry_analyzer *known;
	struct tesla_error err;

	if (!live_parse(c->args[0], &a->live.what)) {
		v2_say(c, 400, "#%.40s: expected Vars, Defs, Status, Conf or Id", c->args[0]);
		return false;
	}
	if (!v2_number(c->args[2], &a->live.analyzer)) {
		v2_say(c, 400, "#node %.80s has no analyzer %.24s", n->id, c->args[2]);
		return false;
	}
	if (n->control[0] == '\0') {
		v2_say(c, 400, "#node %.80s: where its teslad is asked is not known", n->id);
		return false;
	}
	if (n->control_key[0] != '\0' && c->app->v2->keys.secret_key[0] == '\0') {
		v2_say(c, 400,
		       "#node %.80s is asked with keys, and central has none: [Control] key",
		       n->id);
		return false;
	}
	if (v2_zone(c->app, n, &a->live.zone, &err) != 0) {
		v2_say(c, 503, "#node %.80s: %.200s", n->id, err.text);
		return false;
	}
	known = registry_analyzer(c->app->registry, n->id, a->live.analyzer);
	if (known != NULL)
		a->live.model = catalogue_model(c->app->catalogue, known->model);
	return true;
}

void v2_ask(struct call *c)
{
	const struct registry_node *n = registry_node(c->app->registry, c->args[1]);
	struct v2_asking *a;

	if (n == NULL) {
		v2_say(c, 404, "Node no existent");
		return;
	}
	if (is_silent(c, n->row)) {
		say_silent(c);
		return;
	}
	a = c->app->v2->n_waiting < WAITING_MAX ? calloc(1, sizeof *a) : NULL;
	if (a == NULL) {
		call_busy(c);
		return;
	}
	a->call = c;
	a->row = n->row;
	a->keys = c->app->v2->keys;
	buf_init(&a->packed, CALL_ANSWER_MAX);
	if (!arguments_take(a, n)) {
		asking_free(a);
		return;
	}
	a->endpoint = strdup(n->control);
	a->server_key = strdup(n->control_key);
	if (a->endpoint == NULL || a->server_key == NULL) {
		call_busy(c);
		asking_free(a);
		return;
	}
	queue(a);
}
