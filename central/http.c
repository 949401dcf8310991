/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: who comes in, how long it may take, and libmicrohttpd within a libuv loop. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/http_internal.h"
#include "central/http_tls.h"

#define BACKLOG 511
#define N_HANDLES 3
#define CONNECTION_MEMORY ((size_t)32 << 10) /* head of a request, and what is being sent */

const char *const http_count_names[N_HTTP_COUNTS] = {
	[HTTP_REQUESTS] = "requests",	    [HTTP_CONNECTIONS] = "connections",
	[HTTP_DEADLINES] = "deadlines",	    [HTTP_BODY_TOO_LONG] = "body_too_long",
	[HTTP_BODIES_FULL] = "bodies_full", [HTTP_GONE] = "gone",
};

static uint64_t now_ms(const struct http *h)
{
	return uv_now(h->loop);
}

/* ---- deadlines ---- */

static void on_deadline(uv_timer_t *timer);

static void deadline_arm(struct http *h)
{
	const struct connection *first = TAILQ_FIRST(&h->connections);
	uint64_t now = now_ms(h);

	if (first == NULL)
		(void)uv_timer_stop(&h->deadline);
	else
		(void)uv_timer_start(&h->deadline, on_deadline,
				     first->until_ms > now ? first->until_ms - now : 0, 0);
}

void connection_no_deadline(struct http *h, struct connection *c)
{
	if (!c->timed)
		return;
	TAILQ_REMOVE(&h->connections, c, by_deadline);
	c->timed = false;
}

/* All have the same time, so the list stays sorted.  The timer may ring early: no harm. */
void connection_deadline(struct http *h, struct connection *c)
{
	connection_no_deadline(h, c);
	if (c->cut)
		return;
	c->until_ms = now_ms(h) + (uint64_t)h->conf.deadline_ms;
	TAILQ_INSERT_TAIL(&h->connections, c, by_deadline);
	c->timed = true;
	if (TAILQ_FIRST(&h->connections) == c)
		deadline_arm(h);
}

/* The daemon sees that it is shut down, and closes it. */
void connection_cut(struct http *h, struct connection *c)
{
	connection_no_deadline(h, c);
	c->cut = true;
	(void)shutdown(c->fd, SHUT_RDWR);
}

static void on_deadline(uv_timer_t *timer)
{
	struct http *h = timer->data;
	struct connection *c = TAILQ_FIRST(&h->connections);

	while (c != NULL && c->until_ms <= now_ms(h)) {
		h->counts[HTTP_DEADLINES]++;
		connection_cut(h, c);
		c = TAILQ_FIRST(&h->connections);
	}
	deadline_arm(h);
}

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
			connection_no_deadline(h, c);
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
	c->fd = info->connect_fd;
	if (h->conf.tls != NULL)
		c->certificate = http_tls_use(h->conf.tls, mhd);
	connection_deadline(h, c);
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
		connection_deadline(h, q->connection);
	else
		h->counts[HTTP_GONE]++;
	request_free(q);
	*request = NULL;
}

/* ---- the loop ---- */

static void run(struct http *h);

static void on_again(uv_timer_t *timer)
{
	run(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	run(poll->data);
}

static void run(struct http *h)
{
	MHD_UNSIGNED_LONG_LONG ms;

	h->running = true;
	h->rerun = false;
	(void)MHD_run(h->daemon);
	h->running = false;
	if (h->rerun)
		(void)uv_timer_start(&h->again, on_again, 0, 0);
	else if (MHD_get_timeout(h->daemon, &ms) == MHD_YES)
		(void)uv_timer_start(&h->again, on_again, ms, 0);
	else
		(void)uv_timer_stop(&h->again);
}

void http_run_again(struct http *h)
{
	h->rerun = true;
	if (!h->running)
		(void)uv_timer_start(&h->again, on_again, 0, 0);
}

/* ---- start and stop ---- */

static void on_closed(uv_handle_t *handle)
{
	struct http *h = handle->data;

	if (--h->open_handles == 0)
		free(h);
}

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

static int daemon_start(struct http *h, const struct address *where, struct tesla_error *err)
{
	int fd = address_listen(where, BACKLOG);

	if (fd < 0)
		return tesla_fail(err, fd, "%s", strerror(-fd));
	h->daemon = daemon_new(h, fd);
	return h->daemon ? 0 : tesla_fail(err, -ENOMEM, "the web server does not start");
}

struct http *http_start(uv_loop_t *loop, const struct address *where, const struct http_conf *conf,
			struct tesla_error *err)
{
	struct http *h = calloc(1, sizeof *h);

	if (h == NULL) {
		(void)tesla_fail(err, -ENOMEM, "no memory for a web server");
		return NULL;
	}
	h->conf = *conf;
	h->loop = loop;
	TAILQ_INIT(&h->connections);
	if (daemon_start(h, where, err) != 0) {
		free(h);
		return NULL;
	}
	(void)uv_poll_init(loop, &h->poll,
			   MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	(void)uv_timer_init(loop, &h->again);
	(void)uv_timer_init(loop, &h->deadline);
	h->poll.data = h->again.data = h->deadline.data = h;
	h->open_handles = N_HANDLES;
	(void)uv_poll_start(&h->poll, UV_READABLE, on_poll);
	run(h);
	return h;
}

void http_quiesce(struct http *h)
{
	int fd = MHD_quiesce_daemon(h->daemon);

	if (fd >= 0)
		(void)close(fd);
}

void http_stop(struct http *h)
{
	if (h == NULL)
		return;
	/* The loop lets go of the daemon's descriptor before that is closed. */
	(void)uv_poll_stop(&h->poll);
	MHD_stop_daemon(h->daemon);
	assert(TAILQ_EMPTY(&h->connections));
	uv_close((uv_handle_t *)&h->poll, on_closed);
	uv_close((uv_handle_t *)&h->again, on_closed);
	uv_close((uv_handle_t *)&h->deadline, on_closed);
}

uint64_t http_counted(const struct http *h, enum http_count which)
{
	return h->counts[which];
}

size_t http_connections(const struct http *h)
{
	return h->n_connections;
}

size_t http_body_bytes(const struct http *h)
{
	return h->body_bytes;
}
