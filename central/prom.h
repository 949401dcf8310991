/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus' remote read: a request that somebody sent, what the store's numbers are called there,
 * and the answer.  Pure: no I/O, no clock, no store.  One thread at a time.  docs/prometheus.md
 * says what users see of it.
 *
 *	r = prom_request_read(body, len, &req, err);
 *	prom_response_new(NULL, &resp, err);
 *	for each query q of req
 *		prom_response_query(resp, err);
 *		for each number of the store
 *			prom_labels_set(&labels, &series, err);
 *			if (prom_request_matches(req, q, &labels, err) == 1)
 *				prom_response_series(resp, &labels, err);
 *				for each chunk of its points, in the order of times
 *					prom_response_samples(resp, end_ms, values, n, err);
 *	prom_response_finish(resp, &bytes, &len, err);
 *
 * The answer goes out with `Content-Type: application/x-protobuf` and `Content-Encoding: snappy`.
 * Errors come with a sentence, which Prometheus shows to whoever asked when it is the body of
 * the answer as text; prom_http_status() has the status for each.
 */
#ifndef CENTRAL_PROM_H
#define CENTRAL_PROM_H

#include "base/buf.h"
#include "central/store.h"

#define PROM_CONTENT_TYPE "application/x-protobuf"
#define PROM_CONTENT_ENCODING "snappy"

/* 0: 200; a negative error of the functions below: 400, 413, 422, 500 or 503. */
unsigned prom_http_status(int code);

/* ---- the request ---- */

#define PROM_REQUEST_MAX (64u << 10) /* bytes, compressed or not */
#define PROM_QUERIES_MAX 16
#define PROM_MATCHERS_MAX 64 /* of all its queries */
#define PROM_NAME_MAX 256
#define PROM_VALUE_MAX (8u << 10) /* of a matcher; a regular expression, too */

enum prom_op { PROM_EQ, PROM_NE, PROM_RE, PROM_NRE };
struct prom_matcher {
	enum prom_op op;
	const char *name, *value; /* UTF-8 */
};
/* What it is asked for; all zero and "" where it was not said.  Nobody has to heed it. */
struct prom_hints {
	int64_t step_ms;  /* 0: a query of one instant */
	int64_t range_ms; /* of `x[5m]`; 0: none */
	int64_t from_ms, to_ms;
	const char *func; /* what is applied to the series first: rate, sum, ... */
};
struct prom_query {
	int64_t from_ms, to_ms; /* both included; from may be greater: nothing */
	size_t n_matchers;
	const struct prom_matcher *matchers;
	struct prom_hints hints;
};
struct prom_request;

/*
 * Foreign bytes, as they came: checked, and regular expressions compiled.  -EMSGSIZE: too large;
 * -EBADMSG: no snappy, no ReadRequest, or not UTF-8; -EINVAL: a matcher that nobody can mean, a
 * regular expression that is none; -ENOTSUP: it takes no samples; -E2BIG: too many queries or
 * matchers, or expressions too complex; -ENOMEM.
 */
int prom_request_read(const void *bytes, size_t len, struct prom_request **ret,
		      struct tesla_error *err);
void prom_request_free(struct prom_request *r);
size_t prom_request_n_queries(const struct prom_request *r);
const struct prom_query *prom_request_query(const struct prom_request *r, size_t i);
/* The value that label `name` must have, when a matcher says so; else NULL. */
const char *prom_query_equals(const struct prom_query *q, const char *name);

/* ---- names ---- */

/* A number of the store, as one who asks for it sees it. */
struct prom_series {
	const char *node;
	int64_t analyzer;
	const char *model; /* NULL: there is no such label */
	const char *variable, *unit;
	enum tesla_variable_kind kind;
	const char *element; /* its label (L1), or its number; NULL: the variable has one alone */
	enum store_field field;
};
/* There is a metric of it: gauge: value, min, max; counter: value, increase; status: value. */
bool prom_offers(enum tesla_variable_kind kind, enum store_field field);

#define PROM_LABELS_MAX 6
struct prom_labels { /* sorted by name; an empty value is left out, as it means the same */
	size_t n;
	struct prom_label {
		const char *name, *value; /* UTF-8, with `?` for what was none */
	} at[PROM_LABELS_MAX];
	struct buf text;
};
void prom_labels_init(struct prom_labels *l);
void prom_labels_release(struct prom_labels *l);
/*
 * Memory is kept from one to the next.  prom_offers() must be true.  -ENOMEM.
 */
int prom_labels_set(struct prom_labels *l, const struct prom_series *s, struct tesla_error *err);

/*
 * 1: all matchers of query `i` hold; 0: one does not; -ETIME: a regular expression took too many
 * steps: the request is to be refused.  At most about a millisecond for each matcher.
 */
int prom_request_matches(struct prom_request *r, size_t i, const struct prom_labels *l,
			 struct tesla_error *err);

/* ---- the answer ---- */

#define PROM_SAMPLES_MAX 1000000u
#define PROM_ANSWER_MAX (16u << 20)
struct prom_limits { /* of the whole answer; 0: as above */
	size_t samples;
	size_t bytes; /* compressed, which is what is kept of it; at most 64 MiB */
};
struct prom_response;

/*
 * Beside the answer itself it takes 150 KB.  All functions: -EOVERFLOW beyond a limit, -ENOMEM;
 * then there is no answer.
 */
int prom_response_new(const struct prom_limits *limits, struct prom_response **ret,
		      struct tesla_error *err);
void prom_response_free(struct prom_response *p);
/* Begins the result of the next query: one for each, or Prometheus refuses the answer. */
int prom_response_query(struct prom_response *p, struct tesla_error *err);
/*
 * Begins the next series; labels are copied.  One without samples is left out.  No series twice in
 * a result.
 */
int prom_response_series(struct prom_response *p, const struct prom_labels *l,
			 struct tesla_error *err);
/*
 * NAN is left out, and so is what is not later than the sample before it.
 */
int prom_response_samples(struct prom_response *p, const int64_t *end_ms, const double *values,
			  size_t n, struct tesla_error *err);
size_t prom_response_n_samples(const struct prom_response *p);
/* The whole answer, until it is freed.  Nothing may be added then. */
int prom_response_finish(struct prom_response *p, const void **bytes, size_t *len,
			 struct tesla_error *err);
/* Finishes, and moves the bytes into `ret`, which is empty and initialised. */
int prom_response_take(struct prom_response *p, struct buf *ret, struct tesla_error *err);

#endif
