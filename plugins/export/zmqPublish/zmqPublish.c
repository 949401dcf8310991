/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream: every reading, record, status change and heartbeat on a PUB socket, as docs/stream.md
 * says.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "curve.h"
#include "message.h"

#define LINGER_MS 100
#define HOST_MAX 64
#define PORT_MAX 65535

struct conf {
	const char *endpoint, *target;
	int64_t hwm;
	const char *key, *clients;
};

struct publisher {
	const struct conf *conf;
	void *ctx, *socket; /* socket NULL: it could not listen, and tries again */
	struct curve curve;
	bool guarded; /* by `curve` */
	struct message message;
};

static const char *conf_endpoint(const struct conf *c)
{
	return c->target != NULL ? c->target : c->endpoint;
}

/* ---- where it may listen: in plain text where nobody but this machine hears it ---- */

/* The host of "tcp://host:port", brackets taken off; NULL: no such form. */
static const char *tcp_host(const char *endpoint, char host[HOST_MAX])
{
	const char *start = endpoint + strlen("tcp://"), *colon = strrchr(start, ':');
	size_t len = colon ? (size_t)(colon - start) : 0;

	if (len == 0 || len >= HOST_MAX || colon[1] == '\0')
		return NULL;
	if (start[0] == '[' && start[len - 1] == ']') {
		start++;
		len -= 2;
	}
	memcpy(host, start, len);
	host[len] = '\0';
	return host;
}

static bool is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (strcmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* libzmq takes any number, and listens on what is left of it in 16 bits. */
static bool is_port(const char *text)
{
	size_t len = strspn(text, "0123456789");
	long port = len > 0 && len <= 5 && text[len] == '\0' ? strtol(text, NULL, 10) : 0;

	return port >= 1 && port <= PORT_MAX;
}

static int tcp_check(const char *endpoint, bool curve, struct tesla_error *err)
{
	char host[HOST_MAX];

	if (tcp_host(endpoint, host) == NULL)
		return tesla_fail(err, -EINVAL,
				  "endpoint \"%s\": expected tcp://127.0.0.1:5556 or ipc:///a/path",
				  endpoint);
	if (!is_port(strrchr(endpoint, ':') + 1))
		return tesla_fail(err, -EINVAL, "endpoint \"%s\": expected a port from 1 to %d",
				  endpoint, PORT_MAX);
	if (!curve && !is_loopback(host))
		return tesla_fail(err, -EPERM,
				  "endpoint \"%.80s\": others could listen to it unencrypted; "
				  "expected 127.0.0.1, [::1] or localhost, or ipc://, or key and "
				  "clients, too",
				  endpoint);
	return 0;
}

/* What is behind "ipc://"; NULL: it is no such endpoint. */
static const char *ipc_path(const char *endpoint)
{
	static const char scheme[] = "ipc://";

	return strncmp(endpoint, scheme, sizeof scheme - 1) == 0 ? endpoint + sizeof scheme - 1
								 : NULL;
}

static int endpoint_check(const char *endpoint, bool curve, struct tesla_error *err)
{
	const char *path = ipc_path(endpoint);
	const size_t max = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;

	if (path != NULL && strlen(path) > max)
		return tesla_fail(
			err, -ENAMETOOLONG,
			"endpoint \"%.150s\": the path has %zu bytes, expected at most %zu",
			endpoint, strlen(path), max);
	if (path != NULL && *path != '\0')
		return 0;
	if (strncmp(endpoint, "tcp://", 6) == 0)
		return tcp_check(endpoint, curve, err);
	return tesla_fail(err, -EINVAL,
			  "endpoint \"%s\": expected tcp://127.0.0.1:5556 or ipc:///a/path",
			  endpoint);
}

static int publisher_check(const void *conf, struct tesla_error *err)
{
	const struct conf *c = conf;
	int r = endpoint_check(conf_endpoint(c), c->key != NULL, err);

	if (r == 0 && (c->key == NULL) != (c->clients == NULL))
		r = tesla_fail(err, -EINVAL, "%s without %s: expected both, or none",
			       c->key ? "key" : "clients", c->key ? "clients" : "key");
	if (r == 0 && c->key != NULL)
		r = curve_check(c->key, c->clients, err);
	return r;
}

/* ---- libzmq removes what stands at an ipc path before it binds: only a dead socket may go ---- */

/* 0: nobody listens.  The path fits: publisher_check() saw it. */
static int socket_is_dead(const char *path, struct tesla_error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int cause;

	if (fd < 0)
		return tesla_fail(err, -errno, "cannot look at %s: %s", path, strerror(errno));
	memcpy(addr.sun_path, path, strlen(path) + 1);
	cause = connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0 ? EAGAIN : errno;
	(void)close(fd);
	if (cause == ECONNREFUSED || cause == ENOENT)
		return 0;
	if (cause == EAGAIN || cause == EPROTOTYPE) /* its queue is full; it is no stream */
		return tesla_fail(err, -EADDRINUSE, "somebody listens on %s already", path);
	return tesla_fail(err, -cause, "cannot tell whether somebody listens on %s: %s", path,
			  strerror(cause));
}

static int path_is_free(const char *endpoint, struct tesla_error *err)
{
	const char *path = ipc_path(endpoint);
	struct stat st;

	if (path == NULL || *path == '@' || lstat(path, &st) != 0) /* '@': no file is made */
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return tesla_fail(err, -EEXIST, "%s is no socket: it is left alone", path);
	return socket_is_dead(path, err);
}

/* ---- the socket ---- */

/* After that the address is free: the context has ended. */
static void publisher_unbind(struct publisher *p)
{
	if (p->socket != NULL)
		(void)zmq_close(p->socket);
	if (p->guarded)
		curve_unguard(&p->curve);
	while (p->ctx != NULL && zmq_ctx_term(p->ctx) != 0 && errno == EINTR)
		;
	p->socket = p->ctx = NULL;
}

static void publisher_close(void *self)
{
	struct publisher *p = self;

	if (p == NULL)
		return;
	publisher_unbind(p);
	if (p->guarded)
		curve_release(&p->curve);
	message_release(&p->message);
	free(p);
}

/* libzmq binds to addresses only: a name is an error to it. */
static int socket_bind(void *socket, const char *endpoint)
{
	static const char name[] = "tcp://localhost:";
	char numeric[HOST_MAX];

	if (strncmp(endpoint, name, sizeof name - 1) != 0)
		return zmq_bind(socket, endpoint);
	(void)snprintf(numeric, sizeof numeric, "tcp://127.0.0.1:%s", endpoint + sizeof name - 1);
	return zmq_bind(socket, numeric);
}

static int socket_set(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof value);
}

static int publisher_listen(struct publisher *p)
{
	const struct conf *c = p->conf;

	p->ctx = zmq_ctx_new();
	p->socket = p->ctx ? zmq_socket(p->ctx, ZMQ_PUB) : NULL;
	if (p->socket == NULL || socket_set(p->socket, ZMQ_SNDHWM, (int)c->hwm) != 0 ||
	    socket_set(p->socket, ZMQ_LINGER, LINGER_MS) != 0 ||
	    socket_set(p->socket, ZMQ_IPV6, strchr(conf_endpoint(c), '[') != NULL) != 0)
		return -1;
	if (p->guarded && curve_guard(&p->curve, p->ctx, p->socket) != 0)
		return -1;
	return socket_bind(p->socket, conf_endpoint(c));
}

static int publisher_bind(struct publisher *p, struct tesla_error *err)
{
	int cause;

	if (publisher_listen(p) == 0)
		return 0;
	cause = errno;
	publisher_unbind(p);
	return tesla_fail(err, cause == EADDRINUSE ? -EADDRINUSE : -EIO, "cannot listen on %s: %s",
			  conf_endpoint(p->conf), zmq_strerror(cause));
}

/* `conf` outlives the publisher. */
static struct publisher *publisher_new(const struct conf *c, const struct tesla_host *host,
				       struct tesla_error *err)
{
	struct publisher *p = calloc(1, sizeof *p);

	if (p == NULL) {
		(void)tesla_fail(err, -ENOMEM, "no memory");
		return NULL;
	}
	p->conf = c;
	message_init(&p->message);
	if (c->key == NULL)
		return p;
	p->guarded = curve_init(&p->curve, c->key, c->clients, host, err) == 0;
	if (p->guarded)
		return p;
	publisher_close(p);
	return NULL;
}

static int publisher_open(const void *conf, const struct tesla_host *host, void **self,
			  struct tesla_error *err)
{
	struct publisher *p;
	int r = publisher_check(conf, err);

	if (r == 0)
		r = path_is_free(conf_endpoint(conf), err);
	if (r != 0)
		return r;
	p = publisher_new(conf, host, err);
	if (p == NULL)
		return err->code;
	r = publisher_bind(p, err);
	if (r != 0)
		publisher_close(p);
	else
		*self = p;
	return r;
}

/* ---- messages ---- */

/* A PUB socket never waits: a subscriber that is too slow loses messages, and `k` tells it so. */
static int message_send(struct publisher *p, int made, struct tesla_error *err)
{
	const struct message *m = &p->message;

	if (made != 0)
		return tesla_fail(err, made, "no memory for a message");
	if (zmq_send(p->socket, m->topic.data, m->topic.size, ZMQ_SNDMORE) < 0 ||
	    zmq_send(p->socket, m->body.data, m->body.size, 0) < 0)
		return tesla_fail(err, -EIO, "send: %s", zmq_strerror(errno));
	return 0;
}

static int publish_sweep(struct publisher *p, const struct tesla_batch *batch,
			 const struct tesla_item *item, struct tesla_error *err)
{
	int r = message_sweep(&p->message, batch, item);

	if (r != 0)
		return tesla_fail(err, r, "no memory for a message");
	for (size_t i = 0; i < item->n_readings && r == 0; i++)
		r = message_send(p, message_reading(&p->message, item, item->readings[i]), err);
	return r;
}

static int publish_item(struct publisher *p, const struct tesla_batch *batch,
			const struct tesla_item *item, struct tesla_error *err)
{
	switch (item->kind) {
	case TESLA_SWEEP:
		return publish_sweep(p, batch, item, err);
	case TESLA_RECORD:
		return message_send(p, message_record(&p->message, batch, item), err);
	case TESLA_STATUS_CHANGE:
		return message_send(p, message_status(&p->message, batch, item), err);
	case TESLA_HEARTBEAT:
		return message_send(p, message_heartbeat(&p->message, batch, item), err);
	default:
		return 0; /* of a newer host: the stream has no topic for it */
	}
}

/* Who was taken off the list is out: all connect again, and only the others get in. */
static int publisher_tend(struct publisher *p, struct tesla_error *err)
{
	if (p->guarded && curve_refresh(&p->curve))
		publisher_unbind(p);
	if (p->socket == NULL && publisher_bind(p, err) != 0)
		return err->code;
	if (p->guarded)
		curve_tend(&p->curve);
	return 0;
}

/*
 * What cannot be sent is lost, and what comes after it is tried: the first error is the one told.
 */
static int publisher_deliver(void *self, const struct tesla_batch *batch,
			     struct tesla_verdict *verdicts, struct tesla_error *err)
{
	struct tesla_error later;
	int first = publisher_tend(self, err);

	(void)verdicts;
	if (first != 0)
		return first;
	for (size_t i = 0; i < batch->n_items; i++) {
		int r = publish_item(self, batch, batch->items[i], first ? &later : err);

		first = first ? first : r;
	}
	return first;
}

static const struct tesla_param params[] = {
	TESLA_P_STR("endpoint", struct conf, endpoint, .dflt = "tcp://127.0.0.1:5556",
		    .help = "Where to listen: tcp://127.0.0.1:port or ipc://path."),
	TESLA_P_STR(
		"target", struct conf, target,
		.help = "The endpoint, when a dataexport names this plugin; goes before endpoint."),
	TESLA_P_INT("hwm", struct conf, hwm, .dflt = "20000", .min = 1, .max = 10000000,
		    .unit = "messages",
		    .help = "How many messages wait for a slow subscriber; more are lost to it."),
	TESLA_P_STR("key", struct conf, key,
		    .help = "File of our keys (teslactl keygen): the stream is encrypted."),
	TESLA_P_STR("clients", struct conf, clients,
		    .help = "File of the public keys that may subscribe; goes with key."),
	TESLA_P_END
};

static const struct tesla_exporter exporter = {
	.size = sizeof exporter,
	.caps = TESLA_LIVE,
	.open = publisher_open,
	.deliver = publisher_deliver,
	.close = publisher_close,
};

TESLA_EXPORTER_PLUGIN("zmqPublish", PACKAGE_VERSION, &exporter,
		      .help = "The stream: every reading and record on a ZeroMQ PUB socket.",
		      .params = params, .conf_size = sizeof(struct conf), .check = publisher_check);
