/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: who comes in, and how long it may take. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/http_internal.h"
#include "central/http_tls.h"

#define BACKLOG 511

const char *const http_count_names[N_HTTP_COUNTS] = {
	[HTTP_REQUESTS] = "requests",	    [HTTP_CONNECTIONS] = "connections",
	[HTTP_DEADLINES] = "deadlines",	    [HTTP_BODY_TOO_LONG] = "body_too_long",
	[HTTP_BODIES_FULL] = "bodies_full", [HTTP_GONE] = "gone",
};

/* ---- connections ---- */

static void on_connection(void *arg, struct MHD_Connection *mhd, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct connection *c = *socket_context;
	struct http *h = arg;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (c != NULL) {
			web_no_deadline(&h->web, &c->client);
			http_tls_leave(c->certificate);
			h->n_connections--;
		}
		free(c);
		*socket_context = NULL;
		return;
	}
	c = calloc(1, sizeof *c);
	*socket_context = c;
	if (c == NULL) { /* one without a deadline is none that we can have */
		(void)shutdown(info->connect_fd, SHUT_RDWR);
		return;
	}
	h->counts[HTTP_CONNECTIONS]++;
	h->n_connections++;
	c->client.fd = info->connect_fd;
	if (h->conf.tls != NULL)
		c->certificate = http_tls_use(h->conf.tls, mhd);
	web_deadline(&h->web, &c->client);
}

/* The first line of a request is there. */
static void *on_target(void *arg, const char *target, struct MHD_Connection *mhd)
{
	return request_new(arg, mhd, target);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *mhd, const char *url,
				  const char *method, const char *version, const char *body,
				  size_t *body_len, void **request)
{
	(void)arg, (void)mhd, (void)url, (void)version;
	if (*request == NULL)
		return MHD_NO; /* no memory */
	return request_on(*request, method, body, body_len);
}

/* The next request has its own time. */
static void on_completed(void *arg, struct MHD_Connection *mhd, void **request,
			 enum MHD_RequestTerminationCode code)
{
	struct request *q = *request;
	struct http *h = arg;

	(void)mhd;
	if (q == NULL)
		return;
	if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		web_deadline(&h->web, &q->connection->client);
	else
		h->counts[HTTP_GONE]++;
	request_free(q);
	*request = NULL;
}

/* ---- start and stop ---- */

/* The daemon takes the socket. */
static struct MHD_Daemon *daemon_new(struct http *h, int fd)
{
	struct MHD_OptionItem options[16] = {
		{ MHD_OPTION_LISTEN_SOCKET, fd, NULL },
		{ MHD_OPTION_CONNECTION_LIMIT, (intptr_t)h->conf.connections, NULL },
		{ MHD_OPTION_PER_IP_CONNECTION_LIMIT, (intptr_t)h->conf.connections_per_address,
		  NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL },
		{ MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
		{ MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, h },
		{ MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, h },
		{ MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_target, h },
		{ MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;

	if (h->conf.tls != NULL) {
		flags |= MHD_USE_TLS;
		http_tls_options(options, N_ELEMENTS(options));
	}
	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, h, MHD_OPTION_ARRAY, options,
				MHD_OPTION_END);
}

/* NULL: *err says why. */
static struct MHD_Daemon *daemon_start(struct http *h, const struct address *where,
				       struct tesla_error *err)
{
	int fd = web_listen(where, BACKLOG, err);
	struct MHD_Daemon *daemon = fd >= 0 ? daemon_new(h, fd) : NULL;

	if (fd >= 0 && daemon == NULL)
		(void)tesla_fail(err, -ENOMEM, "the web server does not start");
	return daemon;
}

struct http *http_start(uv_loop_t *loop, const struct address *where, const struct http_conf *conf,
			struct tesla_error *err)
{
	struct http *h = calloc(1, sizeof *h);
	struct MHD_Daemon *daemon;

	if (h == NULL) {
		(void)tesla_fail(err, -ENOMEM, "no memory for a web server");
		return NULL;
	}
	h->conf = *conf;
	daemon = daemon_start(h, where, err);
	if (daemon == NULL) {
		free(h);
		return NULL;
	}
	web_start(&h->web, loop, daemon, (uint64_t)conf->deadline_ms);
	return h;
}

void http_quiesce(struct http *h)
{
	int fd = MHD_quiesce_daemon(h->web.daemon);

	if (fd >= 0)
		(void)close(fd);
}

void http_stop(struct http *h)
{
	if (h != NULL)
		web_stop(&h->web, free, h);
}

uint64_t http_counted(const struct http *h, enum http_count which)
{
	return which == HTTP_DEADLINES ? h->web.n_cut : h->counts[which];
}

size_t http_connections(const struct http *h)
{
	return h->n_connections;
}

size_t http_body_bytes(const struct http *h)
{
	return h->body_bytes;
}
