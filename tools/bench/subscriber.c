/* SPDX-License-Identifier: Apache-2.0 */
#include "subscriber.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <zmq.h>

#define AT_ONCE 1000 /* messages of one, before the next one's turn */

/* False: nothing is there. */
static bool receive(void *socket, struct tally *t)
{
	zmq_msg_t part;
	size_t topic;

	(void)zmq_msg_init(&part);
	if (zmq_msg_recv(&part, socket, ZMQ_DONTWAIT) < 0)
		return false;
	topic = zmq_msg_size(&part);
	if (!zmq_msg_more(&part) || zmq_msg_recv(&part, socket, 0) < 0)
		return false;
	atomic_fetch_add_explicit(&t->topics, topic, memory_order_relaxed);
	atomic_fetch_add_explicit(&t->bodies, zmq_msg_size(&part), memory_order_relaxed);
	atomic_fetch_add(&t->messages, 1);
	(void)zmq_msg_close(&part);
	return true;
}

static void receive_some(void *socket, struct tally *t)
{
	for (int i = 0; i < AT_ONCE && receive(socket, t); i++)
		;
}

static void *connected(void *ctx, const char *endpoint)
{
	void *socket = zmq_socket(ctx, ZMQ_SUB);
	int no_limit = 0;

	if (socket != NULL && zmq_setsockopt(socket, ZMQ_RCVHWM, &no_limit, sizeof no_limit) == 0 &&
	    zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "reading/", 8) == 0 &&
	    zmq_connect(socket, endpoint) == 0)
		return socket;
	perror("subscriber");
	_exit(1);
}

__attribute__((noreturn)) static void subscribe(const char *endpoint, int n, struct tally *t)
{
	zmq_pollitem_t sockets[SUBSCRIBERS_MAX];
	void *ctx = zmq_ctx_new();

	for (int i = 0; i < n; i++)
		sockets[i] = (zmq_pollitem_t){ .socket = connected(ctx, endpoint),
					       .events = ZMQ_POLLIN };
	while (zmq_poll(sockets, n, -1) >= 0)
		for (int i = 0; i < n; i++)
			if (sockets[i].revents != 0)
				receive_some(sockets[i].socket, t);
	_exit(1);
}

const struct tally *subscribers_start(const char *endpoint, int n)
{
	int flags = MAP_SHARED | MAP_ANONYMOUS;
	struct tally *t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, flags, -1, 0);
	pid_t parent = getpid(), pid;

	if (t == MAP_FAILED)
		return NULL;
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
			subscribe(endpoint, n, t);
		_exit(1);
	}
	return pid > 0 ? t : NULL;
}
