/* SPDX-License-Identifier: Apache-2.0 */
/* The host of an exporter: what it takes for a batch, and its talk with the core over a pair. */
#include "host/exporter.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/cleanup.h"
#include "base/frame.h"
#include "host/batch.h"

/*
 * Messages are written as text and packed here: [ ] array, { } map, 'text', numbers, n nil, i
 * infinity. Counts are found by packing the inside first.
 */
static void pack_value(const char **p, struct buf *out);

static void pack_group(const char **p, char end, struct buf *out)
{
	_cleanup_(buf_release) struct buf inside;
	msgpack_packer pk;
	size_t n = 0;

	buf_init(&inside, 1 << 20);
	for ((*p)++; *(*p += strspn(*p, " ,:")) != end; n++)
		pack_value(p, &inside);
	(*p)++;
	mp_writer(&pk, out);
	(void)(end == ']' ? msgpack_pack_array(&pk, n) : msgpack_pack_map(&pk, n / 2));
	cr_assert_eq(buf_append(out, inside.pub.bytes, inside.pub.len), 0);
}

static void pack_value(const char **p, struct buf *out)
{
	msgpack_packer pk;
	size_t len;
	char *end;

	mp_writer(&pk, out);
	*p += strspn(*p, " ,:");
	if (**p == '[' || **p == '{') {
		pack_group(p, **p == '[' ? ']' : '}', out);
	} else if (**p == '\'') {
		len = strcspn(++*p, "'");
		(void)msgpack_pack_str(&pk, len);
		(void)msgpack_pack_str_body(&pk, *p, len);
		*p += len + 1;
	} else if (**p == 'n' || **p == 'i') {
		(void)(**p == 'n' ? msgpack_pack_nil(&pk)
				  : msgpack_pack_double(&pk, (double)INFINITY));
		(*p)++;
	} else {
		double v = strtod(*p, &end);

		cr_assert_neq(end, *p, "test message: %s", *p);
		(void)(memchr(*p, '.', (size_t)(end - *p)) ? msgpack_pack_double(&pk, v)
							   : msgpack_pack_int64(&pk, (int64_t)v));
		*p = end;
	}
}

static struct mp_doc doc_of(const char *text, struct buf *bytes)
{
	struct tesla_error err;
	struct mp_doc doc;

	pack_value(&text, bytes);
	cr_assert_eq(mp_unpack(&doc, bytes->pub.bytes, bytes->pub.len, &err), 0, "%s", err.text);
	return doc;
}

#define VARIABLES "{ 'm': 'variables', 'variables': [ [7,'V','V'], [7,'TPF',''], [8,'P','W'] ] }"

static struct variables *variables_of(const char *text, int *r, struct tesla_error *err)
{
	_cleanup_(buf_release) struct buf bytes;
	struct variables *v = NULL;
	struct mp_doc doc;

	buf_init(&bytes, 1 << 20);
	doc = doc_of(text, &bytes);
	*r = variables_decode(&doc.u.data, &v, err);
	mp_doc_release(&doc);
	return v;
}

static const struct {
	const char *message, *error;
} batches[] = {
	{ "['b']", NULL },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[0,1,[230.1],n]]] ]", NULL },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[0,1,[230.1,n],[0,1]],[1,1,[1],n]]],"
	  " [1,8,1,1,2,0,'time-out',n,n,[[2,5,[n],[3]]]] ]",
	  NULL },
	{ "['b', [3,7,5000,0,0,4,n,'offline','no answer',[]], [4,0,5000,0,0,9,n,n,n,[]] ]", NULL },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[0,1,[230.1],[2]]]] ]", NULL },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[0,1,[i],n]]] ]", NULL },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[0,1,[230.1],n,6000,20]]] ]", NULL },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[0,1,[230.1],n,'x',20]]] ]", "expected t_us and dt_us" },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[0,1,[230.1],n,6000]]] ]", "a reading: expected" },
	{ "[]", "expected [\"b\"" },
	{ "['s']", "expected [\"b\"" },
	{ "['batch']", "expected [\"b\"" },
	{ "[1]", "expected [\"b\"" },
	{ "['b', 1]", "item 1: expected an array of 10" },
	{ "['b', [1,7,5000,250,1,0,n,n,n] ]", "item 1: expected an array of 10" },
	{ "['b', [4,0,1,0,0,9,n,n,n,[]], [1,7,5000,250,1,0,n,n,n,[],n] ]",
	  "item 2: expected an array of 10" },
	{ "['b', [0,7,5000,250,1,0,n,n,n,[]] ]", "kind: expected" },
	{ "['b', [5,7,5000,250,1,0,n,n,n,[]] ]", "kind: expected" },
	{ "['b', ['1',7,5000,250,1,0,n,n,n,[]] ]", "kind: expected" },
	{ "['b', [1,-7,5000,250,1,0,n,n,n,[]] ]", "analyzer: expected" },
	{ "['b', [1,7,5000.5,250,1,0,n,n,n,[]] ]", "t_us: expected" },
	{ "['b', [1,7,5000,-1,1,0,n,n,n,[]] ]", "dt_us: expected" },
	{ "['b', [1,7,5000,250,-1,0,n,n,n,[]] ]", "n: expected" },
	{ "['b', [1,7,5000,250,1,n,n,n,n,[]] ]", "k: expected" },
	{ "['b', [1,7,5000,250,1,0,5,n,n,[]] ]", "error, state, reason" },
	{ "['b', [3,7,5000,0,0,4,n,n,n,[]] ]", "without a state" },
	{ "['b', [1,7,5000,250,1,0,n,n,n,n] ]", "readings: expected" },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[1]] ]", "a reading: expected" },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[0,1,[1]]]] ]", "a reading: expected" },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[0,-1,[1],n]]] ]", "a reading: expected" },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[3,1,[1],n]]] ]", "variable 3: there are 3" },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[-1,1,[1],n]]] ]", "variable -1" },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[2,1,[1],n]]] ]", "is of analyzer 8, not 7" },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[0,1,[],n]]] ]", "V: values and qualities" },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[0,1,5,n]]] ]", "V: values and qualities" },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[0,1,['5'],n]]] ]", "V: values and qualities" },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[0,1,[5],5]]] ]", "V: values and qualities" },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[0,1,[5],[0,0]]]] ]", "V: values and qualities" },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[0,1,[5],[]]]] ]", "V: values and qualities" },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[0,1,[5],[6]]]] ]", "V: values and qualities" },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[0,1,[n],n]]] ]", "V: values and qualities" },
	{ "['b', [1,7,5000,250,1,0,n,n,n,[[0,1,[n],[2]]]] ]", "V: values and qualities" },
};

Test(exporter, takes_good_batches_and_no_others)
{
	struct tesla_error err;
	int r;
	struct variables *v = variables_of(VARIABLES, &r, &err);

	cr_assert_eq(r, 0, "%s", err.text);
	for (size_t i = 0; i < N_ELEMENTS(batches); i++) {
		_cleanup_(buf_release) struct buf bytes;
		struct mp_doc doc;
		struct batch *b;

		buf_init(&bytes, 1 << 20);
		doc = doc_of(batches[i].message, &bytes);
		r = batch_decode(&doc.u.data, v, &b, &err);
		mp_doc_release(&doc);
		if (batches[i].error == NULL) {
			cr_expect_eq(r, 0, "%s: %s", batches[i].message, err.text);
		} else {
			cr_expect_eq(r, -EBADMSG, "%s was taken", batches[i].message);
			cr_expect(strstr(err.text, batches[i].error) != NULL, "%s: %s",
				  batches[i].message, err.text);
		}
		if (r == 0)
			batch_free(b);
	}
	variables_unref(v);
}

/* What it means stays, also when the core has sent another table and the message is gone. */
Test(exporter, a_batch_stands_on_its_own)
{
	_cleanup_(buf_release) struct buf bytes;
	const struct tesla_reading *reading;
	struct tesla_error err;
	struct batch *b;
	struct mp_doc doc;
	int r;
	struct variables *v = variables_of(VARIABLES, &r, &err);

	buf_init(&bytes, 1 << 20);
	doc = doc_of("['b', [1,7,5999,250,3,0,'late','x','y',"
		     "  [[1,12,[0.5,9,n,i],[0,3,1,0]],[0,13,[1],n,7999,20]]],"
		     " [4,0,6000,0,0,9,n,n,n,[]]]",
		     &bytes);
	cr_assert_eq(batch_decode(&doc.u.data, v, &b, &err), 0, "%s", err.text);
	mp_doc_release(&doc);
	memset(bytes.pub.bytes, 0, bytes.pub.len);
	variables_unref(v);
	cr_assert_eq(b->pub.n_items, 2);
	cr_assert(b->pub.items[0]->t_ms == 5 && b->pub.items[0]->dt_ms > 0.249 &&
		  b->pub.items[0]->n == 3);
	cr_assert_str_eq(b->pub.items[0]->error, "late");
	cr_assert_str_eq(b->pub.items[0]->state, "x");
	cr_assert_str_eq(b->pub.items[0]->reason, "y");
	cr_assert_eq(b->pub.items[0]->n_readings, 2);
	reading = b->pub.items[0]->readings[0];
	cr_assert_str_eq(reading->variable, "TPF");
	cr_assert(reading->k == 12 && reading->n_elements == 4 &&
		  fabs(reading->elements[0].value - 0.5) < 1e-9);
	cr_assert(isnan(reading->elements[1].value), "a number where there is no value");
	cr_assert_eq(reading->elements[1].quality, TESLA_ERROR);
	cr_assert_eq(reading->elements[3].quality, TESLA_UNAVAILABLE, "infinity is no value");
	cr_assert(reading->t_ms == 5 && reading->dt_ms > 0.249, "the sweep's time");
	cr_assert(b->pub.items[0]->readings[1]->t_ms == 7 &&
			  b->pub.items[0]->readings[1]->dt_ms < 0.021,
		  "its own");
	cr_assert_str_eq(b->pub.items[0]->readings[1]->unit, "V");
	cr_assert(b->pub.items[1]->kind == TESLA_HEARTBEAT && b->pub.items[1]->n_readings == 0);
	batch_free(b);
}

static const char *const bad_tables[] = {
	"{ 'm': 'variables' }",		  "{ 'variables': 5 }",
	"{ 'variables': [5] }",		  "{ 'variables': [[1,'V']] }",
	"{ 'variables': [[0,'V','V']] }", "{ 'variables': [[1,'V','V'],[1,5,'V']] }",
	"{ 'variables': [[1,'V',n]] }",
};

Test(exporter, refuses_bad_tables)
{
	for (size_t i = 0; i < N_ELEMENTS(bad_tables); i++) {
		struct tesla_error err;
		int r;

		cr_expect_null(variables_of(bad_tables[i], &r, &err));
		cr_expect_eq(r, -EBADMSG, "%s was taken", bad_tables[i]);
	}
}

/* ---- a host, and this test as its core ---- */

struct host {
	int fd, inner;
	struct blame_page *page;
	pthread_t thread;
	int code;
	struct frame_reader in;
};

static void *host_main(void *arg)
{
	struct host *h = arg;

	h->code = exporter_run(h->inner, h->page);
	(void)close(h->inner);
	return NULL;
}

static void host_start(struct host *h)
{
	int pair[2], page;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	*h = (struct host){ .fd = pair[0], .inner = pair[1] };
	h->page = blame_create(&page);
	(void)close(page);
	frame_reader_init(&h->in);
	cr_assert_eq(pthread_create(&h->thread, NULL, host_main, h), 0);
}

static int host_end(struct host *h)
{
	cr_assert_eq(pthread_join(h->thread, NULL), 0);
	(void)close(h->fd);
	blame_destroy(h->page);
	frame_reader_release(&h->in);
	return h->code;
}

static void send_to(struct host *h, const char *text)
{
	_cleanup_(buf_release) struct buf out;
	struct frame f;

	buf_init(&out, 1 << 20);
	frame_begin(&f, &out);
	pack_value(&text, &out);
	cr_assert_eq(frame_end(&f), 0);
	cr_assert_eq(send(h->fd, out.pub.bytes, out.pub.len, MSG_NOSIGNAL), (ssize_t)out.pub.len);
}

/* Reads messages up to one of kind `m` (with `text` under `key`); false: the host closed first. */
static bool heard(struct host *h, const char *m, const char *key, const char *text)
{
	struct tesla_error err;
	struct mp_doc doc;
	size_t room;

	for (;;) {
		while (frame_reader_next(&h->in, &doc, &err) == 1) {
			_cleanup_free_ char *value = key ? mp_strdup(&doc.u.data, key) : NULL;
			bool found =
				mp_is(&doc.u.data, "m", m) &&
				(key == NULL || (value != NULL && strstr(value, text) != NULL));

			mp_doc_release(&doc);
			if (found)
				return true;
		}
		uint8_t *to = frame_reader_room(&h->in, &room);
		ssize_t n = recv(h->fd, to, room, 0);

		if (n <= 0)
			return false;
		frame_reader_add(&h->in, (size_t)n);
	}
}

#define HELLO "{ 'm':'hello', 'level':6, 'node':'4', 'epoch_ms':99 }"
#define PLUGIN(PATH) "{ 'm':'plugin', 'kind':3, 'name':'sink', 'path':'" PATH "' }"
#define EXPORTER "{ 'm':'exporter', 'params':{} }"
#define GO "{ 'm':'go' }"
#define STOP "{ 'm':'stop' }"

static const struct {
	const char *messages[8];
	int code;
	const char *said;
} talks[] = {
	{ { STOP }, 0, NULL },
	{ { HELLO, STOP }, 0, NULL },
	{ { HELLO, PLUGIN("/x"), EXPORTER, VARIABLES, STOP }, 0, NULL },
	{ { "{ 'm':'ping', 'i':3 }", STOP }, 0, NULL },
	{ { HELLO, PLUGIN("/nonexistent.so"), EXPORTER, VARIABLES, GO }, 1, NULL },
	{ { GO }, 3, "`go` out of its order" },
	{ { HELLO, HELLO }, 3, "`hello` out of its order" },
	{ { "{ 'm':'hello' }" }, 3, "`node`" },
	{ { HELLO, "{ 'm':'plugin', 'kind':1, 'name':'a', 'path':'/a' }" }, 3, "kind 3" },
	{ { HELLO, "{ 'm':'plugin', 'kind':3, 'name':'a' }" }, 3, "`path`" },
	{ { HELLO, "{ 'm':'plugin', 'kind':3, 'path':'/a' }" }, 3, "`name`" },
	{ { HELLO, PLUGIN("/x"), "{ 'm':'exporter', 'params':5 }" }, 3, "`params`" },
	{ { HELLO, PLUGIN("/x"), "{ 'm':'exporter', 'params':{ 'a':5 } }" },
	  3,
	  "texts under texts" },
	{ { HELLO, PLUGIN("/x"), EXPORTER, "{ 'm':'variables', 'variables':[5] }" },
	  3,
	  "[analyzer, variable, unit]" },
	{ { HELLO, PLUGIN("/x"), EXPORTER, GO }, 3, "`go` out of its order" },
	{ { HELLO, "['b']" }, 3, "a batch before `go`" },
	{ { "{ 'm':'line' }" }, 3, "neither a batch" },
	{ { "5" }, 3, "neither a batch" },
};

Test(exporter, talks, .timeout = 30)
{
	for (size_t i = 0; i < N_ELEMENTS(talks); i++) {
		struct host h;
		int code;

		host_start(&h);
		for (size_t j = 0; talks[i].messages[j] != NULL; j++)
			send_to(&h, talks[i].messages[j]);
		if (talks[i].said != NULL)
			cr_expect(heard(&h, "log", "text", talks[i].said), "talk %zu", i);
		code = host_end(&h);
		cr_expect_eq(code, talks[i].code, "talk %zu: code %d", i, code);
	}
}

Test(exporter, end_of_the_pair_ends_it, .timeout = 10)
{
	struct host h;

	host_start(&h);
	send_to(&h, HELLO);
	(void)shutdown(h.fd, SHUT_WR);
	cr_assert_eq(host_end(&h), 0);
}

/* ---- with a plugin ---- */

static void sink_start(struct host *h, const char *params)
{
	const char *build = getenv("top_builddir");
	_cleanup_free_ char *plugin = NULL, *exporter = NULL;

	cr_assert_gt(asprintf(&plugin, PLUGIN("%s/t/unit/.libs/sink.so"), build ? build : "."), 0);
	cr_assert_gt(asprintf(&exporter, "{ 'm':'exporter', 'params':%s }", params), 0);
	host_start(h);
	send_to(h, HELLO);
	send_to(h, plugin);
	send_to(h, exporter);
	send_to(h, VARIABLES);
	send_to(h, GO);
}

Test(exporter, hands_on_what_comes, .timeout = 30)
{
	struct host h;

	sink_start(&h, "{}");
	cr_assert(heard(&h, "ready", NULL, NULL));
	send_to(&h, "['b', [1,7,5999000,250,3,0,n,n,n,[[0,12,[230.5,n],[0,1]]]] ]");
	cr_assert(heard(&h, "log", "text", "sink: 4 99 kind 1 of 7 at 5999 +-0.25 n 3 k 0 - - -"));
	cr_assert(heard(&h, "log", "text", "V 12 230.5 V 0"));
	cr_assert(heard(&h, "log", "text", "V 12 nan V 1"));
	send_to(&h, "{ 'm':'variables', 'variables':[ [9,'X','kW'] ] }");
	send_to(&h, "['b', [1,9,0,0,1,0,'time-out',n,n,[[0,1,[n],[3]]]] ]");
	send_to(&h, STOP);
	cr_assert(heard(&h, "log", "text", "kind 1 of 9 at 0 +-0 n 1 k 0 time-out - -"));
	cr_assert(heard(&h, "log", "text", "X 1 nan kW 3"));
	cr_assert(heard(&h, "log", "text", "closed"));
	cr_assert_eq(host_end(&h), 0);
}

Test(exporter, a_slow_one_loses_the_oldest_and_says_so, .timeout = 30)
{
	const char *ping = "{ 'm':'ping', 'i':1 }";
	struct host h;

	sink_start(&h, "{ 'delay':'1.5' }");
	cr_assert(heard(&h, "ready", NULL, NULL));
	send_to(&h, "['b']");
	for (int i = 0; i < 300; i++)
		send_to(&h, "['b', [4,0,5000,0,0,9,n,n,n,[]] ]");
	send_to(&h, ping);
	cr_assert(heard(&h, "counts", NULL, NULL),
		  "a hanging plugin keeps the host from answering");
	send_to(&h, ping);
	cr_assert(heard(&h, "pong", NULL, NULL));
	/* What is 5000 ms in the code is made 5 us here: the page is shared with the core. */
	h.page->slots[0].limit_us = 5;
	send_to(&h, ping);
	cr_assert(heard(&h, "pong", "overdue", "sink does not return from deliver"));
	(void)shutdown(h.fd, SHUT_WR);
	cr_assert_eq(host_end(&h), 0);
}

Test(exporter, failures_are_told, .timeout = 30)
{
	struct host h;
	bool counted = false;

	sink_start(&h, "{ 'refuse':'yes' }");
	cr_assert(heard(&h, "failed", "text", "told to refuse"));
	cr_assert_eq(host_end(&h), 1);
	sink_start(&h, "{ 'delay':'junk' }");
	cr_assert(heard(&h, "failed", "text", "delay is \"junk\""));
	cr_assert_eq(host_end(&h), 1);
	sink_start(&h, "{ 'fail':'yes' }");
	cr_assert(heard(&h, "ready", NULL, NULL));
	send_to(&h, "['b']");
	/* The counts are looked at when a message comes. */
	(void)setsockopt(h.fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_usec = 20000 },
			 sizeof(struct timeval));
	for (int i = 0; i < 500 && !counted; i++) {
		send_to(&h, "{ 'm':'ping' }");
		counted = heard(&h, "counts", "last_error", "told to fail");
	}
	cr_assert(counted);
	(void)shutdown(h.fd, SHUT_WR);
	cr_assert_eq(host_end(&h), 0);
}
