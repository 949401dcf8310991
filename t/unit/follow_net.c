/* SPDX-License-Identifier: Apache-2.0 */
/* A follower over sockets, plain and CURVE, against a daemon that the test plays. */
#include <tesla/client.h>

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/mp.h"

#define EPOCH 100
#define LONG_MS 20000 /* a deadline, not a time */

struct keys {
	char public[41], secret[41];
};

struct daemon {
	void *ctx, *router, *pub;
	char control[256], stream[256];
	const char *stream_key;
	int answers; /* how many it gives, then it ends */
	uint64_t k;  /* of the one topic, in the snapshot */
	pthread_t thread;
	pthread_mutex_t lock; /* guards `stream` */
};

static void answer_pack(struct daemon *d, const char *command, struct buf *out)
{
	msgpack_packer pk;

	mp_writer(&pk, out);
	(void)msgpack_pack_map(&pk, 3);
	mp_key_bool(&pk, "ok", true);
	if (strcmp(command, "status") == 0) {
		(void)pthread_mutex_lock(&d->lock);
		mp_key_str(&pk, "stream", d->stream);
		(void)pthread_mutex_unlock(&d->lock);
		mp_key_str(&pk, "stream_key", d->stream_key);
		return;
	}
	mp_key_int(&pk, "e", EPOCH);
	mp_str(&pk, "readings");
	(void)msgpack_pack_array(&pk, 1);
	(void)msgpack_pack_map(&pk, 6);
	mp_key_int(&pk, "analyzer", 1);
	mp_key_str(&pk, "variable", "P");
	mp_key_int(&pk, "t", 1);
	mp_key_int(&pk, "n", 1);
	mp_key_int(&pk, "k", (int64_t)d->k);
	mp_str(&pk, "v");
	(void)msgpack_pack_array(&pk, 1);
	(void)msgpack_pack_double(&pk, (double)d->k);
}

static void *daemon_main(void *arg)
{
	struct daemon *d = arg;

	for (int i = 0; i < d->answers; i++) {
		char id[64], body[256];
		int id_len = zmq_recv(d->router, id, sizeof id, 0), n;
		struct tesla_error err;
		struct mp_doc doc;
		struct buf out;

		(void)zmq_recv(d->router, body, sizeof body, 0);
		n = zmq_recv(d->router, body, sizeof body, 0);
		if (id_len < 0 || n < 0 || mp_unpack(&doc, body, (size_t)n, &err) != 0)
			return NULL;
		buf_init(&out, 4096);
		answer_pack(d, mp_is(&doc.u.data, "cmd", "status") ? "status" : "snapshot", &out);
		mp_doc_release(&doc);
		(void)zmq_send(d->router, id, (size_t)id_len, ZMQ_SNDMORE);
		(void)zmq_send(d->router, "", 0, ZMQ_SNDMORE);
		(void)zmq_send(d->router, out.pub.bytes, out.pub.len, 0);
		buf_release(&out);
	}
	return NULL;
}

static void *bound(void *ctx, int type, const struct keys *keys, char endpoint[256])
{
	void *s = zmq_socket(ctx, type);
	size_t len = 256;
	int on = 1;

	if (keys != NULL) {
		cr_assert_eq(zmq_setsockopt(s, ZMQ_CURVE_SERVER, &on, sizeof on), 0);
		cr_assert_eq(zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, keys->secret, 40), 0);
	}
	cr_assert_eq(zmq_bind(s, "tcp://127.0.0.1:*"), 0);
	cr_assert_eq(zmq_getsockopt(s, ZMQ_LAST_ENDPOINT, endpoint, &len), 0);
	return s;
}

static void daemon_start(struct daemon *d, int answers, uint64_t k, const struct keys *keys)
{
	*d = (struct daemon){ .ctx = zmq_ctx_new(),
			      .answers = answers,
			      .k = k,
			      .stream_key = keys ? keys->public : NULL };
	cr_assert_eq(pthread_mutex_init(&d->lock, NULL), 0);
	d->router = bound(d->ctx, ZMQ_ROUTER, keys, d->control);
	d->pub = bound(d->ctx, ZMQ_XPUB, keys, d->stream);
	cr_assert_eq(pthread_create(&d->thread, NULL, daemon_main, d), 0);
}

static void daemon_stop(struct daemon *d)
{
	cr_assert_eq(pthread_join(d->thread, NULL), 0);
	(void)zmq_close(d->router);
	(void)zmq_close(d->pub);
	(void)zmq_ctx_term(d->ctx);
	(void)pthread_mutex_destroy(&d->lock);
}

static void subscribed(struct daemon *d)
{
	char subscription[64];

	cr_assert_gt(zmq_recv(d->pub, subscription, sizeof subscription, 0), 0);
}

static void publish(struct daemon *d, uint64_t k)
{
	static const char topic[] = "reading/4/1/P/";
	msgpack_packer pk;
	struct buf out;

	buf_init(&out, 4096);
	mp_writer(&pk, &out);
	(void)msgpack_pack_map(&pk, 5);
	mp_key_int(&pk, "e", EPOCH);
	mp_key_int(&pk, "t", 1);
	mp_key_int(&pk, "n", 1);
	mp_key_int(&pk, "k", (int64_t)k);
	mp_str(&pk, "v");
	(void)msgpack_pack_array(&pk, 1);
	(void)msgpack_pack_double(&pk, (double)k);
	(void)zmq_send(d->pub, topic, sizeof topic - 1, ZMQ_SNDMORE);
	(void)zmq_send(d->pub, out.pub.bytes, out.pub.len, 0);
	buf_release(&out);
}

static void expect(struct tesla_follow *f, enum tesla_event_kind kind, uint64_t k, bool snapshot)
{
	const struct tesla_event *e;
	struct tesla_error err = { 0 };
	int r = tesla_follow_next(f, LONG_MS, &e, &err);

	cr_assert_eq(r, 0, "%d: %s", r, err.text);
	cr_assert_eq(e->kind, kind, "%d, expected %d", (int)e->kind, (int)kind);
	cr_assert_eq(e->k, k);
	cr_assert_eq(e->from_snapshot, snapshot);
}

static void expect_nothing(struct tesla_follow *f, int timeout_ms)
{
	const struct tesla_event *e;
	struct tesla_error err;

	cr_assert_eq(tesla_follow_next(f, timeout_ms, &e, &err), -EAGAIN);
}

/* The stream's endpoint comes from the daemon; the descriptor says when to go on, and when not. */
Test(follow_net, asks_and_follows, .timeout = 60)
{
	struct tesla_follow_conf conf = { .size = sizeof conf };
	struct tesla_error err = { 0 };
	struct tesla_follow *f;
	struct pollfd p = { .events = POLLIN };
	int64_t begun_us = clock_mono_us();
	struct daemon d;

	daemon_start(&d, 2, 5, NULL);
	conf.control.endpoint = d.control;
	cr_assert_eq(tesla_follow(&conf, &f, &err), 0, "%s", err.text);
	p.fd = tesla_follow_fd(f);
	expect_nothing(f, 50);
	subscribed(&d);
	publish(&d, 5);
	expect(f, TESLA_EVENT_UP, 0, false);
	cr_expect_lt(clock_mono_us() - begun_us, 1500000, "the snapshot was not asked for at once");
	expect(f, TESLA_EVENT_READING, 5, true);
	expect_nothing(f, 0);
	cr_expect_eq(poll(&p, 1, 50), 0, "there is nothing to be done");
	publish(&d, 6);
	cr_expect_eq(poll(&p, 1, LONG_MS), 1);
	expect(f, TESLA_EVENT_READING, 6, false);
	publish(&d, 9);
	expect(f, TESLA_EVENT_GAP, 9, false);
	expect(f, TESLA_EVENT_READING, 9, false);
	tesla_unfollow(f);
	daemon_stop(&d);
}

/* The daemon still names the old place when it is first asked; later it names another. */
Test(follow_net, is_asked_again_while_it_is_down, .timeout = 60)
{
	struct tesla_follow_conf conf = { .size = sizeof conf };
	struct tesla_error err = { 0 };
	struct tesla_follow *f;
	struct daemon d;
	char moved[256];
	void *pub;

	daemon_start(&d, 5, 5, NULL);
	conf.control.endpoint = d.control;
	cr_assert_eq(tesla_follow(&conf, &f, &err), 0, "%s", err.text);
	expect_nothing(f, 50);
	subscribed(&d);
	publish(&d, 5);
	expect(f, TESLA_EVENT_UP, 0, false);
	expect(f, TESLA_EVENT_READING, 5, true);
	(void)zmq_close(d.pub);
	expect(f, TESLA_EVENT_DOWN, 0, false);
	expect_nothing(f, 1000);
	pub = bound(d.ctx, ZMQ_XPUB, NULL, moved);
	d.pub = pub;
	(void)pthread_mutex_lock(&d.lock);
	memcpy(d.stream, moved, sizeof moved);
	(void)pthread_mutex_unlock(&d.lock);
	expect_nothing(f, 8000);
	subscribed(&d);
	publish(&d, 7);
	expect(f, TESLA_EVENT_UP, 0, false);
	expect(f, TESLA_EVENT_GAP, 7, false);
	expect(f, TESLA_EVENT_READING, 7, false);
	expect_nothing(f, 2500);
	tesla_unfollow(f);
	daemon_stop(&d);
}

static size_t n_threads(void)
{
	size_t n = 0;
	DIR *d = opendir("/proc/self/task");

	cr_assert_not_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

/* Many share their threads; who began is the first to end, and the others go on. */
Test(follow_net, beside, .timeout = 60)
{
	struct tesla_follow_conf conf = { .size = sizeof conf };
	struct tesla_error err = { 0 };
	struct tesla_follow *f[20];
	size_t before, with_one;
	struct daemon d;

	daemon_start(&d, 2, 5, NULL);
	conf.control.endpoint = "tcp://127.0.0.1:1";
	before = n_threads();
	cr_assert_eq(tesla_follow(&conf, &f[0], &err), 0, "%s", err.text);
	with_one = n_threads();
	cr_expect_gt(with_one, before);
	for (int i = 1; i < 20; i++) {
		conf.beside = f[i - 1];
		conf.control.endpoint = i == 19 ? d.control : "tcp://127.0.0.1:1";
		cr_assert_eq(tesla_follow(&conf, &f[i], &err), 0, "%s", err.text);
	}
	cr_expect_eq(n_threads(), with_one);
	for (int i = 0; i < 19; i++)
		tesla_unfollow(f[i]);
	expect_nothing(f[19], 50);
	subscribed(&d);
	publish(&d, 5);
	expect(f[19], TESLA_EVENT_UP, 0, false);
	expect(f[19], TESLA_EVENT_READING, 5, true);
	tesla_unfollow(f[19]);
	daemon_stop(&d);
}

Test(follow_net, a_conf_without_size_is_refused)
{
	struct tesla_follow_conf conf = { 0 };
	struct tesla_error err = { 0 };
	struct tesla_follow *f;

	cr_expect_eq(tesla_follow(&conf, &f, &err), -EINVAL);
	cr_expect(strstr(err.text, "conf.size") != NULL, "%s", err.text);
}

/* While the snapshot is waited for, messages pile up behind it, and nobody is woken for them. */
Test(follow_net, waits_for_the_snapshot, .timeout = 60)
{
	struct tesla_follow_conf conf = { .size = sizeof conf };
	struct tesla_error err = { 0 };
	struct tesla_follow *f;
	struct pollfd p = { .events = POLLIN };
	struct daemon d;

	daemon_start(&d, 0, 5, NULL);
	conf.control.endpoint = d.control;
	conf.stream.endpoint = d.stream;
	cr_assert_eq(tesla_follow(&conf, &f, &err), 0, "%s", err.text);
	p.fd = tesla_follow_fd(f);
	subscribed(&d);
	for (uint64_t k = 1; k < 100; k++)
		publish(&d, k);
	expect_nothing(f, 300);
	publish(&d, 100);
	expect_nothing(f, 0);
	cr_expect_eq(poll(&p, 1, 50), 0, "woken for what it cannot take");
	tesla_unfollow(f);
	daemon_stop(&d);
}

Test(follow_net, nobody_is_there, .timeout = 60)
{
	struct tesla_follow_conf conf = { .size = sizeof conf,
					  .control.endpoint = "tcp://127.0.0.1:1",
					  .stream.endpoint = "tcp://127.0.0.1:1" };
	struct tesla_error err = { 0 };
	struct tesla_follow *f;
	struct pollfd p = { .events = POLLIN };

	cr_assert_eq(tesla_follow(&conf, &f, &err), 0, "%s", err.text);
	p.fd = tesla_follow_fd(f);
	expect_nothing(f, 0);
	while (poll(&p, 1, LONG_MS) == 1) { /* its own deadline wakes us too */
		const struct tesla_event *e;

		if (tesla_follow_next(f, 0, &e, &err) == 0) {
			cr_expect_eq(e->kind, TESLA_EVENT_DOWN);
			cr_expect(strstr(e->reason, "nothing has come") != NULL, "%s", e->reason);
			break;
		}
	}
	tesla_unfollow(f);
}

static const struct {
	const char *what;
	bool server, public, secret, cut;
	int code;
} key_cases[] = {
	{ "all", true, true, true, false, 0 },
	{ "only the server's", true, false, false, false, -EINVAL },
	{ "no secret one", true, true, false, false, -EINVAL },
	{ "no server's", false, true, true, false, -EINVAL },
	{ "too short", true, true, true, true, -EINVAL },
};

Test(follow_net, half_of_the_keys_is_no_plain_text, .timeout = 60)
{
	struct keys k;

	cr_assert_eq(zmq_curve_keypair(k.public, k.secret), 0);
	for (size_t i = 0; i < sizeof key_cases / sizeof *key_cases; i++) {
		struct tesla_follow_conf conf = { .size = sizeof conf };
		struct tesla_error err = { 0 };
		struct tesla_follow *f;
		const struct tesla_peer peer = {
			.endpoint = "tcp://127.0.0.1:1",
			.server_key = key_cases[i].server ? k.public + key_cases[i].cut : NULL,
			.public_key = key_cases[i].public ? k.public : NULL,
			.secret_key = key_cases[i].secret ? k.secret : NULL,
		};

		conf.control.endpoint = peer.endpoint;
		conf.stream = peer;
		if (i % 2 == 0) /* the daemon says where the stream is */
			conf.stream.endpoint = NULL;
		cr_expect_eq(tesla_follow(&conf, &f, &err), key_cases[i].code, "%s: %s",
			     key_cases[i].what, err.text);
		if (key_cases[i].code == 0)
			tesla_unfollow(f);
		else
			cr_expect(strstr(err.text, k.secret) == NULL);
	}
}

Test(follow_net, curve, .timeout = 60)
{
	struct tesla_follow_conf conf = { .size = sizeof conf };
	struct tesla_error err = { 0 };
	struct tesla_snapshot *s;
	struct tesla_follow *f;
	struct tesla_client *c;
	struct keys server, own;
	struct daemon d;

	cr_assert_eq(zmq_curve_keypair(server.public, server.secret), 0);
	cr_assert_eq(zmq_curve_keypair(own.public, own.secret), 0);
	daemon_start(&d, 2, 5, &server);
	conf.control = (struct tesla_peer){ .endpoint = d.control,
					    .server_key = server.public,
					    .public_key = own.public,
					    .secret_key = own.secret };
	conf.stream = conf.control;
	conf.stream.endpoint = d.stream;
	cr_assert_eq(tesla_connect_peer(&conf.control, &c, &err), 0, "%s", err.text);
	cr_assert_eq(tesla_snapshot(c, LONG_MS, &s, &err), 0, "%s", err.text);
	cr_expect_eq(tesla_snapshot_count(s), 1);
	cr_expect_eq(tesla_snapshot_epoch_ms(s), EPOCH);
	tesla_snapshot_free(s);
	tesla_disconnect(c);
	cr_assert_eq(tesla_follow(&conf, &f, &err), 0, "%s", err.text);
	subscribed(&d);
	publish(&d, 6);
	expect(f, TESLA_EVENT_UP, 0, false);
	expect(f, TESLA_EVENT_READING, 5, true);
	expect(f, TESLA_EVENT_READING, 6, false);
	tesla_unfollow(f);
	/* In plain text it gets nothing, and says so. */
	cr_assert_eq(tesla_connect(d.control, &c, &err), 0);
	cr_expect_eq(tesla_snapshot(c, 300, &s, &err), -ETIMEDOUT);
	tesla_disconnect(c);
	daemon_stop(&d);
}

/* The daemon says which key its stream has, or that it has none; one of ours is needed for it. */
Test(follow_net, stream_key_is_asked_for, .timeout = 60)
{
	struct tesla_error err = { 0 };
	struct keys server, own;

	cr_assert_eq(zmq_curve_keypair(server.public, server.secret), 0);
	cr_assert_eq(zmq_curve_keypair(own.public, own.secret), 0);
	for (int curve = 0; curve < 2; curve++) {
		struct tesla_follow_conf conf = { .size = sizeof conf };
		struct tesla_follow *f;
		struct daemon d;

		daemon_start(&d, 2, 5, curve ? &server : NULL);
		conf.control.endpoint = d.control;
		if (curve) {
			conf.control.server_key = server.public;
			conf.control.public_key = own.public;
			conf.control.secret_key = own.secret;
		}
		conf.stream.public_key = own.public;
		conf.stream.secret_key = own.secret;
		cr_assert_eq(tesla_follow(&conf, &f, &err), 0, "%s", err.text);
		expect_nothing(f, 50);
		subscribed(&d);
		publish(&d, 6);
		expect(f, TESLA_EVENT_UP, 0, false);
		expect(f, TESLA_EVENT_READING, 5, true);
		expect(f, TESLA_EVENT_READING, 6, false);
		tesla_unfollow(f);
		daemon_stop(&d);
	}
}

Test(follow_net, encrypted_and_no_keys, .timeout = 60)
{
	struct tesla_follow_conf conf = { .size = sizeof conf };
	struct tesla_error err = { 0 };
	const struct tesla_event *e;
	struct tesla_follow *f;
	struct daemon d;

	daemon_start(&d, 1, 5, NULL);
	d.stream_key = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
	conf.control.endpoint = d.control;
	cr_assert_eq(tesla_follow(&conf, &f, &err), 0, "%s", err.text);
	cr_assert_eq(tesla_follow_next(f, LONG_MS, &e, &err), 0, "%s", err.text);
	cr_expect_eq(e->kind, TESLA_EVENT_DOWN);
	cr_expect(strstr(e->reason, "is encrypted") != NULL, "%s", e->reason);
	tesla_unfollow(f);
	daemon_stop(&d);
}
