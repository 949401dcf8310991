/* SPDX-License-Identifier: Apache-2.0 */
/* What http.c (connections), http_request.c and http_answer.c share. */
#ifndef CENTRAL_HTTP_INTERNAL_H
#define CENTRAL_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <sys/queue.h>
#include <zlib.h>

#include "base/arena.h"
#include "central/http.h"

/* What libmicrohttpd's own time-out is not: a client that sends a byte now and then is cut too. */
struct connection {
	TAILQ_ENTRY(connection) by_deadline;
	int fd;
	uint64_t until_ms;
	bool timed; /* in the list */
	bool cut;
	struct http_tls_pair *certificate;
};
TAILQ_HEAD(connections, connection);

struct http {
	struct http_conf conf;
	uv_loop_t *loop;
	struct MHD_Daemon *daemon;
	uv_poll_t poll;	     /* the daemon's own epoll */
	uv_timer_t again;    /* the daemon wants to run by then */
	uv_timer_t deadline; /* of the first of: */
	struct connections connections;
	size_t n_connections, body_bytes;
	unsigned open_handles;
	bool running; /* in MHD_run */
	bool rerun;   /* something was resumed */
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

void connection_deadline(struct http *h, struct connection *c); /* it begins now */
void connection_no_deadline(struct http *h, struct connection *c);
void connection_cut(struct http *h, struct connection *c);
/* The daemon has something to do that no socket tells. */
void http_run_again(struct http *h);

/* ---- http_request.c ---- */
struct request *request_new(struct http *h, struct MHD_Connection *mhd, const char *target);
void request_free(struct request *q);
/* What libmicrohttpd calls for the head, each piece of the body, and the end. */
enum MHD_Result request_on(struct request *q, const char *method, const char *data, size_t *len);

/* ---- http_answer.c ---- */
enum MHD_Result answer_queue(struct request *q);
void answer_release(struct request *q);
/* A line of text of our own. */
void answer_say(struct request *q, unsigned status, const char *line);

#endif
