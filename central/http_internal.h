/* SPDX-License-Identifier: Apache-2.0 */
/* What http.c (connections), http_request.c and http_answer.c share. */
#ifndef CENTRAL_HTTP_INTERNAL_H
#define CENTRAL_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/web.h"
#include "central/http.h"

#define CONNECTION_MEMORY ((size_t)32 << 10) /* head of a request, and what is being sent */

struct connection {
	struct web_client client;
	struct http_tls_pair *certificate;
};

struct http {
	struct http_conf conf;
	struct web web;
	size_t n_connections, body_bytes;
	uint64_t counts[N_HTTP_COUNTS];
};

enum request_state {
	REQUEST_HEAD, /* its head is being looked at */
	REQUEST_BODY,
	REQUEST_WHOLE, /* handed over */
	REQUEST_HELD,
	REQUEST_ANSWERED
};

struct request {
	struct http *http;
	struct connection *connection;
	struct MHD_Connection *mhd;
	enum request_state state;
	char *target, *path_text, *method;
	struct request_path path;
	bool query_too_long; /* and was cut off */
	char peer[64];
	void *context;
	struct buf body;
	size_t body_counted;
	const char *packed; /* the Content-Encoding that is left to its handler; NULL: none */
	bool inflating;
	bool inflated; /* to the end */
	z_stream inflate;
	struct MHD_PostProcessor *form;
	struct form_field *fields;
	bool form_was_read;
	struct arena memory;
	/* the answer */
	struct MHD_Response *response;
	unsigned status;
	struct answer_header *headers;
	/* piece by piece */
	bool streams, suspended, ended, failed;
	struct stream stream;
	struct buf ready;
	size_t ready_at;
};

/* ---- http_request.c ---- */
struct request *request_new(struct http *h, struct MHD_Connection *mhd, const char *target);
void request_free(struct request *q);
/* What libmicrohttpd calls for the head, each piece of the body, and the end. */
enum MHD_Result request_on(struct request *q, const char *method, const char *data, size_t *len);

/* ---- http_answer.c ---- */
enum MHD_Result answer_queue(struct request *q);
void answer_release(struct request *q);

#endif
