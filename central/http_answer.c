/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: whole ones, later ones, and those that come piece by piece. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/http_internal.h"

struct answer_header {
	struct answer_header *next;
	const char *name, *value;
};

/* ---- whole ---- */

void request_answer_header(struct request *q, const char *name, const char *value)
{
	struct answer_header *h = arena_alloc(&q->memory, 1, sizeof *h);

	if (h == NULL)
		return;
	h->name = arena_strdup(&q->memory, name);
	h->value = arena_strdup(&q->memory, value);
	h->next = q->headers;
	q->headers = h;
}

static void answered(struct request *q, unsigned status, struct MHD_Response *r)
{
	bool held = q->state == REQUEST_HELD;

	assert(q->state != REQUEST_ANSWERED);
	q->response = r;
	q->status = status;
	q->state = REQUEST_ANSWERED;
	if (!held)
		return;
	web_deadline(&q->http->web, &q->connection->client);
	q->suspended = false;
	MHD_resume_connection(q->mhd);
	web_run_again(&q->http->web);
}

void request_answer(struct request *q, unsigned status, const char *type, struct buf *body)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(body->pub.len, body->pub.bytes,
								 MHD_RESPMEM_MUST_FREE);

	if (r == NULL)
		free(body->pub.bytes);
	else if (type != NULL)
		(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	body->pub.bytes = NULL;
	buf_release(body);
	answered(q, status, r);
}

void request_hold(struct request *q)
{
	assert(q->state == REQUEST_WHOLE);
	q->state = REQUEST_HELD;
	q->suspended = true;
	MHD_suspend_connection(q->mhd);
}

/* It goes to libmicrohttpd; where there is no memory, the connection is closed. */
enum MHD_Result answer_queue(struct request *q)
{
	enum MHD_Result r;

	if (q->response == NULL)
		return MHD_NO;
	for (const struct answer_header *h = q->headers; h != NULL; h = h->next)
		if (h->name != NULL && h->value != NULL)
			(void)MHD_add_response_header(q->response, h->name, h->value);
	web_deadline(&q->http->web, &q->connection->client);
	r = MHD_queue_response(q->mhd, q->status, q->response);
	MHD_destroy_response(q->response);
	q->response = NULL;
	return r;
}

/* ---- piece by piece ---- */

static void suspend(struct request *q)
{
	q->suspended = true;
	web_no_deadline(&q->http->web, &q->connection->client);
	MHD_suspend_connection(q->mhd);
}

static void resume(struct request *q)
{
	if (!q->suspended)
		return;
	q->suspended = false;
	web_deadline(&q->http->web, &q->connection->client);
	MHD_resume_connection(q->mhd);
	web_run_again(&q->http->web);
}

static ssize_t give(struct request *q, char *out, size_t max)
{
	size_t left = q->ready.pub.len - q->ready_at, n = left < max ? left : max;

	memcpy(out, q->ready.pub.bytes + q->ready_at, n);
	q->ready_at += n;
	if (q->ready_at == q->ready.pub.len) {
		buf_clear(&q->ready);
		q->ready_at = 0;
	}
	web_deadline(&q->http->web, &q->connection->client);
	return (ssize_t)n;
}

/* libmicrohttpd has sent what it had. */
static ssize_t on_want(void *arg, uint64_t at, char *out, size_t max)
{
	struct request *q = arg;

	(void)at;
	if (q->ready_at < q->ready.pub.len)
		return give(q, out, max);
	if (!q->ended)
		q->stream.want(q->stream.arg);
	if (q->ready_at < q->ready.pub.len)
		return give(q, out, max);
	if (q->ended)
		return q->failed ? MHD_CONTENT_READER_END_WITH_ERROR
				 : MHD_CONTENT_READER_END_OF_STREAM;
	suspend(q);
	return 0;
}

void request_answer_stream(struct request *q, unsigned status, const char *type,
			   const struct stream *stream)
{
	struct MHD_Response *r = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, (size_t)16 << 10, on_want, q, NULL);

	q->stream = *stream;
	q->streams = true;
	if (r != NULL)
		(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	answered(q, status, r);
}

void stream_push(struct request *q, struct buf *piece)
{
	if (q->ready.pub.len == 0) {
		buf_release(&q->ready);
		q->ready = *piece;
		q->ready_at = 0;
		buf_init(piece, piece->max);
	} else if (buf_append(&q->ready, piece->pub.bytes, piece->pub.len) != 0) {
		stream_end(q, false);
	}
	buf_release(piece);
	resume(q);
}

void stream_end(struct request *q, bool good)
{
	q->ended = true;
	q->failed = !good;
	resume(q);
}

void answer_release(struct request *q)
{
	if (q->streams)
		q->stream.gone(q->stream.arg);
	if (q->response != NULL)
		MHD_destroy_response(q->response);
	buf_release(&q->ready);
}
