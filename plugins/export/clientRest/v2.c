/* SPDX-License-Identifier: Apache-2.0 */
/* api="v2": the predecessor's POST, one record at a time. */
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "form.h"
#include "instant.h"
#include "rest.h"
#include "text.h"
#include "verdict.h"

static bool body_names(const struct http_answer *a, const char *text)
{
	return a->body != NULL && memmem(a->body, a->len, text, strlen(text)) != NULL;
}

/* The server's own words begin so; a page of a proxy, or of a server of another kind, does not. */
static bool body_begins(const struct http_answer *a, const char *text)
{
	size_t len = strlen(text);

	return a->body != NULL && a->len >= len && memcmp(a->body, text, len) == 0;
}

/*
 * 409: a record of this local time is there.  In the second pass of the hour that is repeated it
 * may be the first pass's, unless the server names the instant, as one does that heeds DATA_UTC; in
 * words of its own, for a page about an error may quote the request.  Before a record of the first
 * pass no other of its local time was sent, so it is that one.
 */
static void conflict(const struct tesla_item *record, const struct http_answer *a,
		     struct tesla_verdict *v)
{
	char utc[INSTANT_SIZE] = "";

	if (!instant_is_second_pass(record->t_ms) ||
	    (instant_utc(record->t_ms, utc) && body_begins(a, "#") && body_names(a, utc)))
		v->delivery = TESLA_DONE;
	else
		verdict_reject(v, -EEXIST,
			       "time not expressible in v2: the clock was put back, and the server "
			       "has a record of that local time (409); this one is of %s",
			       utc);
}

/* The server knows the path, but not node, analyzer and model together: it begins its word so. */
static bool is_unregistered(const struct http_answer *a)
{
	return a->status == 404 && body_begins(a, "#");
}

/* In the server's own words. */
static bool is_of_record(const struct http_answer *a)
{
	return a->status == 400 && (body_begins(a, "1#") || body_begins(a, "#"));
}

/* In anybody's. */
static bool may_be_of_record(const struct http_answer *a)
{
	return a->status == 413 || a->status == 422;
}

/* Somebody may register it: it waits, and the analyzer's later ones with it. */
static void unregistered(const struct http_answer *a, struct tesla_verdict *v)
{
	char line[81];

	text_line(line, sizeof line, a->body, a->len);
	*v = (struct tesla_verdict){ .retry_ms = 0 };
	(void)tesla_fail(&v->why, -ENOENT, "not registered at the server: answered 404: %s", line);
}

/* ---- one record ---- */

struct turn {
	struct rest *rest;
	const struct tesla_batch *batch;
	struct tesla_verdict *verdicts;
	struct unproven *unproven;
	bool answered; /* some record, as this server does */
};

enum { GO_ON, STOP }; /* or -ENOMEM */

static int url_make(const struct rest *r, const char *node, int64_t analyzer, char **url)
{
	char *part = curl_easy_escape(NULL, node, 0);
	int len = part ? asprintf(url, "%s/history/save/%s/%" PRId64 "/", r->base, part, analyzer)
		       : -1;

	curl_free(part);
	return len < 0 ? -ENOMEM : 0;
}

static int answer_take(struct turn *t, size_t i, const char *url, const struct http_answer *a)
{
	struct tesla_verdict *v = &t->verdicts[i];

	if (a->trouble == NULL && may_be_of_record(a)) {
		verdict_of(a, url, true, &t->unproven[i].reject);
		verdict_of(a, url, false, v);
		return GO_ON;
	}
	if (a->trouble == NULL && a->status == 201)
		v->delivery = TESLA_DONE;
	else if (a->trouble == NULL && a->status == 409)
		conflict(t->batch->items[i], a, v);
	else if (a->trouble == NULL && is_unregistered(a))
		unregistered(a, v);
	else if (a->trouble == NULL && is_of_record(a))
		verdict_of(a, url, true, v);
	else {
		verdict_of(a, url, false, v);
		return STOP;
	}
	t->answered = true;
	return GO_ON;
}

static int record_deliver(struct turn *t, size_t i)
{
	const struct tesla_item *record = t->batch->items[i];
	struct http_answer a;
	char *body, *url;
	int r = form_make(record, &body, &t->verdicts[i]);

	if (r != 0)
		return r == -ENOMEM ? r : GO_ON;
	r = url_make(t->rest, t->batch->node, record->analyzer, &url);
	if (r == 0) {
		http_post(t->rest->http, url, body, strlen(body), &a);
		r = answer_take(t, i, url, &a);
		free(url);
	}
	free(body);
	return r;
}

/* ---- a batch ---- */

/* An older one of its analyzer is to come again. */
static bool must_wait(const struct turn *t, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (t->verdicts[k].delivery == TESLA_RETRY &&
		    t->unproven[k].reject.delivery != TESLA_REJECT &&
		    t->batch->items[k]->analyzer == t->batch->items[i]->analyzer)
			return true;
	return false;
}

/*
 * The first that is to come again ends the batch, unless it is for what the server knows of that
 * analyzer: the order stays, and nobody is hammered.
 */
int v2_deliver(struct rest *rest, const struct tesla_batch *batch, struct tesla_verdict *verdicts,
	       struct tesla_error *err)
{
	struct turn t = { .rest = rest, .batch = batch, .verdicts = verdicts };
	int r = GO_ON;

	t.unproven = calloc(batch->n_items + 1, sizeof *t.unproven);
	if (t.unproven == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	for (size_t i = 0; i < batch->n_items && r == GO_ON && rest_has_time(rest, batch); i++)
		if (!must_wait(&t, i))
			r = record_deliver(&t, i);
	if (t.answered)
		verdicts_prove(t.unproven, batch->n_items, verdicts);
	free(t.unproven);
	return r < 0 ? tesla_fail(err, r, "no memory") : 0;
}
