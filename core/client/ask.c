/* SPDX-License-Identifier: Apache-2.0 */
/* A follower's questions to the control socket. */
#include "client/ask.h"

#include <errno.h>
#include <sys/epoll.h>

#include "base/clock.h"

#define ANSWER_US 3000000 /* a daemon that was killed meanwhile never answers */
#define ANSWER_MAX_US \
	60000000	 /* a large node on a slow link: each time-out doubles it up to this */
#define AGAIN_US 1000000 /* after a failure */
#define SPACING_US \
	2000000 /* a follower that is too slow is not helped by one snapshot after another */

void ask_init(struct ask *a, void *ctx, int epoll)
{
	*a = (struct ask){ .ctx = ctx, .epoll = epoll, .peer = a->peer, .patience_us = ANSWER_US };
}

/* What was asked there cannot be answered any more, so no late answer is taken for another's. */
static void socket_drop(struct ask *a)
{
	if (a->socket == NULL)
		return;
	(void)epoll_ctl(a->epoll, EPOLL_CTL_DEL, socket_fd(a->socket), NULL);
	(void)zmq_close(a->socket);
	a->socket = NULL;
}

void ask_release(struct ask *a)
{
	socket_drop(a);
	peer_release(&a->peer);
}

int ask_open(struct ask *a, struct tesla_error *err)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (a->socket == NULL)
		a->socket = socket_connect(a->ctx, ZMQ_DEALER, &a->peer, REQUEST_ANSWER_MAX, err);
	else
		return 0;
	if (a->socket == NULL)
		return err->code;
	if (epoll_ctl(a->epoll, EPOLL_CTL_ADD, socket_fd(a->socket), &event) == 0)
		return 0;
	(void)tesla_fail(err, -errno, "epoll: %s", zmq_strerror(errno));
	(void)zmq_close(a->socket);
	a->socket = NULL;
	return err->code;
}

void ask_want(struct ask *a, const char *command)
{
	a->wanted = command;
}

void ask_forget(struct ask *a)
{
	if (a->out != NULL)
		socket_drop(a);
	a->out = NULL;
	a->since_us = 0;
}

static int send(struct ask *a, int64_t now_us, struct tesla_error *err)
{
	int r = ask_open(a, err);

	if (r == 0)
		r = request_send(a->socket, a->peer.endpoint, a->wanted, NULL, 0, err);
	a->out = a->last = a->wanted;
	a->wanted = NULL;
	a->until_us = now_us + a->patience_us;
	return r;
}

static int receive(struct ask *a, int64_t now_us, zmq_msg_t *m, struct tesla_error *err)
{
	int r = answer_recv(a->socket, a->peer.endpoint, m, err);

	if (r == -EAGAIN && now_us >= a->until_us) {
		(void)tesla_fail(err, -ETIMEDOUT, "no answer from teslad at %s in %d s",
				 a->peer.endpoint, (int)(a->patience_us / 1000000));
		a->patience_us =
			2 * a->patience_us < ANSWER_MAX_US ? 2 * a->patience_us : ANSWER_MAX_US;
		return -ETIMEDOUT;
	}
	if (r == 0)
		a->patience_us = ANSWER_US;
	return r == 0 ? answer_check(a->out, m, err) : r;
}

int ask_step(struct ask *a, zmq_msg_t *m, const char **command, struct tesla_error *err)
{
	int64_t now_us = clock_mono_us();
	int r = 0;

	if (a->out == NULL) {
		int64_t due_us = ask_due_us(a);

		if (due_us < 0 || now_us < due_us) {
			socket_settle(a->socket);
			return -EAGAIN;
		}
		r = send(a, now_us, err);
	}
	if (r == 0)
		r = receive(a, now_us, m, err);
	if (r == -EAGAIN)
		return r;
	*command = a->out;
	if (r != 0) {
		socket_drop(a);
		if (a->wanted == NULL)
			a->wanted = a->out;
	}
	a->out = NULL;
	a->since_us = now_us + (r == 0 ? SPACING_US : AGAIN_US);
	return r;
}

int64_t ask_due_us(const struct ask *a)
{
	if (a->out != NULL)
		return a->until_us;
	if (a->wanted == NULL)
		return -1;
	return a->wanted == a->last ? a->since_us : 0;
}
