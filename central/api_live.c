/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/live, /api/v1/readings, /api/v1/events/stream. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/api.h"
#include "central/body.h"
#include "central/watch.h"

#define ANSWER_READINGS_MAX 10000u

/* ---- what is asked for ---- */

/* The lists point into the request. */
static struct sse_filter filter_of(const struct call *c)
{
	return (struct sse_filter){ (char *)(uintptr_t)request_query(c->request, "node"),
				    (char *)(uintptr_t)request_query(c->request, "analyzer"),
				    (char *)(uintptr_t)request_query(c->request, "variable") };
}

/* False: one of the nodes is not his to read, and that was answered. */
static bool nodes_are_his(struct call *c)
{
	const char *at = request_query(c->request, "node");
	char node[REGISTRY_ID_MAX + 1];

	while (at != NULL && *at != '\0') {
		size_t n = strcspn(at, ",");

		(void)snprintf(node, sizeof node, "%.*s", n < sizeof node ? (int)n : 0, at);
		if (!auth_may(&c->who, AUTH_READ, node)) {
			call_error(c, 403, "%s may not read node %.80s", c->who_text, node);
			return false;
		}
		at += n + (at[n] == ',');
	}
	return true;
}

/* ---- the last values ---- */

struct listing {
	struct call *call;
	struct sse_filter filter;
	const struct live *live;
	int64_t now_ms;
};

static bool has_node(const struct listing *l, const struct live_node *n)
{
	return sse_filter_takes(&l->filter, n->id, 0, NULL) &&
	       auth_may(&l->call->who, AUTH_READ, n->id);
}

static size_t values_count(const struct listing *l, const struct live_node *n)
{
	size_t count = 0;

	for (size_t a = 0; a < n->n_analyzers; a++)
		for (size_t v = 0; v < n->analyzers[a]->n_values; v++)
			count += sse_filter_takes(&l->filter, n->id, n->analyzers[a]->addr,
						  n->analyzers[a]->values[v].reading.variable);
	return count;
}

static size_t analyzers_count(const struct listing *l, const struct live_node *n)
{
	size_t count = 0;

	for (size_t a = 0; a < n->n_analyzers; a++)
		count += n->analyzers[a]->state != NULL &&
			 sse_filter_takes(&l->filter, n->id, n->analyzers[a]->addr, NULL);
	return count;
}

static void values_pack(const struct listing *l, const struct live_node *n, msgpack_packer *pk)
{
	for (size_t a = 0; a < n->n_analyzers; a++)
		for (size_t v = 0; v < n->analyzers[a]->n_values; v++) {
			const struct live_value *value = &n->analyzers[a]->values[v];
			const struct reading_form form = {
				.labels = true,
				.stale = live_is_stale(n, n->analyzers[a], value, l->now_ms)
			};

			if (sse_filter_takes(&l->filter, n->id, n->analyzers[a]->addr,
					     value->reading.variable))
				reading_pack(pk, &value->reading, &form);
		}
}

static void states_pack(const struct listing *l, const struct live_node *n, msgpack_packer *pk)
{
	for (size_t i = 0; i < n->n_analyzers; i++) {
		const struct live_analyzer *a = n->analyzers[i];

		if (a->state == NULL || !sse_filter_takes(&l->filter, n->id, a->addr, NULL))
			continue;
		(void)msgpack_pack_map(pk, 4);
		mp_key_int(pk, "analyzer", a->addr);
		mp_key_str(pk, "state", a->state);
		mp_key_str(pk, "reason", a->reason);
		mp_key_int(pk, "t", a->state_t_ms);
	}
}

static void node_pack(const struct listing *l, const struct live_node *n, msgpack_packer *pk)
{
	(void)msgpack_pack_map(pk, 7);
	mp_key_str(pk, "node", n->id);
	mp_key_str(pk, "state", live_presence_names[n->presence]);
	mp_key_str(pk, "reason", n->reason);
	mp_key_int(pk, "t", n->since_ms);
	mp_key_int(pk, "e", n->epoch_ms);
	mp_str(pk, "status");
	(void)msgpack_pack_array(pk, analyzers_count(l, n));
	states_pack(l, n, pk);
	mp_str(pk, "readings");
	(void)msgpack_pack_array(pk, values_count(l, n));
	values_pack(l, n, pk);
}

void api_live_get(struct call *c)
{
	struct listing l = { c, filter_of(c), watch_live(c->app->watch), app_now_ms(c->app) };
	size_t n_nodes = 0, n_values = 0;
	msgpack_packer pk;
	struct buf out;

	if (!nodes_are_his(c))
		return;
	for (size_t i = 0; i < live_n_nodes(l.live); i++)
		if (has_node(&l, live_node_at(l.live, i))) {
			n_nodes++;
			n_values += values_count(&l, live_node_at(l.live, i));
		}
	if (n_values > ANSWER_READINGS_MAX) {
		call_error(c, 400, "%zu readings: expected at most %u: name nodes or variables",
			   n_values, ANSWER_READINGS_MAX);
		return;
	}
	buf_init(&out, CALL_ANSWER_MAX);
	mp_writer(&pk, &out);
	(void)msgpack_pack_map(&pk, 2);
	mp_key_int(&pk, "t", app_wall_ms(c->app));
	mp_str(&pk, "nodes");
	(void)msgpack_pack_array(&pk, n_nodes);
	for (size_t i = 0; i < live_n_nodes(l.live); i++)
		if (has_node(&l, live_node_at(l.live, i)))
			node_pack(&l, live_node_at(l.live, i), &pk);
	call_answer_ok(c, &out);
}

/* ---- readings in ---- */

struct taking {
	struct body body; /* its call is held until the end */
	struct readings in;
};

static struct taking *taking_of(struct body *b)
{
	return (struct taking *)(void *)((char *)b - offsetof(struct taking, body));
}

static int on_read(struct body *b, const msgpack_object *o, const char **said,
		   struct tesla_error *err)
{
	struct taking *t = taking_of(b);
	int r = readings_read(o, &t->in, err);

	*said = t->in.node;
	return r;
}

static void on_over(struct body *b)
{
	struct taking *t = taking_of(b);

	readings_release(&t->in);
	body_release(b);
	free(t);
}

static void answer(struct taking *t)
{
	size_t taken = watch_posted(t->body.call->app->watch, t->body.node, &t->in);
	msgpack_packer pk;
	struct buf out;

	buf_init(&out, 4096);
	mp_writer(&pk, &out);
	(void)msgpack_pack_map(&pk, 2);
	mp_key_int(&pk, "taken", (int64_t)taken);
	mp_key_int(&pk, "left_out", (int64_t)(t->in.n + t->in.n_states + t->in.n_bad - taken));
	call_answer_ok(t->body.call, &out);
}

static void on_body(struct body *b)
{
	if (b->call->app->stopping)
		call_busy(b->call);
	else
		answer(taking_of(b));
	on_over(b);
}

void api_readings_post(struct call *c)
{
	struct taking *t = calloc(1, sizeof *t);

	if (t == NULL) {
		call_busy(c);
		return;
	}
	t->body = (struct body){
		.what = "readings", .read = on_read, .done = on_body, .over = on_over
	};
	body_take(&t->body, c);
}

/* ---- server-sent events ---- */

void api_events_stream(struct call *c)
{
	struct streams_client *client;
	const char *last = request_header(c->request, "Last-Event-ID");
	uint64_t after;

	if (!nodes_are_his(c))
		return;
	if (last == NULL)
		last = request_query(c->request, "last_event_id");
	after = last != NULL ? strtoull(last, NULL, 10) : 0;
	client = streams_open(watch_streams(c->app->watch), c);
	if (client != NULL)
		watch_tell(c->app->watch, client, after);
}
