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

static bool is_of_record(const struct http_answer *a)
{
	if (a->status == 400)
		return body_begins(a, "1#") || body_begins(a, "#");
	return a->status == 413 || a->status == 422;
}

static void unregistered(const struct http_answer *a, struct tesla_verdict *v)
{
	char line[81];

	text_line(line, sizeof line, a->body, a->len);
	verdict_reject(v, -ENOENT, "not registered at the server: answered 404: %s", line);
}

static int url_make(const struct rest *r, const char *node, int64_t analyzer, char **url)
{
	char *part = curl_easy_escape(NULL, node, 0);
	int len = part ? asprintf(url, "%s/history/save/%s/%" PRId64 "/", r->base, part, analyzer)
		       : -1;

	curl_free(part);
	return len < 0 ? -ENOMEM : 0;
}

static int post(struct rest *r, const char *node, const struct tesla_item *record, const char *body,
		struct tesla_verdict *v)
{
	struct http_answer a;
	char *url;

	if (url_make(r, node, record->analyzer, &url) != 0)
		return -ENOMEM;
	http_post(r->http, url, body, strlen(body), &a);
	if (a.trouble == NULL && a.status == 201)
		v->delivery = TESLA_DONE;
	else if (a.trouble == NULL && a.status == 409)
		conflict(record, &a, v);
	else if (a.trouble == NULL && is_unregistered(&a))
		unregistered(&a, v);
	else
		verdict_of(&a, url, is_of_record(&a), v);
	free(url);
	return 0;
}

static int record_deliver(struct rest *r, const char *node, const struct tesla_item *item,
			  struct tesla_verdict *v)
{
	char *body;
	int cause = form_make(item, &body, v);

	if (cause != 0)
		return cause == -ENOMEM ? cause : 0;
	cause = post(r, node, item, body, v);
	free(body);
	return cause;
}

/* The first that is to come again ends the batch: the order stays, and nobody is hammered. */
int v2_deliver(struct rest *r, const struct tesla_batch *batch, struct tesla_verdict *verdicts,
	       struct tesla_error *err)
{
	for (size_t i = 0; i < batch->n_items && rest_has_time(r, batch); i++) {
		if (record_deliver(r, batch->node, batch->items[i], &verdicts[i]) != 0)
			return tesla_fail(err, -ENOMEM, "no memory");
		if (verdicts[i].delivery == TESLA_RETRY || verdicts[i].delivery == TESLA_REFUSED)
			return 0;
	}
	return 0;
}
