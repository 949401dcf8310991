/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP by libmicrohttpd, driven by a libuv loop: connections with deadlines of our own, requests
 * that are whole when they are handed over, answers that are there at once, later, or piece by
 * piece.  Everything here belongs to the loop's thread.  Knows no path and no user.
 */
#ifndef CENTRAL_HTTP_H
#define CENTRAL_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/address.h"
#include "base/buf.h"

struct http;
struct request;
struct http_tls;

/* ---- what goes wrong with a client, counted ---- */
enum http_count {
	HTTP_REQUESTS,
	HTTP_CONNECTIONS,   /* accepted */
	HTTP_DEADLINES,	    /* connections cut, as a request, or taking an answer, took too long */
	HTTP_BODY_TOO_LONG, /* as it came, or unpacked */
	HTTP_BODIES_FULL,   /* refused, as all bodies together were too long */
	HTTP_GONE,	    /* clients that left before their answer was whole */
	N_HTTP_COUNTS
};
extern const char *const http_count_names[N_HTTP_COUNTS];

struct http_conf {
	size_t connections, connections_per_address;
	size_t body_max;      /* of one, as it comes and unpacked */
	size_t bodies_max;    /* of all that are there at a time */
	int64_t deadline_ms;  /* for a whole request, and for each step of taking an answer */
	struct http_tls *tls; /* NULL: in plain text */
	/*
	 * The head of a request is there: true lets its body come.  Else it was answered, and the
	 * body is not wanted.
	 */
	bool (*head)(void *arg, struct request *q);
	/* After `head` let it come: it is none that can be taken; answered in the call. */
	void (*refused)(void *arg, struct request *q, unsigned status, const char *sentence);
	/* It is whole: it is answered in the call, or later (request_hold). */
	void (*whole)(void *arg, struct request *q);
	/* It is over, however it ended: what `context` of it is may be freed. */
	void (*over)(void *arg, struct request *q);
	void *arg;
};

/* *err says what does not work with `where`. */
struct http *http_start(uv_loop_t *loop, const struct address *where, const struct http_conf *conf,
			struct tesla_error *err);
/* No new connections; what is held goes on. */
void http_quiesce(struct http *h);
/* Nothing may be held any more.  Connections are closed; freed when the loop is through with it. */
void http_stop(struct http *h);
uint64_t http_counted(const struct http *h, enum http_count which);
/* Now. */
size_t http_connections(const struct http *h);
size_t http_body_bytes(const struct http *h);

/* ---- a request ---- */

#define REQUEST_SEGMENTS_MAX 16

struct request_path {
	const char *segments[REQUEST_SEGMENTS_MAX]; /* between the slashes, decoded */
	size_t n;
	bool slash; /* one at the end */
	bool bad;   /* not decodable, or too many: no path that there could be */
};

const char *request_method(const struct request *q);
const struct request_path *request_path(const struct request *q);
const char *request_target(const struct request *q); /* as it came, for the log */
/* NULL: there is none (of two the first). */
const char *request_header(const struct request *q, const char *name);
/* The value of each header of that name. */
void request_header_each(const struct request *q, const char *name,
			 void (*each)(void *arg, const char *value), void *arg);
const char *request_query(const struct request *q, const char *name); /* decoded */
/* Each of the query, in order; decoded. */
void request_query_each(const struct request *q,
			void (*each)(void *arg, const char *name, const char *value), void *arg);
/* In `head`: a body of this Content-Encoding (a constant) is taken, too, and stays packed. */
void request_take_packed(struct request *q, const char *encoding);
/* Unpacked.  Belongs to the request; a handler may take it: the buf is empty then. */
struct buf *request_body(struct request *q);
/* The field of a form, decoded; NULL: there is none.  Good until the request is over. */
const char *request_form(struct request *q, const char *name);
const char *request_peer(const struct request *q); /* its address, as text */
const struct sockaddr *request_address(const struct request *q);
bool request_is_secure(const struct request *q); /* over TLS */
void *request_context(const struct request *q);
void request_set_context(struct request *q, void *context);

/* ---- its answer: one of these, once ---- */

/* It comes later.  Until then the connection costs nothing and cannot go away. */
void request_hold(struct request *q);
/* `body` is taken and empty then; type NULL: there is none. */
void request_answer(struct request *q, unsigned status, const char *type, struct buf *body);
/* A header of the answer; before it is given. */
void request_answer_header(struct request *q, const char *name, const char *value);

/* An answer that comes piece by piece. */
struct stream {
	/* The client has taken all: some more is wanted, now or later (stream_push, stream_end). */
	void (*want)(void *arg);
	/* The answer is over: it ended, or the client is gone.  Nothing may be pushed any more. */
	void (*gone)(void *arg);
	void *arg;
};
/* *stream is copied.  It may be silent for as long as it likes. */
void request_answer_stream(struct request *q, unsigned status, const char *type,
			   const struct stream *stream);
/* Moves the bytes of `piece`, which is empty then. */
void stream_push(struct request *q, struct buf *piece);
/* good false: the connection is cut, so that nobody takes it for whole. */
void stream_end(struct request *q, bool good);

#endif
