/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zmqPublish: what a message says, byte for byte where it matters, where it may listen, and the
 * socket.
 */
#include "../../plugins/export/zmqPublish/message.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/mp.h"
#include "base/param.h"

#define GOOD(v) \
	{ \
		v, TESLA_GOOD \
	}

struct conf {
	const char *endpoint, *target;
	int64_t hwm;
	const char *key, *clients;
}; /* as the plugin's; checked by conf_of() */

static const struct tesla_item sweep = {
	.kind = TESLA_SWEEP, .analyzer = 12, .t_ms = 1700000000123, .dt_ms = 1.5, .n = 7
};
static const struct tesla_batch batch = { .size = sizeof batch,
					  .node = "roof",
					  .epoch_ms = 1699999999000 };

static const struct message_case {
	const char *name, *error;
	struct tesla_element elements[3];
	size_t n;
	const char *v, *q, *x; /* NULL: the key is not there */
} cases[] = {
	{ "all good",
	  NULL,
	  { GOOD(230.1), GOOD(-1), GOOD(0) },
	  3,
	  "[230.100000, -1.000000, 0.000000]",
	  NULL,
	  NULL },
	{ "one absent",
	  NULL,
	  { GOOD(1), { NAN, TESLA_UNAVAILABLE } },
	  2,
	  "[1.000000, nil]",
	  "[0, 1]",
	  NULL },
	{ "suspect has its value", NULL, { { 5, TESLA_SUSPECT } }, 1, "[5.000000]", "[2]", NULL },
	{ "failed",
	  "time-out",
	  { { NAN, TESLA_ERROR }, { NAN, TESLA_ERROR } },
	  2,
	  "[nil, nil]",
	  "[3, 3]",
	  "\"time-out\"" },
	{ "an error has no number",
	  "exception 2",
	  { { 7, TESLA_ERROR } },
	  1,
	  "[nil]",
	  "[3]",
	  "\"exception 2\"" },
	{ "another block failed", "exception 2", { GOOD(7) }, 1, "[7.000000]", NULL, NULL },
	{ "absent has no number", NULL, { { 7, TESLA_UNAVAILABLE } }, 1, "[nil]", "[1]", NULL },
	{ "suspect without a number is none",
	  NULL,
	  { { NAN, TESLA_SUSPECT } },
	  1,
	  "[nil]",
	  "[3]",
	  NULL },
	{ "good without a number is none",
	  NULL,
	  { GOOD(NAN), GOOD(INFINITY) },
	  2,
	  "[nil, nil]",
	  "[3, 3]",
	  NULL },
};

static void check_value(const char *name, const msgpack_object *map, const char *key,
			const char *expected)
{
	char text[200] = "";
	const msgpack_object *o = mp_get(map, key);

	if (o != NULL)
		(void)msgpack_object_print_buffer(text, sizeof text, *o);
	if (expected == NULL)
		cr_expect_null(o, "%s: %s is %s", name, key, text);
	else
		cr_expect_eq(strncmp(text, expected, strlen(expected)), 0,
			     "%s: %s is %s, expected %s", name, key, text, expected);
}

static struct mp_doc unpacked(const struct message *m)
{
	struct mp_doc doc;
	struct tesla_error err = { 0 };

	cr_assert_eq(mp_unpack(&doc, m->body.data, m->body.size, &err), 0, "%s", err.text);
	return doc;
}

static void check_topic(const struct message *m, const char *topic)
{
	cr_expect_eq(m->topic.size, strlen(topic));
	cr_expect_eq(memcmp(m->topic.data, topic, strlen(topic)), 0, "%.*s", (int)m->topic.size,
		     m->topic.data);
}

Test(zmqPublish, readings)
{
	struct message m;

	message_init(&m);
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		const struct message_case *c = &cases[i];
		struct tesla_reading r = { .variable = "TPF",
					   .unit = "V",
					   .t_ms = 1700000000123,
					   .dt_ms = 1.5,
					   .k = 41,
					   .n_elements = c->n,
					   .elements = c->elements };
		struct tesla_item item = sweep;

		item.error = c->error;
		cr_assert_eq(message_sweep(&m, &batch, &item), 0);
		cr_assert_eq(message_reading(&m, &item, &r), 0);
		check_topic(&m, "reading/roof/12/TPF/");
		struct mp_doc doc = unpacked(&m);

		check_value(c->name, &doc.u.data, "t", "1700000000123");
		check_value(c->name, &doc.u.data, "dt", "1.5");
		check_value(c->name, &doc.u.data, "e", "1699999999000");
		check_value(c->name, &doc.u.data, "n", "7");
		check_value(c->name, &doc.u.data, "k", "41");
		check_value(c->name, &doc.u.data, "u", "\"V\"");
		check_value(c->name, &doc.u.data, "v", c->v);
		check_value(c->name, &doc.u.data, "q", c->q);
		check_value(c->name, &doc.u.data, "x", c->x);
		cr_expect_eq(doc.u.data.via.map.size, 7u + (c->q != NULL) + (c->x != NULL), "%s",
			     c->name);
		mp_doc_release(&doc);
	}
	message_release(&m);
}

#define ELEMENT(Q, N, COV, V, MIN, MAX, INC) \
	{ \
		.quality = Q, .count = N, .covered_ms = COV, .value = V, .min = MIN, .max = MAX, \
		.increase = INC \
	}

/* What is not there is nil, whatever stands in its place. */
static const struct record_case {
	const char *name, *unit;
	enum tesla_variable_kind kind;
	struct tesla_record_element elements[3];
	size_t n;
	const char *u, *kind_name, *v, *min, *max, *i, *c, *cov,
		*q; /* NULL: the key is not there */
} variables[] = {
	{ "TPF",
	  "V",
	  TESLA_GAUGE,
	  { ELEMENT(TESLA_GOOD, 900, 900000, 230.5, 229, 231, NAN),
	    ELEMENT(TESLA_GOOD, 1, 1000, 0, 0, 0, NAN) },
	  2,
	  "\"V\"",
	  "\"gauge\"",
	  "[230.500000, 0.000000]",
	  "[229.000000, 0.000000]",
	  "[231.000000, 0.000000]",
	  NULL,
	  "[900, 1]",
	  "[900000, 1000]",
	  NULL },
	{ "PFA",
	  "",
	  TESLA_GAUGE,
	  { ELEMENT(TESLA_UNAVAILABLE, 0, 0, NAN, NAN, NAN, NAN),
	    ELEMENT(TESLA_ERROR, 0, 0, 7, 7, 7, 7),
	    ELEMENT(TESLA_GOOD, 2, 5, INFINITY, 1, NAN, NAN) },
	  3,
	  "\"\"",
	  "\"gauge\"",
	  "[nil, nil, nil]",
	  "[nil, nil, nil]",
	  "[nil, nil, nil]",
	  NULL,
	  "[0, 0, 2]",
	  "[0, 0, 5]",
	  "[1, 3, 3]" },
	{ "CEA",
	  "kWh",
	  TESLA_COUNTER,
	  { ELEMENT(TESLA_GOOD, 900, 900000, 1234567, NAN, NAN, 12.5),
	    ELEMENT(TESLA_SUSPECT, 9, 9, 3, NAN, NAN, NAN) },
	  2,
	  "\"kWh\"",
	  "\"counter\"",
	  "[1234567.000000, 3.000000]",
	  NULL,
	  NULL,
	  "[12.500000, nil]",
	  "[900, 9]",
	  "[900000, 9]",
	  "[0, 2]" },
	{ "STA",
	  "",
	  TESLA_STATUS,
	  { ELEMENT(TESLA_GOOD, 4294967295u, 1, 2, NAN, NAN, NAN) },
	  1,
	  "\"\"",
	  "\"status\"",
	  "[2.000000]",
	  NULL,
	  NULL,
	  NULL,
	  "[4294967295]",
	  "[1]",
	  NULL },
};

static void check_variable(const struct record_case *c, const msgpack_object *v)
{
	const struct {
		const char *key, *expected;
	} keys[] = { { "u", c->u },	{ "kind", c->kind_name }, { "v", c->v },
		     { "min", c->min }, { "max", c->max },	  { "i", c->i },
		     { "c", c->c },	{ "cov", c->cov },	  { "q", c->q } };
	size_t n = 0;

	cr_assert(v != NULL && v->type == MSGPACK_OBJECT_MAP, "%s", c->name);
	for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
		check_value(c->name, v, keys[i].key, keys[i].expected);
		n += keys[i].expected != NULL;
	}
	cr_expect_eq(v->via.map.size, n, "%s: %u keys", c->name, v->via.map.size);
}

Test(zmqPublish, records)
{
	struct tesla_record_variable rows[N_ELEMENTS(variables)];
	const struct tesla_record_variable *list[N_ELEMENTS(variables)];
	struct tesla_item item = { .kind = TESLA_RECORD,
				   .analyzer = 12,
				   .t_ms = 1700000100000,
				   .start_ms = 1699999200000,
				   .n = 7,
				   .k = 41,
				   .model = "PM710",
				   .n_variables = N_ELEMENTS(variables),
				   .variables = list };
	const msgpack_object *all;
	struct message m;

	for (size_t i = 0; i < N_ELEMENTS(variables); i++) {
		const struct record_case *c = &variables[i];

		rows[i] = (struct tesla_record_variable){ c->name, c->unit, c->kind,
							  1,	   c->n,    c->elements };
		list[i] = &rows[i];
	}
	message_init(&m);
	cr_assert_eq(message_record(&m, &batch, &item), 0);
	check_topic(&m, "record/roof/12/");
	struct mp_doc doc = unpacked(&m);

	check_value("record", &doc.u.data, "t", "1700000100000");
	check_value("record", &doc.u.data, "s", "1699999200000");
	check_value("record", &doc.u.data, "e", "1699999999000");
	check_value("record", &doc.u.data, "k", "41");
	check_value("record", &doc.u.data, "m", "\"PM710\"");
	cr_expect_eq(doc.u.data.via.map.size, 6);
	all = mp_get(&doc.u.data, "v");
	cr_assert(all != NULL && all->via.map.size == N_ELEMENTS(variables));
	for (size_t i = 0; i < N_ELEMENTS(variables); i++)
		check_variable(&variables[i], mp_get(all, variables[i].name));
	mp_doc_release(&doc);
	message_release(&m);
}

Test(zmqPublish, status_and_heartbeat)
{
	struct tesla_item item = {
		.kind = TESLA_STATUS_CHANGE, .analyzer = 12, .t_ms = 5, .k = 3, .state = "offline"
	};
	struct message m;

	message_init(&m);
	cr_assert_eq(message_status(&m, &batch, &item), 0);
	check_topic(&m, "status/roof/12/");
	struct mp_doc doc = unpacked(&m);

	check_value("status", &doc.u.data, "state", "\"offline\"");
	check_value("status", &doc.u.data, "reason", "nil");
	check_value("status", &doc.u.data, "t", "5");
	check_value("status", &doc.u.data, "e", "1699999999000");
	check_value("status", &doc.u.data, "k", "3");
	mp_doc_release(&doc);
	cr_assert_eq(message_heartbeat(&m, &batch, &(struct tesla_item){ .t_ms = 6, .k = 4 }), 0);
	check_topic(&m, "node/roof/");
	doc = unpacked(&m);
	check_value("heartbeat", &doc.u.data, "t", "6");
	check_value("heartbeat", &doc.u.data, "k", "4");
	cr_expect_eq(doc.u.data.via.map.size, 3);
	mp_doc_release(&doc);
	message_release(&m);
}

/* ---- where it may listen ---- */

static struct conf conf_of(const char *endpoint)
{
	struct conf c = { 0 };
	struct tesla_error err = { 0 };

	cr_assert_eq(tesla_plugin.conf_size, sizeof c);
	cr_assert_eq(param_defaults(tesla_plugin.params, &c, &err), 0, "%s", err.text);
	if (endpoint != NULL)
		cr_assert_eq(
			param_set(param_find(tesla_plugin.params, "endpoint"), endpoint, &c, &err),
			0);
	return c;
}

#define TEN "/123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

Test(zmqPublish, plain_text_stays_on_this_machine)
{
	static const struct {
		const char *endpoint, *says;
	} endpoints[] = {
		{ NULL, NULL },
		{ "tcp://127.0.0.1:5556", NULL },
		{ "tcp://127.255.0.9:1", NULL },
		{ "tcp://127.0.0.1:65535", NULL },
		{ "tcp://127.0.0.1:*", "port from 1 to 65535" },
		{ "tcp://127.0.0.1:0", "port from 1 to 65535" },
		{ "tcp://127.0.0.1:65536", "port from 1 to 65535" },
		{ "tcp://127.0.0.1:99999", "port from 1 to 65535" },
		{ "tcp://127.0.0.1:4294967297", "port from 1 to 65535" },
		{ "tcp://127.0.0.1:-1", "port from 1 to 65535" },
		{ "tcp://[::1]:5556x", "port from 1 to 65535" },
		{ "ipc://" HUNDRED "/890123", NULL }, /* 107 bytes: as many as fit */
		{ "ipc://" HUNDRED "/8901234", "108 bytes, expected at most 107" },
		{ "tcp://[::1]:5556", NULL },
		{ "tcp://localhost:5556", NULL },
		{ "ipc:///run/tesla/stream", NULL },
		{ "tcp://0.0.0.0:5556", "unencrypted" },
		{ "tcp://*:5556", "unencrypted" },
		{ "tcp://192.168.1.5:5556", "unencrypted" },
		{ "tcp://128.0.0.1:5556", "unencrypted" },
		{ "tcp://[::]:5556", "unencrypted" },
		{ "tcp://[fe80::1]:5556", "unencrypted" },
		{ "tcp://eth0:5556", "unencrypted" },
		{ "tcp://127.0.0.1.example.org:5556", "unencrypted" },
		{ "tcp://127.0.0.1", "expected tcp://" },
		{ "tcp://127.0.0.1:", "expected tcp://" },
		{ "tcp://", "expected tcp://" },
		{ "tcp://:5556", "expected tcp://" },
		{ "ipc://", "expected tcp://" },
		{ "127.0.0.1:5556", "expected tcp://" },
		{ "inproc://x", "expected tcp://" },
		{ "pgm://127.0.0.1:1", "expected tcp://" },
		{ "", "expected tcp://" },
	};

	for (size_t i = 0; i < N_ELEMENTS(endpoints); i++) {
		struct tesla_error err = { 0 };
		struct conf c = conf_of(endpoints[i].endpoint), target = conf_of(NULL);
		int r = tesla_plugin.check(&c, &err);

		cr_expect_eq(r == 0, endpoints[i].says == NULL, "%s: %s", c.endpoint, err.text);
		cr_expect_not_null(strstr(err.text, endpoints[i].says ? endpoints[i].says : ""),
				   "%s", err.text);
		target.target = c.endpoint;
		cr_expect_eq(tesla_plugin.check(&target, &err), r, "as target: %s", c.endpoint);
	}
}

#define KEY "abcdefghijklmnopqrstuvwxyz0123456789ABCD"
#define SHARP "#bcdefghijklmnopqrstuvwxyz0123456789ABCD"

static void file_write(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	cr_assert_eq(fchmod(fd, mode), 0);
	(void)close(fd);
}

/* With keys it may be any address; what is wrong with a file is said, with the line. */
Test(zmqPublish, with_keys_others_may_listen)
{
	static const char good_key[] = "public " KEY "\nsecret " KEY "\n";
	static const struct {
		const char *key, *clients, *says;
		mode_t mode;
	} files[] = {
		{ good_key, "# who\n" KEY " roof\n" SHARP " shed read-only\n", NULL, 0600 },
		{ good_key, "", NULL, 0640 },
		{ good_key, "", "others may read or change it", 0644 },
		{ good_key, "#c\n" KEY "\n", "clients:2: expected a public key (Z85) and a name",
		  0600 },
		{ good_key, "roof " KEY "\n", "clients:1: expected a public key", 0600 },
		{ "public " KEY "\n", "", "no line with a secret key", 0600 },
		{ "secret abc\n", "", "key:1: expected public or secret", 0600 },
	};
	char dir[] = "/tmp/tesla-publish-XXXXXX", key[64], clients[64];

	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(key, sizeof key, "%s/key", dir);
	(void)snprintf(clients, sizeof clients, "%s/clients", dir);
	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		struct tesla_error err = { 0 };
		struct conf c = conf_of("tcp://*:5556");
		int r;

		c.key = key;
		c.clients = clients;
		file_write(key, files[i].key, files[i].mode);
		file_write(clients, files[i].clients, 0644);
		r = tesla_plugin.check(&c, &err);
		cr_expect_eq(r == 0, files[i].says == NULL, "%zu: %s", i, err.text);
		cr_expect_not_null(strstr(err.text, files[i].says ? files[i].says : ""), "%s",
				   err.text);
		c.clients = NULL;
		cr_expect_eq(tesla_plugin.check(&c, &err), -EINVAL);
	}
	(void)unlink(key);
	(void)unlink(clients);
	(void)rmdir(dir);
}

/* ---- the socket ---- */

static void receive_frame(void *socket, char *text, size_t size)
{
	int n = zmq_recv(socket, text, size - 1, 0);

	cr_assert_geq(n, 0, "%s", zmq_strerror(errno));
	text[n] = '\0';
}

Test(zmqPublish, a_subscriber_gets_two_frames, .timeout = 20)
{
	const struct tesla_element e = GOOD(1);
	const struct tesla_reading r = {
		.variable = "FRE", .unit = "Hz", .n_elements = 1, .elements = &e
	};
	const struct tesla_reading *readings[] = { &r };
	struct tesla_item item = sweep, beat = { .kind = TESLA_HEARTBEAT },
			  record = { .kind = TESLA_RECORD, .analyzer = 12, .model = "M" };
	const struct tesla_item *items[] = { &beat, &item, &record };
	struct tesla_batch b = batch;
	struct tesla_error err = { 0 };
	char endpoint[80], topic[300], body[300];
	int more = 0;
	size_t size = sizeof more;
	void *self = NULL, *ctx = zmq_ctx_new(), *sub = zmq_socket(ctx, ZMQ_SUB);

	(void)snprintf(endpoint, sizeof endpoint, "ipc://@tesla-unit-%d", (int)getpid());
	struct conf c = conf_of(endpoint);

	cr_assert_eq(tesla_plugin.exporter->open(&c, NULL, &self, &err), 0, "%s", err.text);
	cr_assert_eq(zmq_connect(sub, endpoint), 0);
	cr_assert_eq(zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "re", 2), 0);
	item.n_readings = 1;
	item.readings = readings;
	b.n_items = N_ELEMENTS(items);
	b.items = items;
	zmq_pollitem_t poll = { .socket = sub, .events = ZMQ_POLLIN };

	do /* until the subscription has arrived */
		cr_assert_eq(tesla_plugin.exporter->deliver(self, &b, NULL, &err), 0, "%s",
			     err.text);
	while (zmq_poll(&poll, 1, 20) == 0);
	for (size_t i = 0; i < 2; i++) {
		receive_frame(sub, topic, sizeof topic);
		cr_expect_str_eq(topic, i == 0 ? "reading/roof/12/FRE/" : "record/roof/12/");
		receive_frame(sub, body, sizeof body);
		cr_assert_eq(zmq_getsockopt(sub, ZMQ_RCVMORE, &more, &size), 0);
		cr_expect_eq(more, 0);
	}
	tesla_plugin.exporter->close(self);
	(void)zmq_close(sub);
	(void)zmq_ctx_term(ctx);
}

Test(zmqPublish, a_port_that_is_taken_is_named)
{
	struct tesla_error err = { 0 };
	void *self = NULL, *ctx = zmq_ctx_new(), *other = zmq_socket(ctx, ZMQ_PUB);
	char endpoint[80];
	size_t size = sizeof endpoint;

	cr_assert_eq(zmq_bind(other, "tcp://127.0.0.1:*"), 0);
	cr_assert_eq(zmq_getsockopt(other, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
	struct conf c = conf_of(endpoint);

	cr_expect_eq(tesla_plugin.exporter->open(&c, NULL, &self, &err), -EADDRINUSE);
	cr_expect_not_null(strstr(err.text, endpoint), "%s", err.text);
	cr_expect_not_null(strstr(err.text, "in use"), "%s", err.text);
	(void)zmq_close(other);
	(void)zmq_ctx_term(ctx);
}

Test(zmqPublish, localhost_is_an_address_too)
{
	struct tesla_error err = { 0 };
	void *self = NULL, *ctx = zmq_ctx_new(), *other = zmq_socket(ctx, ZMQ_PUB);
	char endpoint[80], name[120];
	size_t size = sizeof endpoint;

	cr_assert_eq(zmq_bind(other, "tcp://127.0.0.1:*"), 0); /* a port that is free */
	cr_assert_eq(zmq_getsockopt(other, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
	(void)zmq_close(other);
	(void)zmq_ctx_term(ctx);
	(void)snprintf(name, sizeof name, "tcp://localhost%s", strrchr(endpoint, ':'));
	struct conf c = conf_of(name);

	cr_assert_eq(tesla_plugin.exporter->open(&c, NULL, &self, &err), 0, "%s", err.text);
	tesla_plugin.exporter->close(self);
}

/* ---- what stands at an ipc path already ---- */

static int unix_listener(const char *path, int type)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	(void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
	cr_assert_eq(bind(fd, (const struct sockaddr *)&addr, sizeof addr), 0, "%s", path);
	cr_assert(type != SOCK_STREAM || listen(fd, 0) == 0);
	return fd;
}

/* Opens where `endpoint` says; the inode at `path` is the same afterwards when it is refused. */
static void check_refused(const char *path, int code, const char *says)
{
	struct tesla_error err = { 0 };
	char endpoint[120];
	struct stat before, after;
	void *self = NULL;

	(void)snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
	struct conf c = conf_of(endpoint);

	cr_assert_eq(lstat(path, &before), 0);
	cr_expect_eq(tesla_plugin.exporter->open(&c, NULL, &self, &err), code, "%s: %d, %s", path,
		     err.code, err.text);
	cr_expect_not_null(strstr(err.text, says), "%s", err.text);
	cr_expect_not_null(strstr(err.text, path), "%s", err.text);
	cr_expect(lstat(path, &after) == 0 && after.st_ino == before.st_ino, "%s is gone", path);
	tesla_plugin.exporter->close(self);
}

Test(zmqPublish, nothing_is_removed_but_a_dead_socket, .timeout = 20)
{
	char dir[] = "/tmp/tesla-unit-XXXXXX", path[80], link[80];
	struct tesla_error err = { 0 };
	void *self = NULL;
	int fd;

	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/stream", dir);
	(void)snprintf(link, sizeof link, "%s/link", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	(void)close(fd);
	check_refused(path, -EEXIST, "is no socket: it is left alone");
	cr_assert_eq(symlink(path, link), 0);
	check_refused(link, -EEXIST, "is no socket: it is left alone");
	check_refused(dir, -EEXIST, "is no socket: it is left alone");
	(void)unlink(link);
	(void)unlink(path);

	for (size_t i = 0; i < 2; i++) {
		fd = unix_listener(path, i == 0 ? SOCK_DGRAM : SOCK_STREAM);
		check_refused(path, -EADDRINUSE, "somebody listens on");
		if (i == 1) /* the first look waits in its queue of one: now that is full */
			check_refused(path, -EADDRINUSE, "somebody listens on");
		(void)close(fd);
		if (i == 0)
			(void)unlink(path);
	}

	char endpoint[120];

	(void)snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
	struct conf c = conf_of(endpoint);

	cr_assert_eq(tesla_plugin.exporter->open(&c, NULL, &self, &err), 0, "%s", err.text);
	check_refused(path, -EADDRINUSE, "somebody listens on"); /* a second daemon */
	tesla_plugin.exporter->close(self);
	(void)unlink(path);
	(void)rmdir(dir);
}
