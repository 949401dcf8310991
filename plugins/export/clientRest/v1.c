/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api="v1": batches, as docs/api-v1.md says.  What the server refuses as a whole is halved until
 * the records that it is about stand alone; they are refused for good when it answered others.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "link.h"
#include "records.h"
#include "rest.h"
#include "verdict.h"

struct run {
	struct rest *rest;
	const struct tesla_batch *batch;
	struct tesla_verdict *verdicts;
	char *url;
	/* what is fit to be sent, and where it is in the batch */
	const struct tesla_item **records;
	size_t *places;
	struct answer_result *results;
	size_t n;
	struct unproven *unproven; /* by their places in the batch */
	bool answered;		   /* some record, as documented */
};

enum { GO_ON, STOP }; /* or -ENOMEM */

/* ---- what is fit to be sent ---- */

/* true: it is; else *v has the reason.  *failed: no memory. */
static bool is_fit(enum format format, const struct tesla_item *item, struct tesla_verdict *v,
		   bool *failed)
{
	struct writer w;
	bool fit = false;

	if (!record_is_sound(item, v))
		return false;
	writer_init(&w, format);
	record_write(&w, item);
	*failed = w.failed == -ENOMEM;
	if (w.failed == -EILSEQ)
		verdict_reject(v, -EILSEQ, "a text in it is not UTF-8");
	else if (w.failed == 0)
		fit = record_fits(w.bytes.size, v);
	writer_release(&w);
	return fit;
}

static int run_fill(struct run *run)
{
	for (size_t i = 0; i < run->batch->n_items; i++) {
		bool failed = false;

		if (is_fit(run->rest->format, run->batch->items[i], &run->verdicts[i], &failed)) {
			run->records[run->n] = run->batch->items[i];
			run->places[run->n++] = i;
		}
		if (failed)
			return -ENOMEM;
	}
	return 0;
}

static int run_init(struct run *run)
{
	size_t n = run->batch->n_items;

	run->records = calloc(n, sizeof *run->records);
	run->places = calloc(n, sizeof *run->places);
	run->results = calloc(n, sizeof *run->results);
	run->unproven = calloc(n, sizeof *run->unproven);
	if (run->records == NULL || run->places == NULL || run->results == NULL ||
	    run->unproven == NULL || asprintf(&run->url, "%s/records", run->rest->base) < 0) {
		run->url = NULL;
		return -ENOMEM;
	}
	return run_fill(run);
}

static void run_release(struct run *run)
{
	free(run->records);
	free(run->places);
	free(run->results);
	free(run->unproven);
	free(run->url);
}

/* ---- one request ---- */

static int post(struct run *run, size_t from, size_t n, struct http_answer *a)
{
	struct rest *r = run->rest;
	struct writer w;
	int cause;

	writer_init(&w, r->format);
	records_write(&w, run->batch->node, run->records + from, n);
	cause = w.failed;
	if (cause == 0) {
		const struct link_body body = { w.bytes.data, w.bytes.size, r->gzip };

		cause = link_post(r->http, run->url, &body, a);
	}
	writer_release(&w);
	return cause;
}

static struct tesla_verdict *verdict_at(struct run *run, size_t i)
{
	return &run->verdicts[run->places[i]];
}

static void verdict_for_all(struct run *run, size_t from, size_t n, const struct tesla_verdict *v)
{
	for (size_t i = from; i < from + n; i++)
		*verdict_at(run, i) = *v;
}

static bool result_take(const struct answer_result *result, struct tesla_verdict *v)
{
	const char *reason = result->reason;

	if (result->delivery == TESLA_REJECT) {
		verdict_reject(v, -EPROTO, "%s", *reason ? reason : "the server gave no reason");
		return true;
	}
	v->delivery = result->delivery;
	if (v->delivery == TESLA_RETRY)
		(void)tesla_fail(&v->why, -EAGAIN, "the server says later%s%s", *reason ? ": " : "",
				 reason);
	return v->delivery != TESLA_RETRY;
}

/* One that is to come again ends the batch: later ones of its analyzer do not overtake it. */
static int answer_take(struct run *run, size_t from, size_t n, const struct http_answer *a)
{
	struct tesla_error why;
	int r = answer_parse(run->rest->format, a->body, a->len, run->results, n, &why);

	if (r == -ENOMEM)
		return r;
	if (r != 0) {
		struct tesla_verdict v = { .retry_ms = a->retry_after_ms };

		(void)tesla_fail(&v.why, r, "%.100s: a broken answer (%ld): %.80s", run->url,
				 a->status, why.text);
		verdict_for_all(run, from, n, &v);
		return STOP;
	}
	r = GO_ON;
	run->answered = true;
	for (size_t i = 0; i < n; i++) {
		struct tesla_verdict *v = verdict_at(run, from + i);

		if (!result_take(&run->results[i], v)) {
			v->retry_ms = a->retry_after_ms;
			r = STOP;
		}
	}
	return r;
}

/* ---- halves ---- */

/*
 * A page of markup is a proxy's, or a web server's that expects TLS, and speaks of no record; a 413
 * may have one all the same.
 */
static bool may_be_of_records(const struct http_answer *a)
{
	if (a->trouble != NULL)
		return false;
	if (a->status == 400 || a->status == 422)
		return a->len == 0 || a->body[0] != '<';
	return a->status == 413;
}

static bool is_answer(struct run *run, size_t n, const struct http_answer *a)
{
	const char *type =
		run->rest->format == FORMAT_JSON ? "application/json" : "application/msgpack";
	struct tesla_error why;

	if (a->trouble != NULL)
		return false;
	if (a->status == 200 || a->status == 201)
		return true;
	return may_be_of_records(a) && a->type != NULL &&
	       strncasecmp(a->type, type, strlen(type)) == 0 &&
	       answer_parse(run->rest->format, a->body, a->len, run->results, n, &why) == 0;
}

/* Alone it is known to be about this record only when the server is known to be the right one. */
static void alone(struct run *run, size_t at, const struct http_answer *a)
{
	verdict_of(a, run->url, true, &run->unproven[run->places[at]].reject);
	verdict_of(a, run->url, false, verdict_at(run, at));
}

static int range_send(struct run *run, size_t from, size_t n)
{
	struct tesla_verdict v;
	struct http_answer a;
	int r;

	if (!rest_has_time(run->rest, run->batch))
		return STOP;
	r = post(run, from, n, &a);
	if (r != 0)
		return r;
	if (is_answer(run, n, &a))
		return answer_take(run, from, n, &a);
	if (!may_be_of_records(&a)) {
		verdict_of(&a, run->url, false, &v);
		verdict_for_all(run, from, n, &v);
		return STOP;
	}
	if (n == 1) {
		alone(run, from, &a);
		return GO_ON;
	}
	r = range_send(run, from, n / 2);
	return r != GO_ON ? r : range_send(run, from + n / 2, n - n / 2);
}

int v1_deliver(struct rest *rest, const struct tesla_batch *batch, struct tesla_verdict *verdicts,
	       struct tesla_error *err)
{
	struct run run = { .rest = rest, .batch = batch, .verdicts = verdicts };
	int r = batch->n_items > 0 ? run_init(&run) : 0;

	if (r == 0 && run.n > 0)
		r = range_send(&run, 0, run.n);
	if (run.answered)
		verdicts_prove(run.unproven, batch->n_items, verdicts);
	run_release(&run);
	return r < 0 ? tesla_fail(err, r, "no memory") : 0;
}
