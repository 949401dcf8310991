/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus' remote read: requests good and bad, names, matchers, answers. */
#include "central/prom.h"

#include <errno.h>
#include <math.h>
#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "central/prom.pb-c.h"

#define TEXT(s) \
	{ \
		.len = strlen(s), .data = (uint8_t *)(uintptr_t)(s) \
	}

/* ---- requests ---- */

static int read_plain(const void *plain, size_t len, struct prom_request **ret,
		      struct tesla_error *err)
{
	size_t n = snappy_max_compressed_length(len);
	char *packed = malloc(n), *exact;
	int rc;

	cr_assert_eq(snappy_compress(plain, len, packed, &n), SNAPPY_OK);
	exact = malloc(n); /* nothing behind it */
	memcpy(exact, packed, n);
	rc = prom_request_read(exact, n, ret, err);
	free(packed);
	free(exact);
	cr_assert(rc == 0 || (err->code == rc && err->text[0] != '\0'));
	return rc;
}

static int read_message(const Prometheus__ReadRequest *m, struct prom_request **ret,
			struct tesla_error *err)
{
	size_t len = prometheus__read_request__get_packed_size(m);
	uint8_t *plain = malloc(len + 1);
	int rc;

	cr_assert_eq(prometheus__read_request__pack(m, plain), len);
	rc = read_plain(plain, len, ret, err);
	free(plain);
	return rc;
}

/* A request of one query with one matcher. */
static int read_matcher(int type, ProtobufCBinaryData name, ProtobufCBinaryData value,
			struct prom_request **ret, struct tesla_error *err)
{
	Prometheus__LabelMatcher m = PROMETHEUS__LABEL_MATCHER__INIT, *ms[] = { &m };
	Prometheus__Query q = PROMETHEUS__QUERY__INIT, *qs[] = { &q };
	Prometheus__ReadRequest r = PROMETHEUS__READ_REQUEST__INIT;

	m.type = (Prometheus__LabelMatcher__Type)type;
	m.name = name;
	m.value = value;
	q.n_matchers = 1;
	q.matchers = ms;
	r.n_queries = 1;
	r.queries = qs;
	return read_message(&r, ret, err);
}

Test(prom, a_request_is_read_whole)
{
	Prometheus__LabelMatcher m[3] = { PROMETHEUS__LABEL_MATCHER__INIT,
					  PROMETHEUS__LABEL_MATCHER__INIT,
					  PROMETHEUS__LABEL_MATCHER__INIT },
				 *ms[] = { &m[0], &m[1], &m[2] };
	Prometheus__ReadHints h = PROMETHEUS__READ_HINTS__INIT;
	Prometheus__Query q[2] = { PROMETHEUS__QUERY__INIT, PROMETHEUS__QUERY__INIT },
			  *qs[] = { &q[0], &q[1] };
	Prometheus__ReadRequest r = PROMETHEUS__READ_REQUEST__INIT;
	struct prom_request *got;
	const struct prom_query *g;
	struct tesla_error err;

	m[0].name = (ProtobufCBinaryData)TEXT("__name__");
	m[0].value = (ProtobufCBinaryData)TEXT("tesla_TPF_volts");
	m[1].type = PROMETHEUS__LABEL_MATCHER__TYPE__NRE;
	m[1].name = (ProtobufCBinaryData)TEXT("node");
	m[1].value = (ProtobufCBinaryData)TEXT("1.*");
	m[2].type = PROMETHEUS__LABEL_MATCHER__TYPE__NEQ;
	m[2].name = (ProtobufCBinaryData)TEXT("element");
	h.func = (ProtobufCBinaryData)TEXT("rate");
	h.step_ms = 60000;
	h.range_ms = 300000;
	h.start_ms = -5;
	h.end_ms = 7;
	q[0].start_timestamp_ms = -1;
	q[0].end_timestamp_ms = INT64_MAX;
	q[0].n_matchers = 3;
	q[0].matchers = ms;
	q[0].hints = &h;
	q[1].n_matchers = 1;
	q[1].matchers = ms;
	r.n_queries = 2;
	r.queries = qs;
	cr_assert_eq(read_message(&r, &got, &err), 0, "%s", err.text);
	cr_assert_eq(prom_request_n_queries(got), 2);
	g = prom_request_query(got, 0);
	cr_assert(g->from_ms == -1 && g->to_ms == INT64_MAX && g->n_matchers == 3);
	cr_assert(g->matchers[0].op == PROM_EQ && g->matchers[1].op == PROM_NRE &&
		  g->matchers[2].op == PROM_NE);
	cr_assert_str_eq(g->matchers[1].name, "node");
	cr_assert_str_eq(g->matchers[1].value, "1.*");
	cr_assert_str_eq(g->matchers[2].value, "");
	cr_assert(g->hints.step_ms == 60000 && g->hints.range_ms == 300000 &&
		  g->hints.from_ms == -5 && g->hints.to_ms == 7);
	cr_assert_str_eq(g->hints.func, "rate");
	cr_assert_str_eq(prom_query_equals(g, "__name__"), "tesla_TPF_volts");
	cr_assert_null(prom_query_equals(g, "node"));
	cr_assert_str_eq(prom_request_query(got, 1)->hints.func, "");
	prom_request_free(got);
}

/* What Prometheus 2.42 sends for rate(tesla_CEA_watt_hours_total[10m]), a value every 5 minutes. */
static const uint8_t peer[] = {
	0x56, 0xf0, 0x55, 0x0a, 0x54, 0x08, 0xc0, 0xc0, 0xc6, 0xec, 0x9b, 0x34, 0x10, 0x80, 0xc8,
	0x84, 0x96, 0x9c, 0x34, 0x1a, 0x26, 0x12, 0x08, 0x5f, 0x5f, 0x6e, 0x61, 0x6d, 0x65, 0x5f,
	0x5f, 0x1a, 0x1a, 0x74, 0x65, 0x73, 0x6c, 0x61, 0x5f, 0x43, 0x45, 0x41, 0x5f, 0x77, 0x61,
	0x74, 0x74, 0x5f, 0x68, 0x6f, 0x75, 0x72, 0x73, 0x5f, 0x74, 0x6f, 0x74, 0x61, 0x6c, 0x22,
	0x1c, 0x08, 0xe0, 0xa7, 0x12, 0x12, 0x04, 0x72, 0x61, 0x74, 0x65, 0x18, 0xc0, 0xc0, 0xc6,
	0xec, 0x9b, 0x34, 0x20, 0x80, 0xc8, 0x84, 0x96, 0x9c, 0x34, 0x38, 0xc0, 0xcf, 0x24,
};

/* The same sort of request from hand: snappy's literals alone, `node=~"4|5"` from -1 to 1. */
static const uint8_t literal[] = { 0x1e, 0x74, 0x0a, 0x1c, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				   0xff, 0xff, 0xff, 0x01, 0x10, 0x01, 0x1a, 0x0d, 0x08, 0x02, 0x12,
				   0x04, 0x6e, 0x6f, 0x64, 0x65, 0x1a, 0x03, 0x34, 0x7c, 0x35 };

Test(prom, requests_that_others_made)
{
	struct prom_request *r;
	const struct prom_query *q;
	struct tesla_error err;

	cr_assert_eq(prom_request_read(peer, sizeof peer, &r, &err), 0, "%s", err.text);
	cr_assert_eq(prom_request_n_queries(r), 1);
	q = prom_request_query(r, 0);
	cr_expect(q->from_ms == 1794181800000 && q->to_ms == 1794268800000);
	cr_assert_eq(q->n_matchers, 1);
	cr_expect_str_eq(prom_query_equals(q, "__name__"), "tesla_CEA_watt_hours_total");
	cr_expect_str_eq(q->hints.func, "rate");
	cr_expect(q->hints.step_ms == 300000 && q->hints.range_ms == 600000 &&
		  q->hints.from_ms == q->from_ms && q->hints.to_ms == q->to_ms);
	prom_request_free(r);

	cr_assert_eq(prom_request_read(literal, sizeof literal, &r, &err), 0, "%s", err.text);
	q = prom_request_query(r, 0);
	cr_expect(q->from_ms == -1 && q->to_ms == 1 && q->matchers[0].op == PROM_RE);
	cr_expect_str_eq(q->matchers[0].value, "4|5");
	prom_request_free(r);
}

#define SNAPPED(plain_bytes) plain_bytes, sizeof plain_bytes - 1
static const struct bad_plain {
	const char *what, *bytes;
	size_t len;
	int want;
} bad_plain[] = {
	{ "nothing: no queries", SNAPPED(""), 0 },
	{ "an unknown field is passed over", SNAPPED("\x78\x01"), 0 },
	{ "a message that is cut off", SNAPPED("\x0a\x05\x08"), -EBADMSG },
	{ "a group", SNAPPED("\x0b\x0c"), -EBADMSG },
	{ "a length of 4 GB", SNAPPED("\x0a\xff\xff\xff\xff\x0f"), -EBADMSG },
	{ "a query without matchers", SNAPPED("\x0a\x02\x08\x01"), -EINVAL },
	{ "samples are not taken", SNAPPED("\x10\x01"), -ENOTSUP },
	{ "chunks or samples", SNAPPED("\x10\x01\x10\x00"), 0 },
	{ "chunks or samples, packed", SNAPPED("\x12\x02\x01\x00"), 0 },
};

Test(prom, messages_that_are_none)
{
	for (size_t i = 0; i < N_ELEMENTS(bad_plain); i++) {
		const struct bad_plain *c = &bad_plain[i];
		struct prom_request *r = NULL;
		struct tesla_error err = { 0 };
		int rc = read_plain(c->bytes, c->len, &r, &err);

		cr_expect_eq(rc, c->want, "%s: %d %s", c->what, rc, err.text);
		prom_request_free(r);
	}
}

static const struct bad_packed {
	const char *what, *bytes;
	size_t len;
	int want;
} bad_packed[] = {
	{ "no bytes", SNAPPED(""), -EBADMSG },
	{ "a length without an end", SNAPPED("\xff\xff\xff\xff\xff\xff"), -EBADMSG },
	{ "4 GB", SNAPPED("\xff\xff\xff\xff\x0f"), -EMSGSIZE },
	{ "one byte more than may be", SNAPPED("\x81\x80\x04\x00"), -EMSGSIZE },
	{ "a literal that is cut off",
	  SNAPPED("\x05\x10"
		  "ab"),
	  -EBADMSG },
	{ "a copy of what was not there", SNAPPED("\x08\x01\x09"), -EBADMSG },
	{ "a frame, not a block", SNAPPED("\xff\x06\x00\x00sNaPpY"), -EBADMSG },
};

Test(prom, blocks_that_are_none)
{
	char *large = calloc(1, PROM_REQUEST_MAX + 1);
	struct prom_request *r = NULL;
	struct tesla_error err = { 0 };

	for (size_t i = 0; i < N_ELEMENTS(bad_packed); i++) {
		const struct bad_packed *c = &bad_packed[i];
		int rc = prom_request_read(c->bytes, c->len, &r, &err);

		cr_expect_eq(rc, c->want, "%s: %d %s", c->what, rc, err.text);
	}
	cr_expect_eq(prom_request_read(large, PROM_REQUEST_MAX + 1, &r, &err), -EMSGSIZE);
	free(large);
}

#define N_TIMES(n, text) (n), (text)
static const struct bad_matcher {
	const char *what;
	int type;
	const char *name;
	size_t repeat; /* the value is this often */
	const char *value;
	int want;
} bad_matchers[] = {
	{ "no name", 0, "", N_TIMES(1, "x"), -EINVAL },
	{ "type 4", 4, "x", N_TIMES(1, "x"), -EINVAL },
	{ "type -1", -1, "x", N_TIMES(1, "x"), -EINVAL },
	{ "a name that is no UTF-8", 0, "x\xff", N_TIMES(1, "x"), -EBADMSG },
	{ "a value that is no UTF-8", 0, "x", N_TIMES(1, "\xc3"), -EBADMSG },
	{ "a long value", 0, "x", N_TIMES(PROM_VALUE_MAX, "x"), 0 },
	{ "a value too long", 0, "x", N_TIMES(PROM_VALUE_MAX + 1, "x"), -E2BIG },
	{ "not closed", 2, "x", N_TIMES(1, "(a"), -EINVAL },
	{ "nothing to repeat", 2, "x", N_TIMES(1, "*"), -EINVAL },
	{ "a back reference, which RE2 has not", 2, "x", N_TIMES(1, "(a)\\1"), -EINVAL },
	{ "single bytes", 3, "x", N_TIMES(1, "\\C"), -EINVAL },
	{ "deeply nested", 2, "x", N_TIMES(200, "("), -EINVAL },
	{ "large", 2, "x", N_TIMES(1, "((a{1000}){1000}){1000}"), -EINVAL },
	{ "large, but not too", 2, "x", N_TIMES(800, "[a-z]|x"), 0 },
};

Test(prom, matchers_that_are_none)
{
	for (size_t i = 0; i < N_ELEMENTS(bad_matchers); i++) {
		const struct bad_matcher *c = &bad_matchers[i];
		size_t one = strlen(c->value);
		char *value = calloc(c->repeat, one + 1);
		struct prom_request *r = NULL;
		struct tesla_error err = { 0 };
		int rc;

		for (size_t k = 0; k < c->repeat; k++)
			memcpy(value + k * one, c->value, one);
		rc = read_matcher(c->type, (ProtobufCBinaryData)TEXT(c->name),
				  (ProtobufCBinaryData)TEXT(value), &r, &err);
		cr_expect_eq(rc, c->want, "%s: %d %s", c->what, rc, err.text);
		prom_request_free(r);
		free(value);
	}
}

Test(prom, a_nul_ends_no_text)
{
	ProtobufCBinaryData value = { .len = 3, .data = (uint8_t[]){ 'a', 0, 'b' } };
	struct prom_request *r = NULL;
	struct tesla_error err;

	cr_expect_eq(read_matcher(0, (ProtobufCBinaryData)TEXT("x"), value, &r, &err), -EBADMSG);
}

/* n queries with m matchers each, all `x=~value`. */
static int read_many(size_t n, size_t m, const char *value, struct prom_request **ret,
		     struct tesla_error *err)
{
	Prometheus__LabelMatcher matcher = PROMETHEUS__LABEL_MATCHER__INIT, *ms[200];
	Prometheus__Query query = PROMETHEUS__QUERY__INIT, *qs[200];
	Prometheus__ReadRequest r = PROMETHEUS__READ_REQUEST__INIT;

	for (size_t i = 0; i < N_ELEMENTS(ms); i++) {
		ms[i] = &matcher;
		qs[i] = &query;
	}
	matcher.type = PROMETHEUS__LABEL_MATCHER__TYPE__RE;
	matcher.name = (ProtobufCBinaryData)TEXT("x");
	matcher.value = (ProtobufCBinaryData)TEXT(value);
	query.n_matchers = m;
	query.matchers = ms;
	r.n_queries = n;
	r.queries = qs;
	return read_message(&r, ret, err);
}

static const struct count_case {
	size_t queries, matchers;
	const char *value;
	int want;
} counts[] = {
	{ PROM_QUERIES_MAX, PROM_MATCHERS_MAX / PROM_QUERIES_MAX, "a", 0 },
	{ PROM_QUERIES_MAX + 1, 1, "a", -E2BIG },
	{ 1, PROM_MATCHERS_MAX, "a", 0 },
	{ 1, PROM_MATCHERS_MAX + 1, "a", -E2BIG },
	{ 2, PROM_MATCHERS_MAX / 2 + 1, "a", -E2BIG },
	/* 60 KB of code each. */
	{ 1, PROM_MATCHERS_MAX, "(?:abcdefghijklmnopqrst){1000}", -E2BIG },
};

Test(prom, counts_are_bounded)
{
	for (size_t i = 0; i < N_ELEMENTS(counts); i++) {
		struct prom_request *r = NULL;
		struct tesla_error err = { 0 };
		int rc =
			read_many(counts[i].queries, counts[i].matchers, counts[i].value, &r, &err);

		cr_expect_eq(rc, counts[i].want, "%zu: %d %s", i, rc, err.text);
		prom_request_free(r);
	}
}

/* A purse of 2 MiB is empty before 32 Ki empty queries are unpacked. */
Test(prom, many_small_messages_take_little_memory)
{
	char *plain = malloc(PROM_REQUEST_MAX);
	struct prom_request *r = NULL;
	struct tesla_error err;

	for (size_t i = 0; i < PROM_REQUEST_MAX; i += 2)
		memcpy(plain + i, "\x0a", 2);
	cr_expect_eq(read_plain(plain, PROM_REQUEST_MAX, &r, &err), -E2BIG);
	cr_expect_not_null(strstr(err.text, "of memory"), "%s", err.text);
	free(plain);
}

/* ---- names ---- */

static const struct name_case {
	struct prom_series series;
	const char *want;
} names[] = {
	{ { "4", 1, "PM710", "TPF", "V", TESLA_GAUGE, "L1", STORE_VALUE },
	  "__name__=tesla_TPF_volts analyzer=1 element=L1 model=PM710 node=4 variable=TPF " },
	{ { "4", 1, "PM710", "TPF", "V", TESLA_GAUGE, "L1", STORE_MIN },
	  "__name__=tesla_TPF_volts_min analyzer=1 element=L1 model=PM710 node=4 variable=TPF " },
	{ { "4", 1, NULL, "RVm", "V", TESLA_GAUGE, "L1", STORE_MAX },
	  "__name__=tesla_RVm_volts_max analyzer=1 element=L1 node=4 variable=RVm " },
	{ { "4", 250, "", "CEA", "Wh", TESLA_COUNTER, NULL, STORE_VALUE },
	  "__name__=tesla_CEA_watt_hours_total analyzer=250 node=4 variable=CEA " },
	{ { "4", 250, "", "CEA", "Wh", TESLA_COUNTER, "", STORE_INCREASE },
	  "__name__=tesla_CEA_watt_hours_increase analyzer=250 node=4 variable=CEA " },
	{ { "n\xff x", 1, "M", "x_a-b", "l/min", TESLA_STATUS, "1", STORE_VALUE },
	  "__name__=tesla_x_a_b_l_min analyzer=1 element=1 model=M node=n? x variable=x_a-b " },
	{ { "4", 1, "M", "FPT", "", TESLA_GAUGE, "total", STORE_VALUE },
	  "__name__=tesla_FPT analyzer=1 element=total model=M node=4 variable=FPT " },
	{ { "4", 1, "M", "\xc3\xa9", "%", TESLA_GAUGE, "\xc3\xa9\xc3", STORE_VALUE },
	  "__name__=tesla____percent analyzer=1 element=\xc3\xa9? model=M node=4 "
	  "variable=\xc3\xa9 " },
};

Test(prom, names_of_series)
{
	struct prom_labels l;
	struct tesla_error err;

	prom_labels_init(&l);
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		char got[512] = "";

		cr_assert_eq(prom_labels_set(&l, &names[i].series, &err), 0);
		for (size_t k = 0; k < l.n; k++) {
			size_t n = strlen(got);

			(void)snprintf(got + n, sizeof got - n, "%s=%s ", l.at[k].name,
				       l.at[k].value);
		}
		cr_expect_str_eq(got, names[i].want);
	}
	prom_labels_release(&l);
	cr_expect(prom_offers(TESLA_COUNTER, STORE_INCREASE));
	cr_expect_not(prom_offers(TESLA_GAUGE, STORE_INCREASE));
	cr_expect_not(prom_offers(TESLA_STATUS, STORE_QUALITY));
}

/* ---- matching, against analyzer 12 of node "north 4" ---- */

static const struct match_case {
	const char *name;
	enum prom_op op;
	const char *value;
	int want;
} matches[] = {
	{ "node", PROM_EQ, "north 4", 1 },
	{ "node", PROM_EQ, "north", 0 },
	{ "node", PROM_NE, "north 4", 0 },
	{ "node", PROM_NE, "north", 1 },
	{ "node", PROM_RE, "north", 0 }, /* the whole value */
	{ "node", PROM_RE, "orth 4", 0 },
	{ "node", PROM_RE, "north.*", 1 },
	{ "node", PROM_RE, "south|north 4", 1 },
	{ "node", PROM_RE, "north|south 4", 0 }, /* anchors are round the whole of it */
	{ "node", PROM_RE, "north|north 4", 1 },
	{ "node", PROM_RE, "^north 4$", 1 },
	{ "node", PROM_RE, "(?i)NORTH \\d", 1 },
	{ "node", PROM_RE, "(?P<where>no|so)(r|u)th [[:digit:]]", 1 },
	{ "node", PROM_RE, "\\pL+ \\pN", 1 },
	{ "node", PROM_RE, "north 4#no comment", 0 },
	{ "node", PROM_RE, "", 0 },
	{ "node", PROM_NRE, "north", 1 },
	{ "node", PROM_NRE, "north.*", 0 },
	{ "analyzer", PROM_RE, "1[0-9]", 1 },
	{ "__name__", PROM_RE, "tesla_.+_volts(_min)?", 1 },
	{ "model", PROM_EQ, "", 1 }, /* a label that is not there is empty */
	{ "model", PROM_NE, "", 0 },
	{ "model", PROM_RE, ".*", 1 },
	{ "model", PROM_RE, ".+", 0 },
	{ "model", PROM_NRE, ".+", 1 },
	{ "nobody", PROM_EQ, "x", 0 },
	{ "nobody", PROM_NE, "x", 1 },
	{ "variable", PROM_RE, "\xc3\xa9.", 0 },
};

static void twelve(struct prom_labels *l)
{
	const struct prom_series s = { "north 4", 12,	       NULL, "TPF",
				       "V",	  TESLA_GAUGE, "L1", STORE_VALUE };
	struct tesla_error err;

	prom_labels_init(l);
	cr_assert_eq(prom_labels_set(l, &s, &err), 0);
}

Test(prom, matchers)
{
	struct prom_labels l;
	struct tesla_error err = { 0 };

	twelve(&l);
	for (size_t i = 0; i < N_ELEMENTS(matches); i++) {
		const struct match_case *c = &matches[i];
		struct prom_request *r;
		int rc = read_matcher(c->op, (ProtobufCBinaryData)TEXT(c->name),
				      (ProtobufCBinaryData)TEXT(c->value), &r, &err);

		cr_assert_eq(rc, 0, "%s: %s", c->value, err.text);
		for (int again = 0; again < 2; again++) /* the second time it is remembered */
			cr_expect_eq(prom_request_matches(r, 0, &l, &err), c->want, "%s %d '%s'",
				     c->name, c->op, c->value);
		prom_request_free(r);
	}
	prom_labels_release(&l);
}

Test(prom, no_expression_hangs)
{
	static const char *const slow[] = { "(a|a)*[bc]", "(a*)*[bc]", "(?:(?:a+)+)+[bc]",
					    "(?:a?){30}(?:a?){50}[bc]" };

	for (size_t i = 0; i < N_ELEMENTS(slow); i++) {
		char node[61] = { 0 };
		struct prom_series s = {
			node, 1, NULL, "TPF", "V", TESLA_GAUGE, "L1", STORE_VALUE
		};
		struct prom_labels l;
		struct prom_request *r;
		struct tesla_error err;
		clock_t begin = clock();

		memset(node, 'a', 59);
		prom_labels_init(&l);
		cr_assert_eq(prom_labels_set(&l, &s, &err), 0);
		cr_assert_eq(read_matcher(PROM_RE, (ProtobufCBinaryData)TEXT("node"),
					  (ProtobufCBinaryData)TEXT(slow[i]), &r, &err),
			     0);
		cr_expect_eq(prom_request_matches(r, 0, &l, &err), -ETIME, "%s", slow[i]);
		cr_expect_lt(clock() - begin, CLOCKS_PER_SEC / 2);
		cr_expect_eq(prom_http_status(-ETIME), 422);
		prom_request_free(r);
		prom_labels_release(&l);
	}
}

/* ---- answers ---- */

static Prometheus__ReadResponse *unpack_answer(const void *bytes, size_t len)
{
	Prometheus__ReadResponse *m;
	char *plain;
	size_t n;

	cr_assert_eq(snappy_uncompressed_length(bytes, len, &n), SNAPPY_OK);
	plain = malloc(n + 1);
	cr_assert_eq(snappy_uncompress(bytes, len, plain, &n), SNAPPY_OK);
	m = prometheus__read_response__unpack(NULL, n, (const uint8_t *)plain);
	cr_assert_not_null(m);
	free(plain);
	return m;
}

static void drop(Prometheus__ReadResponse *m)
{
	prometheus__read_response__free_unpacked(m, NULL);
}

static Prometheus__ReadResponse *finish(struct prom_response *p)
{
	Prometheus__ReadResponse *m;
	const void *bytes, *again;
	struct tesla_error err;
	size_t len, len_again;
	struct buf moved;

	cr_assert_eq(prom_response_finish(p, &bytes, &len, &err), 0, "%s", err.text);
	cr_assert_eq(prom_response_finish(p, &again, &len_again, &err), 0);
	cr_assert(bytes == again && len == len_again);
	m = unpack_answer(bytes, len);
	drop(m);
	buf_init(&moved, PROM_ANSWER_MAX);
	cr_assert_eq(prom_response_take(p, &moved, &err), 0);
	prom_response_free(p);
	cr_assert_eq(moved.pub.len, len);
	m = unpack_answer(moved.pub.bytes, moved.pub.len);
	buf_release(&moved);
	return m;
}

static struct prom_response *answer(const struct prom_limits *limits)
{
	struct prom_response *p;
	struct tesla_error err;

	cr_assert_eq(prom_response_new(limits, &p, &err), 0);
	return p;
}

static bool is(const ProtobufCBinaryData *b, const char *text)
{
	return b->len == strlen(text) && memcmp(b->data, text, b->len) == 0;
}

Test(prom, an_answer_without_queries_is_empty)
{
	Prometheus__ReadResponse *m = finish(answer(NULL));

	cr_assert_eq(m->n_results, 0);
	drop(m);
}

Test(prom, what_is_not_there_is_left_out)
{
	static const int64_t t[] = { -5, 10, 20, 20, 15, 30, 40 };
	static const double v[] = { -0.0, NAN, 2, 3, 4, INFINITY, 1e-300 };
	static const int64_t want_t[] = { -5, 20, 30, 40 };
	static const double want_v[] = { -0.0, 2, INFINITY, 1e-300 };
	struct prom_response *p = answer(NULL);
	struct prom_labels l;
	struct tesla_error err;
	Prometheus__ReadResponse *m;
	const Prometheus__TimeSeries *s;

	twelve(&l);
	cr_assert_eq(prom_response_query(p, &err), 0); /* nothing matches */
	cr_assert_eq(prom_response_query(p, &err), 0);
	cr_assert_eq(prom_response_series(p, &l, &err), 0); /* has no sample */
	cr_assert_eq(prom_response_samples(p, t + 1, v + 1, 1, &err), 0);
	cr_assert_eq(prom_response_series(p, &l, &err), 0);
	for (size_t i = 0; i < N_ELEMENTS(t); i++) /* in chunks of one */
		cr_assert_eq(prom_response_samples(p, t + i, v + i, 1, &err), 0);
	cr_assert_eq(prom_response_n_samples(p), 4);
	m = finish(p);
	cr_assert(m->n_results == 2 && m->results[0]->n_timeseries == 0 &&
		  m->results[1]->n_timeseries == 1);
	s = m->results[1]->timeseries[0];
	cr_assert_eq(s->n_labels, l.n);
	for (size_t i = 0; i < l.n; i++)
		cr_expect(is(&s->labels[i]->name, l.at[i].name) &&
			  is(&s->labels[i]->value, l.at[i].value));
	cr_assert_eq(s->n_samples, 4);
	for (size_t i = 0; i < 4; i++)
		cr_expect(s->samples[i]->timestamp == want_t[i] &&
			  memcmp(&s->samples[i]->value, &want_v[i], 8) == 0);
	drop(m);
	prom_labels_release(&l);
}

/* How many samples series k of a shape has. */
static const struct shape {
	const char *what;
	size_t series, samples;
	bool vary;
} shapes[] = {
	{ "one sample", 1, 1, false },
	{ "many small series in a piece", 2000, 2, false },
	{ "series that cross pieces", 9, 3000, true },
	{ "series of many pieces", 3, 40000, false },
	{ "small and large in turn", 40, 5000, true },
};

static double number(size_t k, size_t i)
{
	return (double)((k * 7919 + i * 104729) % 100003) / 8;
}

static size_t length_of(const struct shape *s, size_t k)
{
	return s->vary ? (k * 2654435761u >> 7) % s->samples : s->samples;
}

static void write_series(struct prom_response *p, const struct shape *s, size_t k)
{
	struct prom_series series = { "4", (int64_t)k,	"PM710", "TPF",
				      "V", TESLA_GAUGE, "L1",	 STORE_VALUE };
	struct prom_labels l;
	struct tesla_error err;
	size_t n = length_of(s, k);
	int64_t *t = malloc(n * sizeof *t + 1);
	double *v = malloc(n * sizeof *v + 1);

	for (size_t i = 0; i < n; i++) {
		t[i] = 1794182400000 + (int64_t)i * 60000;
		v[i] = number(k, i);
	}
	prom_labels_init(&l);
	cr_assert_eq(prom_labels_set(&l, &series, &err), 0);
	cr_assert_eq(prom_response_series(p, &l, &err), 0);
	prom_labels_release(&l); /* they were copied */
	for (size_t i = 0, step = 1; i < n; i += step, step = step * 3 + k) {
		size_t m = n - i < step ? n - i : step;

		cr_assert_eq(prom_response_samples(p, t + i, v + i, m, &err), 0, "%s", err.text);
	}
	free(t);
	free(v);
}

static void expect_series(const struct shape *s, size_t k, const Prometheus__TimeSeries *got)
{
	char id[24];

	(void)snprintf(id, sizeof id, "%zu", k);
	cr_assert_eq(got->n_labels, 6);
	cr_assert(is(&got->labels[1]->value, id), "%s: series %zu", s->what, k);
	cr_assert_eq(got->n_samples, length_of(s, k), "%s: series %zu", s->what, k);
	for (size_t i = 0; i < got->n_samples; i++)
		cr_assert(got->samples[i]->timestamp == 1794182400000 + (int64_t)i * 60000 &&
			  got->samples[i]->value == number(k, i));
}

Test(prom, an_answer_is_what_was_written)
{
	for (size_t i = 0; i < N_ELEMENTS(shapes); i++) {
		const struct shape *s = &shapes[i];
		struct prom_response *p = answer(NULL);
		struct tesla_error err;
		Prometheus__ReadResponse *m;

		for (size_t q = 0; q < 2; q++) {
			cr_assert_eq(prom_response_query(p, &err), 0);
			for (size_t k = 0; k < s->series; k++)
				write_series(p, s, k);
		}
		m = finish(p);
		cr_assert_eq(m->n_results, 2);
		for (size_t q = 0; q < 2; q++) {
			size_t at = 0;

			for (size_t k = 0; k < s->series; k++)
				if (length_of(s, k) > 0) {
					cr_assert_lt(at, m->results[q]->n_timeseries);
					expect_series(s, k, m->results[q]->timeseries[at++]);
				}
			cr_assert_eq(at, m->results[q]->n_timeseries);
		}
		drop(m);
	}
}

static const struct limit_case {
	struct prom_limits limits;
	size_t fits; /* samples */
	const char *says;
} limits[] = {
	{ { .samples = 1000 }, 1000, "more than 1000 samples" },
	{ { .bytes = 70000 }, 0, "more than 70000 bytes" },
	{ { 0 }, PROM_SAMPLES_MAX, "more than 1000000 samples" },
};

Test(prom, an_answer_has_limits)
{
	for (size_t i = 0; i < N_ELEMENTS(limits); i++) {
		struct prom_response *p = answer(&limits[i].limits);
		struct prom_labels l;
		struct tesla_error err;
		int64_t t = 0;
		int rc;

		twelve(&l);
		cr_assert_eq(prom_response_query(p, &err), 0);
		cr_assert_eq(prom_response_series(p, &l, &err), 0);
		do {
			double v = number(7, (size_t)t++);

			rc = prom_response_samples(p, &t, &v, 1, &err);
		} while (rc == 0);
		cr_expect_eq(rc, -EOVERFLOW);
		cr_expect_not_null(strstr(err.text, limits[i].says), "%s", err.text);
		if (limits[i].fits > 0)
			cr_expect_eq(prom_response_n_samples(p), limits[i].fits);
		prom_response_free(p);
		prom_labels_release(&l);
	}
	cr_expect_eq(prom_http_status(-EOVERFLOW), 422);
	cr_expect_eq(prom_http_status(-EMSGSIZE), 413);
	cr_expect_eq(prom_http_status(-EIO), 500);
}
