/* SPDX-License-Identifier: Apache-2.0 */
/* What a follower makes of what comes: the cases of t/data/follow-cases.txt, line by line. */
#include "client/follow_state.h"
#include "client/stream.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "client/snapshot.h"

struct run {
	struct follow_state state;
	int64_t now_us;
	char topic[256];
	struct buf payload; /* of the message at hand */
	char told[4096], expected[4096];
	const char *name;
	char input[1024];
	unsigned cases, inputs;
};

__attribute__((format(printf, 2, 3))) static void told_add(struct run *r, const char *fmt, ...)
{
	size_t len = strlen(r->told);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(r->told + len, sizeof r->told - len, fmt, ap);
	va_end(ap);
}

static void told_topic(struct run *r, const char *how, const struct tesla_event *e)
{
	told_add(r, "%s %s %" PRId64 " %" PRIu64, how, e->topic, e->epoch_ms, e->k);
	if (e->kind == TESLA_EVENT_GAP)
		told_add(r, " %" PRIu64, e->missed);
	told_add(r, "\n");
	if (e->kind == TESLA_EVENT_READING)
		cr_assert_eq((uint64_t)e->reading->elements[0].value, e->k);
}

static void told_event(struct run *r, const struct tesla_event *e)
{
	switch (e->kind) {
	case TESLA_EVENT_UP:
		told_add(r, "up %" PRId64 "\n", e->epoch_ms);
		break;
	case TESLA_EVENT_DOWN:
		told_add(r, "down %s\n", e->reason);
		break;
	case TESLA_EVENT_RESTART:
		told_add(r, "restart %" PRId64 " %" PRId64 "\n", e->old_epoch_ms, e->epoch_ms);
		break;
	case TESLA_EVENT_GAP:
		told_topic(r, "gap", e);
		break;
	case TESLA_EVENT_RESET:
		told_topic(r, "reset", e);
		break;
	default:
		told_topic(r, e->from_snapshot ? "snapshot" : "stream", e);
	}
}

/* ---- input ---- */

static void pack_reading(msgpack_packer *pk, uint64_t k)
{
	mp_key_str(pk, "u", "V");
	mp_key_int(pk, "t", 1);
	mp_key_int(pk, "n", (int64_t)k);
	mp_key_int(pk, "k", (int64_t)k);
	mp_str(pk, "v");
	(void)msgpack_pack_array(pk, 1);
	(void)msgpack_pack_double(pk, (double)k);
}

static void take_message(struct run *r, const char *args)
{
	struct tesla_error err = { 0 };
	msgpack_packer pk;
	int64_t epoch;
	uint64_t k;

	cr_assert_eq(sscanf(args, "%255s %" SCNd64 " %" SCNu64, r->topic, &epoch, &k), 3);
	buf_clear(&r->payload);
	mp_writer(&pk, &r->payload);
	(void)msgpack_pack_map(&pk, 6);
	mp_key_int(&pk, "e", epoch);
	pack_reading(&pk, k);
	cr_assert_eq(follow_state_message(&r->state, r->topic, r->payload.pub.bytes,
					  r->payload.pub.len, r->now_us, &err),
		     0, "%s: %s: %s", r->name, args, err.text);
}

/* The rows "A/V:K ..."; how many. */
static size_t pack_rows(msgpack_packer *pk, const char *at)
{
	size_t n = 0;
	int64_t analyzer;
	uint64_t k;
	char variable[32];
	int len;

	for (; sscanf(at, " %" SCNd64 "/%31[^:]:%" SCNu64 "%n", &analyzer, variable, &k, &len) == 3;
	     at += len, n++) {
		if (pk == NULL)
			continue;
		(void)msgpack_pack_map(pk, 8);
		mp_key_int(pk, "analyzer", analyzer);
		mp_key_str(pk, "variable", variable);
		mp_str(pk, "labels");
		(void)msgpack_pack_array(pk, 1);
		mp_str(pk, "L1");
		pack_reading(pk, k);
	}
	return n;
}

static void take_snapshot(struct run *r, const char *args)
{
	_cleanup_(buf_release) struct buf bytes;
	struct tesla_error err = { 0 };
	struct tesla_snapshot *s;
	msgpack_packer pk;
	zmq_msg_t m;
	int64_t epoch;
	int len;

	cr_assert_eq(sscanf(args, "%" SCNd64 "%n", &epoch, &len), 1);
	buf_init(&bytes, 1 << 20);
	mp_writer(&pk, &bytes);
	(void)msgpack_pack_map(&pk, 2);
	mp_key_int(&pk, "e", epoch);
	mp_str(&pk, "readings");
	(void)msgpack_pack_array(&pk, pack_rows(NULL, args + len));
	(void)pack_rows(&pk, args + len);
	cr_assert_eq(zmq_msg_init_size(&m, bytes.pub.len), 0);
	memcpy(zmq_msg_data(&m), bytes.pub.bytes, bytes.pub.len);
	cr_assert_eq(snapshot_new(&m, &s, &err), 0, "%s", err.text);
	cr_assert_eq(follow_state_snapshot(&r->state, s, r->now_us, &err), 0);
}

static void take_prefixes(struct run *r, const char *args)
{
	char **prefixes = calloc(2, sizeof *prefixes);

	cr_assert(strchr(args, ' ') == NULL, "one is enough");
	prefixes[0] = strdup(args);
	follow_state_release(&r->state);
	follow_state_init(&r->state, prefixes, 0);
}

static void take_time(struct run *r, const char *args)
{
	r->now_us = (int64_t)(strtod(args, NULL) * 1e6);
}

static void take_down(struct run *r, const char *args)
{
	follow_state_down(&r->state, args);
}

static void take_drained(struct run *r, const char *args)
{
	(void)args;
	follow_state_drained(&r->state);
}

static const struct {
	const char *word;
	void (*take)(struct run *r, const char *args);
} inputs[] = {
	{ "m ", take_message }, { "s ", take_snapshot },	{ "drained", take_drained },
	{ "at ", take_time },	{ "prefixes ", take_prefixes }, { "down ", take_down },
};

/* ---- running ---- */

static void go_on(struct run *r)
{
	struct tesla_error err = { 0 };
	char events[sizeof r->told];
	int rc;

	do {
		const struct tesla_event *e;

		while ((e = follow_state_event(&r->state)) != NULL)
			told_event(r, e);
		rc = follow_state_step(&r->state, &err);
	} while (rc == 0 || r->state.n_events > 0);
	cr_assert_eq(rc, -EAGAIN, "%s: %s", r->name, err.text);
	memcpy(events, r->told, sizeof events);
	(void)snprintf(r->told, sizeof r->told, "%s%s%.*s", r->state.restarted ? "forget\n" : "",
		       r->state.wants_snapshot ? "ask\n" : "", (int)sizeof events - 16, events);
	r->state.restarted = r->state.wants_snapshot = false;
}

static void input_check(struct run *r)
{
	cr_expect_str_eq(r->told, r->expected, "%s: after \"%s\"\n%sexpected\n%s", r->name,
			 r->input, r->told, r->expected);
	r->told[0] = r->expected[0] = '\0';
}

static void input_take(struct run *r, const char *line)
{
	input_check(r);
	(void)snprintf(r->input, sizeof r->input, "%s", line);
	for (size_t i = 0; i < N_ELEMENTS(inputs); i++) {
		size_t len = strlen(inputs[i].word);

		if (strncmp(line, inputs[i].word, len) == 0) {
			inputs[i].take(r, line + len);
			go_on(r);
			r->inputs++;
			return;
		}
	}
	cr_assert_fail("%s: what is \"%s\"?", r->name, line);
}

static void case_begin(struct run *r)
{
	input_check(r);
	follow_state_release(&r->state);
	follow_state_init(&r->state, NULL, 0);
	r->now_us = 0;
	r->cases++;
}

static void line_take(struct run *r, char *line)
{
	static char name[256];

	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, "== ", 3) == 0) {
		case_begin(r);
		(void)snprintf(name, sizeof name, "%s", line + 3);
	} else if (strncmp(line, "> ", 2) == 0) {
		strncat(r->expected, line + 2, sizeof r->expected - strlen(r->expected) - 2);
		strncat(r->expected, "\n", 2);
	} else if (line[0] != '\0' && line[0] != '#') {
		input_take(r, line);
	}
	r->name = name;
}

Test(follow, cases)
{
	_cleanup_fclose_ FILE *f = fopen(CASES, "r");
	_cleanup_free_ char *line = NULL;
	struct run *r = calloc(1, sizeof *r);
	size_t cap = 0;

	cr_assert_not_null(f);
	r->name = "";
	buf_init(&r->payload, 4096);
	follow_state_init(&r->state, NULL, 0);
	while (getline(&line, &cap, f) > 0)
		line_take(r, line);
	input_check(r);
	cr_expect_gt(r->cases, 15);
	cr_expect_gt(r->inputs, 80);
	follow_state_release(&r->state);
	buf_release(&r->payload);
	free(r);
}

/* ---- what makes no sense ---- */

static const struct {
	const char *topic, *bytes;
	size_t len;
} bad[] = {
	{ "node",
	  "\x82\xa1"
	  "e\x01\xa1k\x01",
	  7 },
	{ "node/4/", "\xc1", 1 },
	{ "node/4/", "\xdd\x10\x00\x00\x00", 5 },
	{ "node/4/", "\x01", 1 },
	{ "node/4/", "\x81\xa1k\x01", 4 },
	{ "node/4/",
	  "\x82\xa1"
	  "e\x01\xa1k\x00",
	  7 },
	{ "node/4/",
	  "\x82\xa1"
	  "e\x01\xa1k\xff",
	  7 },
	{ "reading/4/1/P/",
	  "\x82\xa1"
	  "e\x01\xa1k\x01",
	  7 },
	{ "reading/4/x/P/",
	  "\x82\xa1"
	  "e\x01\xa1k\x01",
	  7 },
	{ "reading/4/01/P/",
	  "\x82\xa1"
	  "e\x01\xa1k\x01",
	  7 },
};

Test(follow, bad_messages_are_left_out)
{
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		struct tesla_error err = { 0 };
		struct follow_state f;

		follow_state_init(&f, NULL, 0);
		cr_expect_eq(follow_state_message(&f, bad[i].topic, (const uint8_t *)bad[i].bytes,
						  bad[i].len, 0, &err),
			     -EBADMSG, "row %zu", i);
		cr_expect(err.text[0] != '\0' && !f.wants_snapshot, "row %zu", i);
		follow_state_release(&f);
	}
}

/* "*" in what the daemon says is where its control socket is. */
static const struct {
	const char *endpoint, *control, *want;
} places[] = {
	{ "tcp://*:5556", "tcp://10.0.0.7:5555", "tcp://10.0.0.7:5556" },
	{ "tcp://*:5556", "tcp://[fe80::1]:5555", "tcp://[fe80::1]:5556" },
	{ "tcp://*:5556", "ipc:///run/tesla/control", "tcp://127.0.0.1:5556" },
	{ "tcp://*:5556", NULL, "tcp://127.0.0.1:5556" },
	{ "tcp://10.0.0.8:5556", "tcp://10.0.0.7:5555", "tcp://10.0.0.8:5556" },
	{ "ipc:///run/x", "tcp://10.0.0.7:5555", "ipc:///run/x" },
};

Test(follow, where_the_stream_is)
{
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		char *at = stream_reachable(places[i].endpoint, places[i].control);

		cr_assert_not_null(at);
		cr_expect_str_eq(at, places[i].want);
		free(at);
	}
}
