/* SPDX-License-Identifier: Apache-2.0 */
/* clientRest on the wire: a peer that answers as a row says, an exporter, and a batch. */
#ifndef T_REST_RIG_H
#define T_REST_RIG_H

#include "rest_fixture.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define REQUEST_MAX 65536
#define REPLIES 4
#define BATCH_MAX 200

/* ---- the peer ---- */

struct reply {
	const char *bytes; /* NULL: silence until the other side leaves */
	bool hangup;	   /* afterwards */
};

struct peer {
	int listener;
	unsigned port;
	pthread_t thread;
	struct reply replies[REPLIES]; /* the last again and again */
	size_t n_requests, n_connections;
	char request[REQUEST_MAX]; /* the last one */
};

static inline bool request_is_whole(const char *request, size_t len)
{
	const char *length = strcasestr(request, "\r\nContent-Length: "),
		   *body = strstr(request, "\r\n\r\n");

	if (body != NULL && strncmp(request, "CONNECT ", 8) == 0)
		return true;
	return length != NULL && body != NULL &&
	       len >= (size_t)(body + 4 - request) + strtoul(length + 18, NULL, 10);
}

static inline bool request_read(struct peer *p, int fd)
{
	size_t len = 0;

	while (len < REQUEST_MAX - 1) {
		ssize_t n = recv(fd, p->request + len, REQUEST_MAX - 1 - len, 0);

		if (n <= 0)
			return false;
		len += (size_t)n;
		p->request[len] = '\0';
		if (request_is_whole(p->request, len))
			return true;
	}
	return false;
}

static inline void peer_serve(struct peer *p, int fd)
{
	while (request_read(p, fd)) {
		const struct reply *r =
			&p->replies[p->n_requests < REPLIES ? p->n_requests : REPLIES - 1];
		char rest[16];

		p->n_requests++;
		if (r->bytes == NULL) {
			(void)!recv(fd, rest, sizeof rest, 0);
			return;
		}
		(void)!send(fd, r->bytes, strlen(r->bytes), MSG_NOSIGNAL);
		if (r->hangup)
			return;
	}
}

static inline void *peer_run(void *arg)
{
	struct peer *p = arg;
	int fd;

	while ((fd = accept(p->listener, NULL, NULL)) >= 0) {
		p->n_connections++;
		peer_serve(p, fd);
		(void)close(fd);
	}
	return NULL;
}

static inline void peer_start(struct peer *p, const struct reply *replies, size_t n)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;

	*p = (struct peer){ .listener = socket(AF_INET, SOCK_STREAM, 0) };
	for (size_t i = 0; i < REPLIES; i++)
		p->replies[i] = replies[i < n ? i : n - 1];
	cr_assert_eq(bind(p->listener, (struct sockaddr *)&a, sizeof a), 0);
	cr_assert_eq(listen(p->listener, 8), 0);
	cr_assert_eq(getsockname(p->listener, (struct sockaddr *)&a, &len), 0);
	p->port = ntohs(a.sin_port);
	cr_assert_eq(pthread_create(&p->thread, NULL, peer_run, p), 0);
}

/* After the exporter is closed. */
static inline void peer_stop(struct peer *p)
{
	(void)shutdown(p->listener, SHUT_RDWR);
	(void)pthread_join(p->thread, NULL);
	(void)close(p->listener);
}

/* ---- an exporter, and a batch ---- */

static int n_warnings; /* of this test's process */

static inline void host_log(const struct tesla_host *host, int level, const char *fmt, ...)
{
	(void)host, (void)fmt;
	n_warnings += level == 4;
}

static inline int64_t host_now(const struct tesla_host *host)
{
	(void)host;
	return clock_mono_us();
}

static const struct tesla_host host = { .size = sizeof host, .log = host_log, .now_us = host_now };

struct rig {
	void *self;
	char target[128];
	struct made_record records[BATCH_MAX];
	const struct tesla_item *list[BATCH_MAX];
	struct tesla_batch batch;
	struct tesla_verdict verdicts[BATCH_MAX];
};

static inline void rig_open_at(struct rig *r, const char *scheme, const char *host_name,
			       unsigned port, const struct setting *settings, size_t n)
{
	struct tesla_error err = { 0 };
	struct setting all[8] = { { "target", r->target } };
	struct conf conf;

	(void)snprintf(r->target, sizeof r->target, "%s://%s:%u/ws/v2/", scheme, host_name, port);
	for (size_t i = 0; i < n; i++)
		all[i + 1] = settings[i];
	conf_make(&conf, all, n + 1);
	cr_assert_eq(tesla_plugin.exporter->open(&conf, &host, &r->self, &err), 0, "%s", err.text);
	r->batch = (struct tesla_batch){ .size = sizeof r->batch, .node = "4", .items = r->list };
}

static inline void rig_open(struct rig *r, const char *scheme, unsigned port,
			    const struct setting *settings, size_t n)
{
	rig_open_at(r, scheme, "localhost", port, settings, n);
}

/* Records of one analyzer, a quarter of an hour apart. */
static inline void rig_fill(struct rig *r, size_t n, int64_t first_end_ms)
{
	cr_assert_leq(n, BATCH_MAX);
	for (size_t i = 0; i < n; i++) {
		record_make(&r->records[i], plain_rows, 1);
		r->records[i].item.t_ms = first_end_ms + (int64_t)i * QUARTER_MS;
		r->records[i].item.start_ms = r->records[i].item.t_ms - QUARTER_MS;
		r->list[i] = &r->records[i].item;
	}
	r->batch.n_items = n;
}

static inline void rig_deliver(struct rig *r)
{
	struct tesla_error err = { 0 };

	memset(r->verdicts, 0, sizeof r->verdicts);
	cr_expect_eq(tesla_plugin.exporter->deliver(r->self, &r->batch, r->verdicts, &err), 0, "%s",
		     err.text);
}

static inline void rig_close(struct rig *r)
{
	tesla_plugin.exporter->close(r->self);
}

static inline size_t rig_count(const struct rig *r, enum tesla_delivery d)
{
	size_t n = 0;

	for (size_t i = 0; i < r->batch.n_items; i++)
		n += r->verdicts[i].delivery == d;
	return n;
}

/* ---- settings and answers that more than one program has ---- */

static const struct setting v1_json[] = { { "api", "v1" }, { "format", "json" }, { "gzip", "no" } };

#define HTTP(STATUS, BODY_LEN, BODY) \
	"HTTP/1.1 " STATUS "\r\nContent-Length: " BODY_LEN "\r\n\r\n" BODY

#endif
