/* SPDX-License-Identifier: Apache-2.0 */
/* libtesla against a peer that answers by a script: good, refusing, junk, late and silent. */
#include <tesla/client.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <zmq.h>

#include "base/mp.h"

/* One request's fate: the bytes of the answer, after so long. */
struct step {
	const char *answer;
	size_t len;
	int delay_ms, frames;
};
struct peer {
	void *ctx, *router;
	char endpoint[256];
	const struct step *steps;
	size_t n;
	pthread_t thread;
	uint8_t last[256]; /* what was asked last */
	size_t last_len;
};

static void *peer_main(void *arg)
{
	struct peer *p = arg;

	for (size_t i = 0; i < p->n; i++) {
		char id[64];
		int id_len = zmq_recv(p->router, id, sizeof id, 0), n;

		(void)zmq_recv(p->router, p->last, sizeof p->last, 0);
		n = zmq_recv(p->router, p->last, sizeof p->last, 0);
		if (id_len < 0 || n < 0)
			return NULL;
		p->last_len = (size_t)n;
		if (p->steps[i].frames == 0)
			continue;
		(void)zmq_poll(NULL, 0, p->steps[i].delay_ms);
		(void)zmq_send(p->router, id, (size_t)id_len, ZMQ_SNDMORE);
		(void)zmq_send(p->router, "", 0, ZMQ_SNDMORE);
		for (int f = p->steps[i].frames; f > 0; f--)
			(void)zmq_send(p->router, p->steps[i].answer, p->steps[i].len,
				       f > 1 ? ZMQ_SNDMORE : 0);
	}
	return NULL;
}

static void peer_start(struct peer *p, const struct step *steps, size_t n)
{
	size_t len = sizeof p->endpoint;

	*p = (struct peer){ .ctx = zmq_ctx_new(), .steps = steps, .n = n };
	p->router = zmq_socket(p->ctx, ZMQ_ROUTER);
	cr_assert_eq(zmq_bind(p->router, "tcp://127.0.0.1:*"), 0);
	cr_assert_eq(zmq_getsockopt(p->router, ZMQ_LAST_ENDPOINT, p->endpoint, &len), 0);
	cr_assert_eq(pthread_create(&p->thread, NULL, peer_main, p), 0);
}

static void peer_stop(struct peer *p)
{
	cr_assert_eq(pthread_join(p->thread, NULL), 0);
	(void)zmq_close(p->router);
	(void)zmq_ctx_term(p->ctx);
}

#define OK "\x81\xa2ok\xc3"
static const struct {
	const char *what;
	struct step step;
	int code;
	const char *text;
} answers[] = {
	{ "good", { OK, 5, 0, 1 }, 0, NULL },
	{ "good, with more", { "\x82\xa2ok\xc3\xa3pid\x07", 10, 0, 1 }, 0, NULL },
	{ "refused",
	  { "\x82\xa2ok\xc2\xa5"
	    "error\xa7no such",
	    19, 0, 1 },
	  -EREMOTEIO,
	  "no such" },
	{ "refused, no reason", { "\x81\xa2ok\xc2", 5, 0, 1 }, -EREMOTEIO, "without a reason" },
	{ "refused, reason is a number",
	  { "\x82\xa2ok\xc2\xa5"
	    "error\x01",
	    12, 0, 1 },
	  -EREMOTEIO,
	  "without" },
	{ "no `ok`", { "\x81\xa2no\xc3", 5, 0, 1 }, -EPROTO, "no teslad" },
	{ "no map", { "\x01", 1, 0, 1 }, -EPROTO, "no teslad" },
	{ "empty", { "", 0, 0, 1 }, -EBADMSG, "bad or cut" },
	{ "cut", { "\x82\xa2ok\xc3", 5, 0, 1 }, -EBADMSG, "bad or cut" },
	{ "8 GB announced", { "\xdd\x10\x00\x00\x00", 5, 0, 1 }, -EBADMSG, "announced" },
	{ "two values", { OK OK, 10, 0, 1 }, -EBADMSG, "left after" },
	{ "two frames", { OK, 5, 0, 2 }, -EPROTO, "expected an empty frame" },
	{ "silent", { NULL, 0, 0, 0 }, -ETIMEDOUT, "no answer" },
};

Test(client, answers, .timeout = 30)
{
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct tesla_error err = { 0 };
		struct tesla_client *c;
		struct peer p;
		uint8_t *reply = NULL;
		size_t len = 0;
		int r;

		peer_start(&p, &answers[i].step, 1);
		cr_assert_eq(tesla_connect(p.endpoint, &c, &err), 0);
		r = tesla_request(c, "status", NULL, 0, answers[i].step.frames ? 10000 : 200,
				  &reply, &len, &err);
		cr_expect_eq(r, answers[i].code, "%s: %d, %s", answers[i].what, r, err.text);
		if (answers[i].text != NULL)
			cr_expect(strstr(err.text, answers[i].text) != NULL, "%s: %s",
				  answers[i].what, err.text);
		else
			cr_expect(len == answers[i].step.len &&
				  memcmp(reply, answers[i].step.answer, len) == 0);
		free(reply);
		tesla_disconnect(c);
		peer_stop(&p);
	}
}

Test(client, a_late_answer_is_not_taken_for_the_next, .timeout = 30)
{
	static const struct step steps[] = {
		{ "\x82\xa2ok\xc3\xa1n\x01", 8, 300, 1 },
		{ "\x82\xa2ok\xc3\xa1n\x02", 8, 0, 1 },
	};
	struct tesla_error err;
	struct tesla_client *c;
	struct peer p;
	uint8_t *reply;
	size_t len;

	peer_start(&p, steps, 2);
	cr_assert_eq(tesla_connect(p.endpoint, &c, &err), 0);
	cr_assert_eq(tesla_request(c, "status", NULL, 0, 100, &reply, &len, &err), -ETIMEDOUT);
	cr_assert_eq(tesla_request(c, "status", NULL, 0, 10000, &reply, &len, &err), 0);
	cr_assert_eq(reply[7], 2, "the answer of the request before");
	free(reply);
	tesla_disconnect(c);
	peer_stop(&p);
}

Test(client, arguments_are_added_to_the_command, .timeout = 30)
{
	static const struct step step = { OK, 5, 0, 1 };
	static const struct {
		const char *args;
		size_t len;
		int code;
	} cases[] = {
		{ "\x81\xa8"
		  "analyzer\x07",
		  11, 0 },
		{ "\xde\x00\x01\xa8"
		  "analyzer\x07",
		  13, 0 },
		{ "\xdf\x00\x00\x00\x01\xa8"
		  "analyzer\x07",
		  15, 0 },
		{ "\x81\xa8"
		  "analyzer",
		  10, -EBADMSG },
		{ "\x07", 1, -EINVAL },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tesla_error err;
		struct tesla_client *c;
		struct mp_doc doc;
		struct peer p;
		uint8_t *reply = NULL;
		size_t len;

		peer_start(&p, &step, cases[i].code == 0);
		cr_assert_eq(tesla_connect(p.endpoint, &c, &err), 0);
		cr_assert_eq(tesla_request(c, "pause", cases[i].args, cases[i].len, 10000, &reply,
					   &len, &err),
			     cases[i].code, "case %zu", i);
		free(reply);
		tesla_disconnect(c);
		peer_stop(&p);
		if (cases[i].code != 0)
			continue;
		cr_assert_eq(mp_unpack(&doc, p.last, p.last_len, &err), 0);
		cr_assert(mp_is(&doc.u.data, "cmd", "pause"));
		cr_assert_eq(mp_int(&doc.u.data, "analyzer", 0), 7);
		mp_doc_release(&doc);
	}
}

Test(client, nobody_there, .timeout = 30)
{
	struct tesla_error err;
	struct tesla_client *c;
	uint8_t *reply;
	size_t len;

	cr_assert_eq(tesla_connect("ipc:///nonexistent/control", &c, &err), -ENOENT);
	cr_assert_eq(tesla_connect("tcp://127.0.0.1:1", &c, &err), 0);
	cr_assert_eq(tesla_request(c, "status", NULL, 0, 100, &reply, &len, &err), -ETIMEDOUT);
	tesla_disconnect(c);
	cr_assert_eq(tesla_connect("junk", &c, &err), 0);
	cr_assert_eq(tesla_request(c, "status", NULL, 0, 100, &reply, &len, &err), -EINVAL);
	tesla_disconnect(c);
}

static const struct {
	const char *frames[3];
	size_t len;
	int code;
} messages[] = {
	{ { "reading/4/1/TPF/", "\x81\xa1t\x01", NULL }, 4, 0 },
	{ { "reading/4/1/TPF/", NULL, NULL }, 0, -EBADMSG },
	{ { "reading/4/1/TPF/", "\x81\xa1t", NULL }, 3, -EBADMSG },
	{ { "reading/4/1/TPF/", "\x80", "\x80" }, 1, -EBADMSG },
	{ { "reading/4/2/TPF/", "\x81\xa1t\x02", NULL }, 4, 0 },
};

static void publish(void *pub)
{
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
		const char *const *f = messages[i].frames;

		(void)zmq_send(pub, f[0], strlen(f[0]), f[1] ? ZMQ_SNDMORE : 0);
		if (f[1] != NULL)
			(void)zmq_send(pub, f[1], messages[i].len, f[2] ? ZMQ_SNDMORE : 0);
		if (f[1] != NULL && f[2] != NULL)
			(void)zmq_send(pub, f[2], 1, 0);
	}
}

Test(client, stream, .timeout = 30)
{
	void *ctx = zmq_ctx_new(), *pub = zmq_socket(ctx, ZMQ_XPUB);
	struct tesla_stream *s;
	struct tesla_error err;
	const char *topic;
	const uint8_t *payload;
	char endpoint[256], subscription[64];
	size_t len = sizeof endpoint;

	cr_assert_eq(zmq_bind(pub, "tcp://127.0.0.1:*"), 0);
	cr_assert_eq(zmq_getsockopt(pub, ZMQ_LAST_ENDPOINT, endpoint, &len), 0);
	cr_assert_eq(tesla_subscribe(endpoint, "reading/", &s, &err), 0);
	cr_assert_geq(tesla_stream_fd(s), 0);
	cr_assert_eq(tesla_next(s, 0, &topic, &payload, &len, &err), -EAGAIN);
	cr_assert_gt(zmq_recv(pub, subscription, sizeof subscription, 0), 0);
	publish(pub);
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
		int r = tesla_next(s, -1, &topic, &payload, &len, &err);

		cr_assert_eq(r, messages[i].code, "message %zu: %d, %s", i, r, err.text);
		if (r == 0)
			cr_assert(strcmp(topic, messages[i].frames[0]) == 0 &&
				  len == messages[i].len);
	}
	cr_assert_eq(tesla_next(s, 0, &topic, &payload, &len, &err), -EAGAIN);
	tesla_unsubscribe(s);
	(void)zmq_close(pub);
	(void)zmq_ctx_term(ctx);
}
