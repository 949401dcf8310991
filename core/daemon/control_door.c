/* SPDX-License-Identifier: Apache-2.0 */
/* One door of the control socket. */
#include "daemon/control_door.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "daemon/unread.h"

#define MESSAGE_MAX (16 << 20) /* what is larger ends the connection, and nobody is told */
#define HANDSHAKE_MS 10000
#define AT_A_TIME 64
#define FAILED \
	(ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | \
	 ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
#define SCHEME "ipc://"

/* ---- who must go ---- */

/* Is the connection one that was made at this door? */
static bool is_here(const struct door *d, int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_un local;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = { .any = { .sa_family = AF_UNSPEC } };
	socklen_t len = sizeof at;
	const char *port = strrchr(d->name, ':');

	if (getsockname(fd, &at.any, &len) != 0)
		return false;
	if (at.any.sa_family == AF_UNIX)
		return strncmp(d->name, SCHEME, strlen(SCHEME)) == 0 &&
		       strncmp(at.local.sun_path, d->name + strlen(SCHEME),
			       sizeof at.local.sun_path) == 0;
	if (port == NULL || (at.any.sa_family != AF_INET && at.any.sa_family != AF_INET6))
		return false;
	return strtoul(port + 1, NULL, 10) ==
	       ntohs(at.any.sa_family == AF_INET ? at.v4.sin_port : at.v6.sin6_port);
}

/*
 * libzmq can close no single connection, but it sees that one has ended.  It may have closed the
 * descriptor meanwhile, and something else have its number: we look at one of our own.
 */
static void cut_off(const struct door *d, const struct crowd_one *one)
{
	_cleanup_close_ int fd = fcntl(one->fd, F_DUPFD_CLOEXEC, 0);

	if (fd >= 0 && is_here(d, fd))
		(void)shutdown(fd, SHUT_RDWR);
}

void door_turn_out(struct door *d, const struct crowd_one *one)
{
	struct crowd_one gone;

	cut_off(d, one);
	if (crowd_leave(&d->crowd, one->fd, &gone))
		unread_free(gone.unread);
	d->crowd.refused++;
}

static void entered(struct door *d, int fd, const struct door_calls *calls)
{
	struct crowd_one gone;
	char who[DOOR_NAME_MAX + 32];

	bool crowded = crowd_enter(&d->crowd, fd, &gone);
	struct crowd_one *one = crowd_by_fd(&d->crowd, fd);

	if (one != NULL)
		one->unread = unread_new();
	if (!crowded)
		return;
	cut_off(d, &gone);
	unread_free(gone.unread);
	(void)snprintf(who, sizeof who, "a crowd at %s", d->name);
	if (calls->refused(calls->arg, who,
			   "more connections than are allowed: the oldest of those that ask "
			   "nothing are closed"))
		d->crowded = true;
}

static void left(struct door *d, int fd, const struct door_calls *calls)
{
	struct crowd_one gone;

	if (!crowd_leave(&d->crowd, fd, &gone))
		return;
	unread_free(gone.unread);
	if (!d->crowded || d->crowd.n > CROWD_MAX / 2)
		return;
	d->crowded = false;
	calls->relieved(calls->arg, d);
}

/* ---- the monitor: a number of an event and its value, then the endpoint ---- */

static bool frame_receive(void *socket, zmq_msg_t *m)
{
	int n;

	(void)zmq_msg_init(m);
	do
		n = zmq_msg_recv(m, socket, ZMQ_DONTWAIT);
	while (n < 0 && zmq_errno() == EINTR);
	return n >= 0;
}

static bool event_receive(const struct door *d, uint16_t *event, uint32_t *value)
{
	zmq_msg_t m;
	bool more = true, first = true;

	*event = 0;
	*value = 0;
	for (; more; first = false) {
		if (!frame_receive(d->monitor, &m))
			return false;
		if (first && zmq_msg_size(&m) == sizeof *event + sizeof *value) {
			memcpy(event, zmq_msg_data(&m), sizeof *event);
			memcpy(value, (const char *)zmq_msg_data(&m) + sizeof *event,
			       sizeof *value);
		}
		more = zmq_msg_more(&m) != 0;
		(void)zmq_msg_close(&m);
	}
	return true;
}

static bool event_take(struct door *d, const struct door_calls *calls)
{
	uint16_t event;
	uint32_t value;

	if (!event_receive(d, &event, &value))
		return false;
	if (event == ZMQ_EVENT_ACCEPTED)
		entered(d, (int)value, calls);
	else if (event == ZMQ_EVENT_DISCONNECTED)
		left(d, (int)value, calls);
	else if ((event & FAILED) != 0)
		calls->failed(calls->arg, d, event, value);
	return true;
}

bool door_tend(struct door *d, const struct door_calls *calls)
{
	int n = 0;

	while (n < AT_A_TIME && event_take(d, calls))
		n++;
	return n == AT_A_TIME;
}

/* That it came in was told before what it said. */
uint64_t door_heard(struct door *d, int fd, const struct door_calls *calls)
{
	struct crowd_one *one;

	while (door_tend(d, calls))
		;
	one = crowd_by_fd(&d->crowd, fd);
	if (one == NULL)
		return 0;
	one->asked = true;
	return one->no;
}

/* ---- made and ended ---- */

static int socket_make(struct door *d, void *ctx)
{
	static const struct {
		int option, value;
	} options[] = {
		{ ZMQ_RCVHWM, 16 }, /* what comes faster waits on the peer's side */
		{ ZMQ_SNDHWM, 64 },	  { ZMQ_LINGER, 200 }, { ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS },
		{ ZMQ_TCP_KEEPALIVE, 1 }, /* who is gone without a word is not kept for ever */
	};
	const int64_t max = MESSAGE_MAX;

	d->socket = zmq_socket(ctx, ZMQ_ROUTER);
	if (d->socket == NULL)
		return -1;
	(void)zmq_setsockopt(d->socket, ZMQ_MAXMSGSIZE, &max, sizeof max);
	for (size_t i = 0; i < N_ELEMENTS(options); i++)
		(void)zmq_setsockopt(d->socket, options[i].option, &options[i].value,
				     sizeof options[i].value);
	return 0;
}

/* Without a bound: libzmq's thread would wait for us at it, holding what we need to end it. */
static int monitor_make(struct door *d, void *ctx)
{
	const int none = 0;
	char endpoint[64];

	(void)snprintf(endpoint, sizeof endpoint, "inproc://door-%p", (void *)d);
	d->monitor = zmq_socket(ctx, ZMQ_PAIR);
	if (d->monitor == NULL || zmq_setsockopt(d->monitor, ZMQ_LINGER, &none, sizeof none) != 0 ||
	    zmq_setsockopt(d->monitor, ZMQ_RCVHWM, &none, sizeof none) != 0 ||
	    zmq_socket_monitor(d->socket, endpoint,
			       ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | FAILED) != 0)
		return -1;
	return zmq_connect(d->monitor, endpoint);
}

int door_open(struct door *d, void *ctx, const char *endpoint, struct tesla_error *err)
{
	(void)snprintf(d->name, sizeof d->name, "%s", endpoint);
	if (socket_make(d, ctx) == 0 && monitor_make(d, ctx) == 0)
		return 0;
	return tesla_fail(err, -zmq_errno(), "control socket %s: %s", endpoint,
			  zmq_strerror(zmq_errno()));
}

void door_close(struct door *d)
{
	for (size_t i = 0; i < d->crowd.n; i++)
		unread_free(d->crowd.list[i].unread);
	d->crowd.n = 0;
	if (d->socket != NULL && d->monitor != NULL)
		(void)zmq_socket_monitor(d->socket, NULL, 0);
	if (d->monitor != NULL)
		(void)zmq_close(d->monitor);
	if (d->socket != NULL)
		(void)zmq_close(d->socket);
	d->socket = d->monitor = NULL;
}
