/* SPDX-License-Identifier: Apache-2.0 */
/* A request, from its first line until it is whole; what its owner may ask of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/http_internal.h"

#define FORM_BUFFER 1024u
#define FORM_FIELDS_MAX 64u
#define GZIP_WINDOW (15 + 16) /* zlib: gzip and nothing else */
#define PIECE ((size_t)64 << 10)
/* The target, with what libmicrohttpd takes for each argument; the rest is for headers. */
#define ARGUMENT_MEMORY 64u
#define TARGET_MEMORY (CONNECTION_MEMORY - ((size_t)6 << 10))

struct form_field {
	struct form_field *next;
	const char *name;
	char *value;
	size_t len, cap;
};

/* ---- the path ---- */

/* In place; false: %00, or a % without two digits. */
static bool decode_segment(char *text)
{
	for (const char *p = strchr(text, '%'); p != NULL; p = strchr(p + 1, '%'))
		if (strspn(p + 1, "0123456789abcdefABCDEF") < 2 || (p[1] == '0' && p[2] == '0'))
			return false;
	(void)MHD_http_unescape(text);
	return true;
}

/* Behind http://HOST, which proxies are sent and may hand on (RFC 9112, 3.2.2). */
static char *skip_origin(char *target)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < N_ELEMENTS(schemes); i++) {
		size_t len = strlen(schemes[i]);

		if (strncasecmp(target, schemes[i], len) == 0)
			return target + len + strcspn(target + len, "/");
	}
	return target;
}

/* What is between slashes is taken apart before it is decoded: a %2F is no slash. */
static void split_path(struct request *q)
{
	struct request_path *p = &q->path;
	char *text = q->path_text, *begin, *segment;

	text[strcspn(text, "?#")] = '\0';
	begin = text = skip_origin(text);
	p->bad = text[0] != '/';
	p->slash = text[0] != '\0' && text[strlen(text) - 1] == '/';
	while (!p->bad && (segment = strsep(&text, "/")) != NULL) {
		if (segment == begin || (text == NULL && *segment == '\0'))
			continue; /* before the first slash, behind the last */
		p->bad = p->n == REQUEST_SEGMENTS_MAX || !decode_segment(segment);
		if (!p->bad)
			p->segments[p->n++] = segment;
	}
}

/*
 * libmicrohttpd closes the connection without an answer when there are more arguments than it has
 * memory for.  It has not looked at them yet, and `target` is its buffer, which it writes to: they
 * are taken away, and the request is refused.
 */
static bool cut_query(const char *target)
{
	const char *query = strchr(target, '?');
	size_t takes = strlen(target);

	for (const char *p = query; p != NULL; p = strchr(p + 1, '&'))
		takes += ARGUMENT_MEMORY;
	if (query == NULL || takes <= TARGET_MEMORY)
		return false;
	*(char *)(uintptr_t)(query + 1) = '\0';
	return true;
}

/* ---- new and over ---- */

static void address_text(struct request *q)
{
	const struct sockaddr *a = request_address(q);
	const void *bytes = a->sa_family == AF_INET6
				    ? (const void *)&((const struct sockaddr_in6 *)a)->sin6_addr
				    : (const void *)&((const struct sockaddr_in *)a)->sin_addr;

	if (inet_ntop(a->sa_family, bytes, q->peer, sizeof q->peer) == NULL)
		(void)snprintf(q->peer, sizeof q->peer, "?");
}

struct request *request_new(struct http *h, struct MHD_Connection *mhd, const char *target)
{
	struct request *q = calloc(1, sizeof *q);

	if (q == NULL)
		return NULL;
	q->http = h;
	q->mhd = mhd;
	q->connection =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	q->target = strdup(target);
	q->path_text = strdup(target);
	buf_init(&q->body, h->conf.body_max);
	buf_init(&q->ready, SIZE_MAX / 2);
	if (q->connection == NULL || q->target == NULL || q->path_text == NULL) {
		request_free(q);
		return NULL;
	}
	split_path(q);
	q->query_too_long = cut_query(target);
	address_text(q);
	h->counts[HTTP_REQUESTS]++;
	web_deadline(&h->web, &q->connection->client);
	return q;
}

static void body_count(struct request *q, size_t len)
{
	q->http->body_bytes += len - q->body_counted;
	q->body_counted = len;
}

void request_free(struct request *q)
{
	struct http *h = q->http;

	answer_release(q);
	if (q->connection != NULL && h->conf.over != NULL && q->state != REQUEST_HEAD)
		h->conf.over(h->conf.arg, q);
	for (struct form_field *f = q->fields; f != NULL; f = f->next)
		free(f->value);
	if (q->form != NULL)
		(void)MHD_destroy_post_processor(q->form);
	if (q->inflating)
		(void)inflateEnd(&q->inflate);
	body_count(q, 0);
	buf_release(&q->body);
	arena_release(&q->memory);
	free(q->method);
	free(q->target);
	free(q->path_text);
	free(q);
}

/* ---- its body ---- */

/* What of the body is still to come is read and dropped: libmicrohttpd answers behind it. */
static enum MHD_Result refuse(struct request *q, unsigned status, const char *sentence)
{
	buf_release(&q->body);
	body_count(q, 0);
	q->http->conf.refused(q->http->conf.arg, q, status, sentence);
	return MHD_YES;
}

static enum MHD_Result too_long(struct request *q)
{
	char line[80];

	q->http->counts[HTTP_BODY_TOO_LONG]++;
	(void)snprintf(line, sizeof line, "a body has at most %zu bytes, unpacked, too",
		       q->http->conf.body_max);
	return refuse(q, MHD_HTTP_CONTENT_TOO_LARGE, line);
}

/* All bodies together. */
static bool has_room(struct request *q, size_t more)
{
	if (q->http->body_bytes + more <= q->http->conf.bodies_max)
		return true;
	q->http->counts[HTTP_BODIES_FULL]++;
	request_answer_header(q, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	return false;
}

/* -EBADMSG: not gzip; -EMSGSIZE; -ENOBUFS: there are too many bytes of all bodies. */
static int unpack(struct request *q, const char *data, size_t len)
{
	q->inflate.next_in = (Bytef *)(uintptr_t)data;
	q->inflate.avail_in = (uInt)len;
	while (q->inflate.avail_in > 0 && !q->inflated) {
		size_t left = q->http->conf.body_max - q->body.pub.len, room;
		uint8_t *at;
		int r;

		room = left < PIECE ? left : PIECE;
		if (room == 0)
			return -EMSGSIZE;
		if (!has_room(q, room))
			return -ENOBUFS;
		at = buf_reserve(&q->body, room);
		if (at == NULL)
			return -ENOMEM;
		q->inflate.next_out = at;
		q->inflate.avail_out = (uInt)room;
		r = inflate(&q->inflate, Z_NO_FLUSH);
		if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
			return -EBADMSG;
		buf_advance(&q->body, room - q->inflate.avail_out);
		body_count(q, q->body.pub.len);
		q->inflated = r == Z_STREAM_END;
	}
	return q->inflate.avail_in > 0 ? -EBADMSG : 0;
}

static int take(struct request *q, const char *data, size_t len)
{
	int r;

	if (q->inflating)
		return unpack(q, data, len);
	if (!has_room(q, len))
		return -ENOBUFS;
	r = buf_append(&q->body, data, len);
	body_count(q, q->body.pub.len);
	return r;
}

static enum MHD_Result on_data(struct request *q, const char *data, size_t *len)
{
	int r = take(q, data, *len);

	*len = 0;
	switch (r) {
	case 0:
		return MHD_YES;
	case -EMSGSIZE:
		return too_long(q);
	case -EBADMSG:
		return refuse(q, MHD_HTTP_BAD_REQUEST, "the body is not gzip, as its head says");
	default:
		return refuse(q, MHD_HTTP_SERVICE_UNAVAILABLE, "too much is being sent at once");
	}
}

/* ---- its steps ---- */

/* False: it cannot be unpacked. */
static bool begin_body(struct request *q)
{
	const char *encoding = request_header(q, MHD_HTTP_HEADER_CONTENT_ENCODING);

	if (encoding == NULL || strcasecmp(encoding, "identity") == 0 ||
	    (q->packed != NULL && strcasecmp(encoding, q->packed) == 0))
		return true;
	if (strcasecmp(encoding, "gzip") != 0)
		return false;
	q->inflating = inflateInit2(&q->inflate, GZIP_WINDOW) == Z_OK;
	return q->inflating;
}

static void wrong_packer(struct request *q)
{
	char line[80];

	(void)snprintf(line, sizeof line, "Content-Encoding: expected %s%sgzip, or none",
		       q->packed != NULL ? q->packed : "", q->packed != NULL ? ", " : "");
	(void)refuse(q, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, line);
}

static enum MHD_Result on_head(struct request *q, const char *method)
{
	const char *length = request_header(q, MHD_HTTP_HEADER_CONTENT_LENGTH);
	struct http *h = q->http;

	q->method = strdup(method);
	if (q->method == NULL)
		return MHD_NO;
	q->state = REQUEST_BODY;
	if (h->conf.head != NULL && !h->conf.head(h->conf.arg, q))
		return answer_queue(q);
	if (q->query_too_long)
		(void)refuse(q, MHD_HTTP_URI_TOO_LONG,
			     "the query has too many arguments: a few hundred are the most");
	else if (strstr(q->target, "%00") != NULL) /* where a text would end for us, unseen */
		(void)refuse(q, MHD_HTTP_BAD_REQUEST, "there is a %00 in the address");
	/* libmicrohttpd has looked at it. */
	else if (length != NULL && strtoumax(length, NULL, 10) > h->conf.body_max)
		(void)too_long(q);
	else if (!begin_body(q))
		wrong_packer(q);
	return q->state == REQUEST_ANSWERED ? answer_queue(q) : MHD_YES;
}

static enum MHD_Result on_whole(struct request *q)
{
	if (q->inflating && !q->inflated) {
		(void)refuse(q, MHD_HTTP_BAD_REQUEST, "the body is cut short: no whole gzip");
		return answer_queue(q);
	}
	q->state = REQUEST_WHOLE;
	web_no_deadline(&q->http->web, &q->connection->client);
	q->http->conf.whole(q->http->conf.arg, q);
	if (q->state == REQUEST_ANSWERED)
		return answer_queue(q);
	return q->state == REQUEST_HELD ? MHD_YES : MHD_NO;
}

enum MHD_Result request_on(struct request *q, const char *method, const char *data, size_t *len)
{
	switch (q->state) {
	case REQUEST_HEAD:
		return on_head(q, method);
	case REQUEST_BODY:
		return *len > 0 ? on_data(q, data, len) : on_whole(q);
	case REQUEST_ANSWERED: /* it was held, or refused */
		if (*len == 0)
			return answer_queue(q);
		*len = 0;
		return MHD_YES;
	default:
		return MHD_NO;
	}
}

/* ---- what may be asked ---- */

const char *request_method(const struct request *q)
{
	return q->method;
}

const struct request_path *request_path(const struct request *q)
{
	return &q->path;
}

const char *request_target(const struct request *q)
{
	return q->target;
}

const char *request_header(const struct request *q, const char *name)
{
	return MHD_lookup_connection_value(q->mhd, MHD_HEADER_KIND, name);
}

struct header_each {
	const char *name;
	void (*each)(void *arg, const char *value);
	void *arg;
};

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name,
				 const char *value)
{
	const struct header_each *e = arg;

	(void)kind;
	if (strcasecmp(name, e->name) == 0)
		e->each(e->arg, value != NULL ? value : "");
	return MHD_YES;
}

void request_header_each(const struct request *q, const char *name,
			 void (*each)(void *arg, const char *value), void *arg)
{
	struct header_each e = { name, each, arg };

	(void)MHD_get_connection_values(q->mhd, MHD_HEADER_KIND, on_header, &e);
}

const char *request_query(const struct request *q, const char *name)
{
	return MHD_lookup_connection_value(q->mhd, MHD_GET_ARGUMENT_KIND, name);
}

struct query_each {
	void (*each)(void *arg, const char *name, const char *value);
	void *arg;
};

static enum MHD_Result on_query(void *arg, enum MHD_ValueKind kind, const char *name,
				const char *value)
{
	const struct query_each *e = arg;

	(void)kind;
	e->each(e->arg, name, value != NULL ? value : "");
	return MHD_YES;
}

void request_query_each(const struct request *q,
			void (*each)(void *arg, const char *name, const char *value), void *arg)
{
	struct query_each e = { each, arg };

	(void)MHD_get_connection_values(q->mhd, MHD_GET_ARGUMENT_KIND, on_query, &e);
}

void request_take_packed(struct request *q, const char *encoding)
{
	q->packed = encoding;
}

struct buf *request_body(struct request *q)
{
	return &q->body;
}

const char *request_peer(const struct request *q)
{
	return q->peer;
}

const struct sockaddr *request_address(const struct request *q)
{
	return MHD_get_connection_info(q->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
}

bool request_is_secure(const struct request *q)
{
	return q->http->conf.tls != NULL;
}

void *request_context(const struct request *q)
{
	return q->context;
}

void request_set_context(struct request *q, void *context)
{
	q->context = context;
}

/* ---- forms ---- */

static struct form_field *field_of(struct request *q, const char *name, bool make)
{
	struct form_field *f = q->fields;
	size_t n = 0;

	for (; f != NULL && strcmp(f->name, name) != 0; f = f->next)
		n++;
	if (f != NULL || !make || n >= FORM_FIELDS_MAX)
		return f;
	f = arena_alloc(&q->memory, 1, sizeof *f);
	if (f == NULL)
		return NULL;
	f->name = arena_strdup(&q->memory, name);
	if (f->name == NULL)
		return NULL;
	f->next = q->fields;
	q->fields = f;
	return f;
}

/* A piece of a value: long ones come in several. */
static enum MHD_Result on_field(void *arg, enum MHD_ValueKind kind, const char *key,
				const char *filename, const char *type, const char *encoding,
				const char *data, uint64_t off, size_t size)
{
	struct form_field *f;

	(void)kind, (void)filename, (void)type, (void)encoding;
	if (key == NULL) /* a part of a multipart body without a name */
		return MHD_YES;
	f = field_of(arg, key, true);
	if (f == NULL)
		return MHD_NO;
	if (off != f->len) /* a second field of that name: the first counts */
		return MHD_YES;
	if (f->len + size + 1 > f->cap) {
		size_t cap = 2 * (f->len + size + 1);
		char *more = realloc(f->value, cap);

		if (more == NULL)
			return MHD_NO;
		f->value = more;
		f->cap = cap;
	}
	memcpy(f->value + f->len, data, size);
	f->len += size;
	f->value[f->len] = '\0';
	return MHD_YES;
}

static void form_read(struct request *q)
{
	q->form = MHD_create_post_processor(q->mhd, FORM_BUFFER, on_field, q);
	if (q->form == NULL) /* another type of body */
		return;
	(void)MHD_post_process(q->form, (const char *)q->body.pub.bytes, q->body.pub.len);
	(void)MHD_destroy_post_processor(q->form); /* with what was not ended yet */
	q->form = NULL;
}

const char *request_form(struct request *q, const char *name)
{
	const struct form_field *f;

	if (!q->form_was_read)
		form_read(q);
	q->form_was_read = true;
	f = field_of(q, name, false);
	return f != NULL ? f->value : NULL;
}
