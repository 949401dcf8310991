/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clientLive: live readings to a server over HTTP, for nodes that nobody gets to from outside.
 * What came since the last heartbeat goes in one request; what cannot be sent is lost.
 */
#include <errno.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "link.h"
#include "message.h"

#define ROWS_MAX 5000u /* of a request: as many as the server takes */
#define STATES_MAX 2000u
#define BYTES_MAX ((size_t)1 << 20) /* of either */

struct rows { /* packed, one behind the other */
	msgpack_sbuffer bytes;
	size_t n, max;
};

struct live {
	const struct tesla_host *host;
	const struct conf *conf;
	struct http *http;
	char *url;
	struct message message;
	struct rows readings, states;
	uint64_t lost; /* for want of room, since it was said */
};

static void rows_clear(struct rows *r)
{
	msgpack_sbuffer_clear(&r->bytes);
	r->n = 0;
}

static void live_close(void *self)
{
	struct live *l = self;

	if (l == NULL)
		return;
	if (l->http != NULL)
		http_free(l->http);
	message_release(&l->message);
	msgpack_sbuffer_destroy(&l->readings.bytes);
	msgpack_sbuffer_destroy(&l->states.bytes);
	free(l->url);
	free(l);
}

static int url_make(struct live *l)
{
	char *base = link_base(l->conf->target);

	if (base == NULL || asprintf(&l->url, "%s/readings", base) < 0)
		l->url = NULL;
	free(base);
	return l->url != NULL ? 0 : -ENOMEM;
}

static int live_open(const void *conf, const struct tesla_host *host, void **self,
		     struct tesla_error *err)
{
	int r = conf_check(conf, err);
	struct live *l;

	if (r != 0)
		return r;
	l = calloc(1, sizeof *l);
	if (l == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	l->host = host;
	l->conf = conf;
	message_init(&l->message);
	msgpack_sbuffer_init(&l->readings.bytes);
	msgpack_sbuffer_init(&l->states.bytes);
	l->readings.max = ROWS_MAX;
	l->states.max = STATES_MAX;
	r = url_make(l) != 0 ? tesla_fail(err, -ENOMEM, "no memory")
			     : http_new(conf, link_headers(conf, false), &l->http, err);
	if (r != 0) {
		live_close(l);
		return r;
	}
	link_warn(conf, host);
	*self = l;
	return 0;
}

/* ---- what waits for the heartbeat ---- */

static int put_str(msgpack_packer *pk, const char *text)
{
	size_t len = strlen(text);

	return msgpack_pack_str(pk, len) | msgpack_pack_str_body(pk, text, len);
}

/*
 * The map of a message of the stream, with what its topic says in front: its first byte is the
 * number of its keys, of which there are less than 13.
 */
static int row_add(struct rows *rows, const struct message *m, int64_t analyzer,
		   const char *variable)
{
	msgpack_packer pk;
	size_t before = rows->bytes.size;
	int r;

	if (rows->n == rows->max || before + m->body.size > BYTES_MAX)
		return -ENOBUFS;
	msgpack_packer_init(&pk, &rows->bytes, msgpack_sbuffer_write);
	r = msgpack_pack_map(&pk, ((uint8_t)m->body.data[0] & 0xfu) + (variable != NULL ? 2 : 1));
	r |= put_str(&pk, "analyzer");
	r |= msgpack_pack_int64(&pk, analyzer);
	if (variable != NULL)
		r |= put_str(&pk, "variable") | put_str(&pk, variable);
	r |= msgpack_sbuffer_write(&rows->bytes, m->body.data + 1, m->body.size - 1);
	if (r != 0) {
		rows->bytes.size = before;
		return -ENOMEM;
	}
	rows->n++;
	return 0;
}

static int item_add(struct live *l, const struct tesla_batch *batch, const struct tesla_item *item)
{
	int r = 0;

	if (item->kind == TESLA_STATUS_CHANGE) {
		r = message_status(&l->message, batch, item);
		return r != 0 ? r : row_add(&l->states, &l->message, item->analyzer, NULL);
	}
	if (item->kind != TESLA_SWEEP)
		return 0;
	r = message_sweep(&l->message, batch, item);
	for (size_t i = 0; i < item->n_readings && r == 0; i++) {
		r = message_reading(&l->message, item, item->readings[i]);
		if (r == 0)
			r = row_add(&l->readings, &l->message, item->analyzer,
				    item->readings[i]->variable);
	}
	return r;
}

/* ---- sending ---- */

static int rows_put(msgpack_packer *pk, msgpack_sbuffer *body, const char *key,
		    const struct rows *rows)
{
	int r = put_str(pk, key) | msgpack_pack_array(pk, rows->n);

	return rows->n > 0 ? r | msgpack_sbuffer_write(body, rows->bytes.data, rows->bytes.size)
			   : r;
}

static int body_make(const struct live *l, const struct tesla_batch *batch, msgpack_sbuffer *body)
{
	msgpack_packer pk;
	int r;

	msgpack_packer_init(&pk, body, msgpack_sbuffer_write);
	r = msgpack_pack_map(&pk, 4);
	r |= put_str(&pk, "node") | put_str(&pk, batch->node);
	r |= put_str(&pk, "e") | msgpack_pack_int64(&pk, batch->epoch_ms);
	r |= rows_put(&pk, body, "readings", &l->readings);
	r |= rows_put(&pk, body, "status", &l->states);
	return r == 0 ? 0 : -ENOMEM;
}

static int answer_check(const struct live *l, const struct http_answer *a, struct tesla_error *err)
{
	if (a->trouble != NULL)
		return tesla_fail(err, -EIO, "%.100s: %.120s", l->url, a->trouble);
	if (a->status / 100 != 2)
		return tesla_fail(err, -EIO, "%.100s: the server answered %ld", l->url, a->status);
	return 0;
}

/* A heartbeat without readings tells the server that the node is there. */
static int send_all(struct live *l, const struct tesla_batch *batch, struct tesla_error *err)
{
	struct http_answer a;
	msgpack_sbuffer body;
	int r;

	msgpack_sbuffer_init(&body);
	r = body_make(l, batch, &body);
	if (r == 0) {
		const struct link_body packed = { body.data, body.size, l->conf->gzip };

		r = link_post(l->http, l->url, &packed, &a);
	}
	msgpack_sbuffer_destroy(&body);
	rows_clear(&l->readings);
	rows_clear(&l->states);
	if (l->lost > 0)
		l->host->log(l->host, 4,
			     "%s: %llu readings are lost: more came in a second than "
			     "are sent",
			     l->url, (unsigned long long)l->lost);
	l->lost = 0;
	return r != 0 ? tesla_fail(err, r, "no memory") : answer_check(l, &a, err);
}

static int live_deliver(void *self, const struct tesla_batch *batch, struct tesla_verdict *verdicts,
			struct tesla_error *err)
{
	struct live *l = self;
	bool beat = false;
	int r = 0;

	(void)verdicts;
	for (size_t i = 0; i < batch->n_items; i++) {
		int added = item_add(l, batch, batch->items[i]);

		if (added == -ENOBUFS)
			l->lost++;
		else if (added != 0)
			r = tesla_fail(err, added, "no memory");
		beat = beat || batch->items[i]->kind == TESLA_HEARTBEAT;
	}
	return beat && r == 0 ? send_all(l, batch, err) : r;
}

static const struct tesla_param params[] = {
	TESLA_P_STR("target", struct conf, target, .flags = TESLA_REQUIRED,
		    .help = "Where the server's interface begins: https://host/api/v1."),
	TESLA_P_MS("timeout", struct conf, timeout_ms, .dflt = "2", .min = 100, .max = 5000,
		   .unit = "s",
		   .help = "How long one request may take in all; what comes meanwhile waits."),
	TESLA_P_MS("connect_timeout", struct conf, connect_timeout_ms, .dflt = "2", .min = 100,
		   .max = 5000, .unit = "s", .help = "How long of that connecting may take."),
	CONF_LOGIN_PARAMS,
	TESLA_P_BOOL("gzip", struct conf, gzip, .dflt = "true",
		     .help = "The requests are compressed."),
	CONF_PEER_PARAMS,
	TESLA_P_END
};

static const struct tesla_exporter exporter = {
	.size = sizeof exporter,
	.caps = TESLA_LIVE,
	.open = live_open,
	.deliver = live_deliver,
	.close = live_close,
};

TESLA_EXPORTER_PLUGIN("clientLive", PACKAGE_VERSION, &exporter, .threading = TESLA_SERIAL_PLUGIN,
		      .help = "Live readings to a server over HTTP, each second.", .params = params,
		      .conf_size = sizeof(struct conf), .check = conf_check);
