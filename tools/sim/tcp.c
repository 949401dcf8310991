/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a line on TCP. */
#include "sim/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "sim/bus.h"
#include "sim/text.h"

#define BACKLOG 4096
#define UNSENT_MAX 65536 /* bytes: who does not read is closed */

struct conn {
	uv_tcp_t tcp;
	struct bus bus; /* of Modbus TCP only the way out is used */
	struct tcp_listener *listener;
	struct conn *next, **prev;
	size_t in_len;
	uint8_t in[4 * TCP_MAX];
};

struct tcp_listener {
	uv_tcp_t tcp;
	struct line *line;
	struct pace pace;
	struct conn *conns;
	size_t n_conns;
};

struct unsent {
	uv_write_t req;
	char bytes[];
};

/* ---- connections ---- */

static void conn_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void conn_close(struct conn *c)
{
	if (c->bus.closed)
		return;
	bus_release(&c->bus);
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	c->listener->n_conns--;
	uv_close((uv_handle_t *)&c->tcp, conn_closed);
}

static struct conn *conn_of(struct bus *b)
{
	return (struct conn *)(void *)((char *)b - offsetof(struct conn, bus));
}

static void conn_hang_up(struct bus *b)
{
	conn_close(conn_of(b));
}

static void unsent_done(uv_write_t *req, int status)
{
	(void)status;
	free(req->data);
}

static int conn_queue(struct conn *c, const uint8_t *bytes, size_t len)
{
	struct unsent *u = malloc(sizeof *u + len);
	uv_buf_t buf;
	int r;

	if (u == NULL)
		return -ENOMEM;
	memcpy(u->bytes, bytes, len);
	u->req.data = u;
	buf = uv_buf_init(u->bytes, (unsigned)len);
	r = uv_write(&u->req, (uv_stream_t *)&c->tcp, &buf, 1, unsent_done);
	if (r < 0)
		free(u);
	return r;
}

static void conn_write(struct bus *b, const uint8_t *bytes, size_t len)
{
	struct conn *c = conn_of(b);
	uv_stream_t *stream = (uv_stream_t *)&c->tcp;
	uv_buf_t buf = { .base = (char *)(uintptr_t)bytes, .len = len };
	int n = uv_try_write(stream, &buf, 1);

	if (n == UV_EAGAIN)
		n = 0;
	if (n >= 0 && (size_t)n < len && uv_stream_get_write_queue_size(stream) < UNSENT_MAX)
		n = conn_queue(c, bytes + n, len - (size_t)n);
	else if (n >= 0 && (size_t)n < len)
		n = -ENOBUFS;
	if (n < 0)
		conn_close(c);
}

static void conn_answer(struct conn *c, const struct request *rq)
{
	int64_t now = clock_mono_us();
	struct effect fx;
	struct pdu reply;
	struct adu adu;

	if (!line_answer(c->listener->line, rq, now, &fx, &reply)) {
		if (fx.disconnect)
			conn_close(c);
		return;
	}
	tcp_wrap(rq, &reply, &fx, &adu);
	if (fx.late_us > 0)
		bus_send(&c->bus, &adu, now + fx.late_us);
	else
		conn_write(&c->bus, adu.bytes, adu.len);
}

static void conn_requests(struct conn *c)
{
	size_t used = 0;
	struct request rq;
	int n;

	while ((n = tcp_parse(c->in + used, c->in_len - used, &rq)) > 0) {
		used += (size_t)n;
		conn_answer(c, &rq);
		if (c->bus.closed)
			return;
	}
	if (n < 0) { /* no way to find the next request */
		c->listener->line->all.garbled++;
		conn_close(c);
		return;
	}
	c->in_len -= used;
	memmove(c->in, c->in + used, c->in_len);
}

static void conn_room(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
	struct conn *c = handle->data;

	(void)hint;
	*buf = uv_buf_init((char *)c->in + c->in_len, (unsigned)(sizeof c->in - c->in_len));
}

static void conn_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = stream->data;

	if (n < 0) {
		conn_close(c);
	} else if (n > 0 && (line_is_serial(c->listener->line) || c->listener->line->play)) {
		bus_receive(&c->bus, (const uint8_t *)buf->base, (size_t)n);
	} else if (n > 0) {
		c->in_len += (size_t)n;
		conn_requests(c);
	}
}

/* ---- listener ---- */

static void conn_add(struct tcp_listener *t, struct conn *c)
{
	c->listener = t;
	c->prev = &t->conns;
	c->next = t->conns;
	if (c->next != NULL)
		c->next->prev = &c->next;
	t->conns = c;
	t->n_conns++;
}

static void listener_accept(uv_stream_t *server, int status)
{
	struct tcp_listener *t = server->data;
	struct conn *c = status == 0 ? calloc(1, sizeof *c) : NULL;

	if (c == NULL)
		return;
	bus_init(&c->bus, t->line, &t->pace);
	c->bus.write = conn_write;
	c->bus.hang_up = conn_hang_up;
	c->tcp.data = c;
	conn_add(t, c);
	if (uv_tcp_init(server->loop, &c->tcp) != 0 ||
	    uv_accept(server, (uv_stream_t *)&c->tcp) != 0 || uv_tcp_nodelay(&c->tcp, 1) != 0 ||
	    uv_read_start((uv_stream_t *)&c->tcp, conn_room, conn_read) != 0)
		conn_close(c);
}

/* "127.0.0.1:502", "[::1]:502" or "502". */
static int where_parse(const char *where, struct sockaddr_storage *ret, struct tesla_error *err)
{
	_cleanup_free_ char *copy = strdup(where);
	const char *host = "127.0.0.1";
	char *colon, *port = copy;
	int64_t number;

	if (copy == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	colon = strrchr(copy, ':');
	if (colon != NULL) {
		*colon = '\0';
		host = copy;
		port = colon + 1;
	}
	if (!text_int(port, 0, UINT16_MAX, &number))
		return tesla_fail(err, -EINVAL, "%s: \"%s\" is no port from 0 to 65535", where,
				  port);
	if (*host == '[' && host[strlen(host) - 1] == ']') {
		copy[strlen(copy) - 1] = '\0';
		if (uv_ip6_addr(host + 1, (int)number, (struct sockaddr_in6 *)ret) == 0)
			return 0;
	} else if (uv_ip4_addr(host, (int)number, (struct sockaddr_in *)ret) == 0) {
		return 0;
	}
	return tesla_fail(err, -EINVAL,
			  "%s: expected [ADDRESS:]PORT, ADDRESS like 127.0.0.1 or [::1]", where);
}

struct tcp_listener *tcp_open(struct line *line, const char *where, const struct pace *pace,
			      struct tesla_error *err)
{
	struct sockaddr_storage addr;
	struct tcp_listener *t;
	int r;

	if (where_parse(where, &addr, err) != 0)
		return NULL;
	t = calloc(1, sizeof *t);
	if (t == NULL || uv_tcp_init(&line->sim->loop, &t->tcp) != 0) {
		free(t);
		tesla_fail(err, -ENOMEM, "no memory");
		return NULL;
	}
	t->tcp.data = t;
	t->line = line;
	t->pace = *pace;
	r = uv_tcp_bind(&t->tcp, (const struct sockaddr *)&addr, 0);
	if (r == 0)
		r = uv_listen((uv_stream_t *)&t->tcp, BACKLOG, listener_accept);
	if (r == 0)
		return t;
	tesla_fail(err, r, "%s: %s", where, uv_strerror(r));
	tcp_close(t);
	return NULL;
}

char *tcp_where(const struct tcp_listener *t)
{
	struct sockaddr_storage addr = { 0 };
	int len = sizeof addr, port;
	char host[INET6_ADDRSTRLEN] = "", *text;
	bool six;

	(void)uv_tcp_getsockname(&t->tcp, (struct sockaddr *)&addr, &len);
	six = addr.ss_family == AF_INET6;
	(void)uv_ip_name((const struct sockaddr *)&addr, host, sizeof host);
	port = six ? ((const struct sockaddr_in6 *)&addr)->sin6_port
		   : ((const struct sockaddr_in *)&addr)->sin_port;
	if (asprintf(&text, six ? "[%s]:%u" : "%s:%u", host, (unsigned)ntohs((uint16_t)port)) < 0)
		return NULL;
	return text;
}

size_t tcp_connections(const struct tcp_listener *t)
{
	return t->n_conns;
}

static void listener_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void tcp_close(struct tcp_listener *t)
{
	while (t->conns != NULL)
		conn_close(t->conns);
	uv_close((uv_handle_t *)&t->tcp, listener_closed);
}
