/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request of Prometheus' remote read, from anybody: everything that it makes us allocate or
 * compute has a bound.
 */
#include "central/prom.h"

#include <assert.h>
#include <errno.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "central/prom.pb-c.h"
#include "central/prom_expression.h"

/* protobuf-c makes a struct of 64 bytes of a message of two. */
#define UNPACK_MAX (2u << 20)

struct query {
	struct prom_query pub;
	struct prom_matcher *matchers;
	struct expression **expressions; /* one for each matcher; NULL: it needs none */
};

struct prom_request {
	struct arena memory;
	size_t n_queries, n_matchers;
	struct query *queries;
	struct expressions *expressions;
};

static void *unpack_alloc(void *purse, size_t size)
{
	return purse_take(purse, size);
}

static void unpack_free(void *purse, void *bytes)
{
	(void)purse;
	free(bytes);
}

/* ---- bytes ---- */

static int inflate(const void *bytes, size_t len, uint8_t **ret, size_t *ret_len,
		   struct tesla_error *err)
{
	_cleanup_free_ char *plain = NULL;
	size_t n;

	if (len > PROM_REQUEST_MAX)
		return tesla_fail(err, -EMSGSIZE, "remote read: a request of more than %u bytes",
				  PROM_REQUEST_MAX);
	if (snappy_uncompressed_length(bytes, len, &n) != SNAPPY_OK)
		return tesla_fail(err, -EBADMSG,
				  "remote read: the request is not compressed with snappy");
	if (n > PROM_REQUEST_MAX)
		return tesla_fail(err, -EMSGSIZE,
				  "remote read: a request of more than %u bytes, uncompressed",
				  PROM_REQUEST_MAX);
	plain = malloc(n + 1);
	if (plain == NULL)
		return tesla_fail(err, -ENOMEM, "remote read: no memory");
	if (snappy_uncompress(bytes, len, plain, &n) != SNAPPY_OK)
		return tesla_fail(err, -EBADMSG, "remote read: the request is damaged: no snappy");
	*ret = (uint8_t *)plain;
	*ret_len = n;
	plain = NULL;
	return 0;
}

static bool is_text(const char *s, size_t len)
{
	uint32_t c;
	int n;

	for (size_t i = 0; i < len; i += (size_t)n) {
		n = utf8_take(s + i, &c);
		if (n <= 0 || c == 0)
			return false;
	}
	return true;
}

/* A copy in r->memory; "" for none. */
static int take_text(struct prom_request *r, const ProtobufCBinaryData *b, size_t max,
		     const char **ret, struct tesla_error *err)
{
	char *text;

	if (b->len > max)
		return tesla_fail(err, -E2BIG,
				  "remote read: a text of %zu bytes, at most %zu are taken", b->len,
				  max);
	text = arena_alloc(&r->memory, b->len + 1, 1);
	if (text == NULL)
		return tesla_fail(err, -ENOMEM, "remote read: no memory");
	if (b->len > 0)
		memcpy(text, b->data, b->len);
	if (!is_text(text, b->len))
		return tesla_fail(err, -EBADMSG, "remote read: a text that is not UTF-8");
	*ret = text;
	return 0;
}

/* ---- messages ---- */

static const enum prom_op ops[] = {
	[PROMETHEUS__LABEL_MATCHER__TYPE__EQ] = PROM_EQ,
	[PROMETHEUS__LABEL_MATCHER__TYPE__NEQ] = PROM_NE,
	[PROMETHEUS__LABEL_MATCHER__TYPE__RE] = PROM_RE,
	[PROMETHEUS__LABEL_MATCHER__TYPE__NRE] = PROM_NRE,
};

static int take_matcher(struct prom_request *r, const Prometheus__LabelMatcher *from,
			struct prom_matcher *m, struct expression **x, struct tesla_error *err)
{
	int rc;

	if ((unsigned)from->type >= N_ELEMENTS(ops))
		return tesla_fail(err, -EINVAL, "remote read: a matcher of unknown type %d",
				  (int)from->type);
	m->op = ops[from->type];
	rc = take_text(r, &from->name, PROM_NAME_MAX, &m->name, err);
	if (rc == 0)
		rc = take_text(r, &from->value, PROM_VALUE_MAX, &m->value, err);
	if (rc != 0)
		return rc;
	if (m->name[0] == '\0')
		return tesla_fail(err, -EINVAL, "remote read: a matcher names no label");
	if (m->op == PROM_EQ || m->op == PROM_NE)
		return 0;
	return expression_new(r->expressions, m->value, x, err);
}

static int take_hints(struct prom_request *r, const Prometheus__ReadHints *from,
		      struct prom_hints *h, struct tesla_error *err)
{
	h->func = "";
	if (from == NULL)
		return 0;
	h->step_ms = from->step_ms;
	h->range_ms = from->range_ms;
	h->from_ms = from->start_ms;
	h->to_ms = from->end_ms;
	return take_text(r, &from->func, PROM_NAME_MAX, &h->func, err);
}

static int take_query(struct prom_request *r, const Prometheus__Query *from, struct query *q,
		      struct tesla_error *err)
{
	size_t n = from->n_matchers;

	if (n == 0)
		return tesla_fail(err, -EINVAL, "remote read: a query without matchers");
	if (n > PROM_MATCHERS_MAX - r->n_matchers)
		return tesla_fail(err, -E2BIG, "remote read: more than %d matchers",
				  PROM_MATCHERS_MAX);
	r->n_matchers += n;
	q->matchers = arena_alloc(&r->memory, n, sizeof *q->matchers);
	q->expressions = arena_alloc(&r->memory, n, sizeof *q->expressions);
	if (q->matchers == NULL || q->expressions == NULL)
		return tesla_fail(err, -ENOMEM, "remote read: no memory");
	q->pub.from_ms = from->start_timestamp_ms;
	q->pub.to_ms = from->end_timestamp_ms;
	q->pub.matchers = q->matchers;
	q->pub.n_matchers = n;
	for (size_t i = 0; i < n; i++) {
		int rc = take_matcher(r, from->matchers[i], &q->matchers[i], &q->expressions[i],
				      err);

		if (rc != 0)
			return rc;
	}
	return take_hints(r, from->hints, &q->pub.hints, err);
}

/* Who names no form of answer takes samples. */
static bool takes_samples(const Prometheus__ReadRequest *from)
{
	for (size_t i = 0; i < from->n_accepted_response_types; i++)
		if (from->accepted_response_types[i] ==
		    PROMETHEUS__READ_REQUEST__RESPONSE_TYPE__SAMPLES)
			return true;
	return from->n_accepted_response_types == 0;
}

static int take_request(struct prom_request *r, const Prometheus__ReadRequest *from,
			struct tesla_error *err)
{
	if (!takes_samples(from))
		return tesla_fail(
			err, -ENOTSUP,
			"remote read: the answer would be samples, and they are not taken");
	if (from->n_queries > PROM_QUERIES_MAX)
		return tesla_fail(err, -E2BIG, "remote read: more than %d queries",
				  PROM_QUERIES_MAX);
	r->queries = arena_alloc(&r->memory, from->n_queries, sizeof *r->queries);
	if (r->queries == NULL)
		return tesla_fail(err, -ENOMEM, "remote read: no memory");
	for (size_t i = 0; i < from->n_queries; i++) {
		int rc;

		r->n_queries++; /* what it has is released even if it is not whole */
		rc = take_query(r, from->queries[i], &r->queries[i], err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int parse(struct prom_request *r, const uint8_t *plain, size_t len, struct tesla_error *err)
{
	struct purse purse = { .left = UNPACK_MAX };
	ProtobufCAllocator allocator = { .alloc = unpack_alloc,
					 .free = unpack_free,
					 .allocator_data = &purse };
	Prometheus__ReadRequest *from = prometheus__read_request__unpack(&allocator, len, plain);
	int rc;

	if (from == NULL && purse.refused)
		return tesla_fail(err, -E2BIG,
				  "remote read: the request takes more than %u bytes of "
				  "memory",
				  UNPACK_MAX);
	if (from == NULL)
		return tesla_fail(err, -EBADMSG, "remote read: the request is no ReadRequest");
	rc = take_request(r, from, err);
	prometheus__read_request__free_unpacked(from, &allocator);
	return rc;
}

/* ---- public ---- */

int prom_request_read(const void *bytes, size_t len, struct prom_request **ret,
		      struct tesla_error *err)
{
	_cleanup_free_ uint8_t *plain = NULL;
	struct prom_request *r;
	size_t n = 0;
	int rc = inflate(bytes, len, &plain, &n, err);

	if (rc != 0)
		return rc;
	r = calloc(1, sizeof *r);
	if (r == NULL)
		return tesla_fail(err, -ENOMEM, "remote read: no memory");
	rc = expressions_new(&r->expressions, err);
	if (rc == 0)
		rc = parse(r, plain, n, err);
	if (rc != 0) {
		prom_request_free(r);
		return rc;
	}
	*ret = r;
	return 0;
}

void prom_request_free(struct prom_request *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n_queries; i++)
		for (size_t k = 0; k < r->queries[i].pub.n_matchers; k++)
			expression_free(r->queries[i].expressions[k]);
	expressions_free(r->expressions);
	arena_release(&r->memory);
	free(r);
}

size_t prom_request_n_queries(const struct prom_request *r)
{
	return r->n_queries;
}

const struct prom_query *prom_request_query(const struct prom_request *r, size_t i)
{
	assert(i < r->n_queries);
	return &r->queries[i].pub;
}

const char *prom_query_equals(const struct prom_query *q, const char *name)
{
	for (size_t i = 0; i < q->n_matchers; i++)
		if (q->matchers[i].op == PROM_EQ && strcmp(q->matchers[i].name, name) == 0)
			return q->matchers[i].value;
	return NULL;
}

/* A label that a series has not is "". */
static const char *value_of(const struct prom_labels *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->at[i].name, name) == 0)
			return l->at[i].value;
	return "";
}

int prom_request_matches(struct prom_request *r, size_t i, const struct prom_labels *l,
			 struct tesla_error *err)
{
	struct query *q = &r->queries[i];

	assert(i < r->n_queries);
	for (size_t k = 0; k < q->pub.n_matchers; k++) {
		const struct prom_matcher *m = &q->matchers[k];
		const char *value = value_of(l, m->name);
		bool want = m->op == PROM_EQ || m->op == PROM_RE;
		int holds =
			q->expressions[k] == NULL
				? strcmp(m->value, value) == 0
				: expression_matches(r->expressions, q->expressions[k], value, err);

		if (holds < 0)
			return holds;
		if ((holds == 1) != want)
			return 0;
	}
	return 1;
}

static const struct {
	int code;
	unsigned status;
} statuses[] = {
	{ 0, 200 },	   { -EBADMSG, 400 },	{ -EINVAL, 400 },
	{ -ENOTSUP, 400 }, { -EMSGSIZE, 413 },	{ -E2BIG, 422 },
	{ -ETIME, 422 },   { -EOVERFLOW, 422 }, { -ENOMEM, 503 },
};

unsigned prom_http_status(int code)
{
	for (size_t i = 0; i < N_ELEMENTS(statuses); i++)
		if (statuses[i].code == code)
			return statuses[i].status;
	return 500;
}
