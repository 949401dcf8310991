/* SPDX-License-Identifier: Apache-2.0 */
/* The control sockets in the loop. */
#include "daemon/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "daemon/control_curve.h"
#include "daemon/control_local.h"
#include "daemon/ini.h"
#include "daemon/refusals.h"
#include "daemon/unread.h"

#define REQUEST_MAX (1 << 20)
#define KEYS_MAX 64u /* in a request */
#define TURN_US 2000 /* then the loop goes round: nobody can keep it here */
#define FRAMES_MAX 3 /* identity, delimiter, request */
#define GRACE_MS 200 /* a peer may lose an answer that it has not read when we close */

enum { DOOR_READONLY = LOCAL_READONLY, DOOR_TCP = LOCAL_N, N_DOORS };
#define SOCKETS_MAX (2 * N_DOORS + CURVE_N_SOCKETS)

struct control {
	void *ctx;
	struct door doors[N_DOORS];
	struct locals locals; /* all but DOOR_TCP */
	struct curve *curve;  /* of that */
	uv_poll_t polls[SOCKETS_MAX];
	size_t n_polls;
	uv_async_t again;
	uv_timer_t grace;
	int64_t answered_us;
	unsigned open_handles;
	bool stopping;
	struct control_calls calls;
	const struct log *log;
	struct refusals refusals;
	struct unread *strangers; /* what is unread of those whose connection is not known */
	struct buf reply;
};

/* ---- what is refused ---- */

/*
 * Who it is without what is in brackets: the process of a user is another one each time.  True: it
 * was said.
 */
static bool refused(void *arg, const char *who, const char *what)
{
	struct control *c = arg;
	char name[CONTROL_WHO_MAX], times[64] = "", others[64] = "";
	uint64_t held, unsaid;

	(void)snprintf(name, sizeof name, "%.*s", (int)strcspn(who, "("), who);
	if (!refusals_due(&c->refusals, name, what, clock_mono_us(), &held, &unsaid))
		return false;
	if (held > 0)
		(void)snprintf(times, sizeof times, ", %llu times since that was said",
			       (unsigned long long)held + 1);
	if (unsaid > 0)
		(void)snprintf(others, sizeof others, "; of others %llu were not said",
			       (unsigned long long)unsaid);
	log_msg(c->log, LOG_LEVEL_WARNING, "control: refused: %s: %s%s%s", who, what, times,
		others);
	return true;
}

static void relieved(void *arg, const struct door *d)
{
	struct control *c = arg;

	log_msg(c->log, LOG_LEVEL_INFO,
		"control: the crowd at %s is gone: %llu connections were closed", d->name,
		(unsigned long long)d->crowd.refused);
}

static void failed(void *arg, const struct door *d, uint16_t event, uint32_t value)
{
	struct control *c = arg;
	const char *why = d == &c->doors[DOOR_TCP] ? curve_failure(event, value) : NULL;

	if (why != NULL)
		(void)refused(c, "somebody", why);
}

static struct door_calls door_calls(struct control *c)
{
	return (struct door_calls){ refused, relieved, failed, c };
}

void control_refused(struct control *c, const struct control_peer *peer, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	(void)refused(c, peer->who, what);
}

void control_error(struct buf *reply, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	msgpack_packer pk;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text != NULL) /* what came may be in it, and is not to do anything to a terminal */
		(void)utf8_clean(text, strlen(text), UTF8_TEXT);
	buf_clear(reply);
	mp_writer(&pk, reply);
	(void)msgpack_pack_map(&pk, 2);
	mp_key_bool(&pk, "ok", false);
	mp_key_str(&pk, "error", text ? text : "no memory");
}

/* ---- frames ---- */

/* A signal (a host that ends) interrupts libzmq: that loses no answer. */
static bool frame_send(void *socket, const void *bytes, size_t len, int flags)
{
	int n;

	do
		n = zmq_send(socket, bytes, len, flags | ZMQ_DONTWAIT);
	while (n < 0 && zmq_errno() == EINTR);
	return n >= 0;
}

static bool frame_receive(void *socket, zmq_msg_t *m)
{
	int n;

	do
		n = zmq_msg_recv(m, socket, ZMQ_DONTWAIT);
	while (n < 0 && zmq_errno() == EINTR);
	return n >= 0;
}

static bool message_send(void *socket, zmq_msg_t *m)
{
	int n;

	do
		n = zmq_msg_send(m, socket, ZMQ_DONTWAIT);
	while (n < 0 && zmq_errno() == EINTR);
	return n >= 0;
}

/* ---- answers that are not read ---- */

struct held { /* by libzmq, of all doors */
	size_t bytes;
	struct door *door;	   /* of */
	struct crowd_one *longest; /* who has read nothing for longest; NULL: nobody */
};

static struct held held_up(struct control *c, const struct crowd_one *but)
{
	struct held h = { .bytes = unread_bytes(c->strangers) };

	for (int i = 0; i < N_DOORS; i++) {
		struct crowd *crowd = &c->doors[i].crowd;

		for (size_t k = 0; k < crowd->n; k++) {
			struct crowd_one *one = &crowd->list[k];
			size_t bytes = one->unread ? unread_bytes(one->unread) : 0;

			h.bytes += bytes;
			if (bytes == 0 || one == but ||
			    (h.longest != NULL && h.longest->since_us <= one->since_us))
				continue;
			h.door = &c->doors[i];
			h.longest = one;
		}
	}
	return h;
}

static struct crowd_one *one_of(struct control *c, const struct control_peer *peer)
{
	return crowd_by_no(&c->doors[peer->door].crowd, peer->connection);
}

static struct unread *unread_of(struct control *c, const struct control_peer *peer)
{
	const struct crowd_one *one = one_of(c, peer);

	return one != NULL && one->unread != NULL ? one->unread : c->strangers;
}

/* One who asks faster than he reads is not served: it costs him his answers, the others nothing. */
static bool is_deaf(struct control *c, const struct control_peer *peer)
{
	if (unread_bytes(unread_of(c, peer)) < CONTROL_UNREAD_MAX)
		return false;
	control_refused(c, peer, "requests of one who reads no answers");
	return true;
}

static void make_room(struct control *c, const struct control_peer *peer, size_t len)
{
	for (;;) {
		struct held h = held_up(c, one_of(c, peer));

		if (h.bytes + len <= CONTROL_REPLY_MAX || h.longest == NULL)
			return;
		(void)refused(c, "who does not read",
			      "all answers that wait take more memory than is allowed: the "
			      "slowest are closed");
		door_turn_out(h.door, h.longest);
	}
}

/* Counted; *m is to be closed when this is true. */
static bool answer_make(struct control *c, const struct control_peer *peer, const struct buf *reply,
			zmq_msg_t *m)
{
	struct unread *u = unread_of(c, peer);
	struct crowd_one *one;

	make_room(c, peer, reply->pub.len);
	one = one_of(c, peer);
	if (one != NULL && unread_bytes(u) == 0)
		one->since_us = clock_mono_us();
	return unread_message(u, reply, m) == 0;
}

void control_reply(struct control *c, const struct control_peer *peer, const struct buf *reply)
{
	void *socket = c->doors[peer->door].socket;
	zmq_msg_t m;

	/*
	 * A peer that went away, or reads nothing, loses its answer: the loop never waits for it.
	 */
	if (!answer_make(c, peer, reply, &m))
		return;
	if (frame_send(socket, peer->id, peer->len, ZMQ_SNDMORE)) {
		if (peer->delimiter)
			(void)frame_send(socket, "", 0, ZMQ_SNDMORE);
		(void)message_send(socket, &m);
	}
	(void)zmq_msg_close(&m);
	c->answered_us = clock_mono_us();
	if (!c->stopping) /* sending may have eaten the edge of something that came */
		(void)uv_async_send(&c->again);
}

/* ---- who asks ---- */

/* libzmq's word for the other end on ipc is "localhost:UID:GID:PID", as the kernel says. */
static void local_name(struct control_peer *peer, zmq_msg_t *m)
{
	const char *address = zmq_msg_gets(m, "Peer-Address");
	unsigned uid, gid;
	int pid;

	address = address ? strchr(address, ':') : NULL;
	if (address != NULL && sscanf(address, ":%10u:%10u:%10d", &uid, &gid, &pid) == 3)
		(void)snprintf(peer->who, sizeof peer->who, "user %u (process %d)", uid, pid);
	else
		(void)snprintf(peer->who, sizeof peer->who, "a local process");
}

/* False: the list of clients has the key no longer. */
static bool remote_name(struct control *c, struct control_peer *peer, zmq_msg_t *m)
{
	const char *key = zmq_msg_gets(m, "User-Id"), *address = zmq_msg_gets(m, "Peer-Address");
	const struct keys_client *client = key ? curve_client(c->curve, key) : NULL;

	(void)snprintf(peer->who, sizeof peer->who, "%s (%s)",
		       client ? client->name
		       : key  ? key
			      : "somebody",
		       address ? address : "tcp");
	peer->readonly = client == NULL || client->readonly;
	return client != NULL;
}

static bool peer_name(struct control *c, struct control_peer *peer, zmq_msg_t *m)
{
	if (peer->door == DOOR_TCP)
		return remote_name(c, peer, m);
	local_name(peer, m);
	peer->readonly = peer->door == DOOR_READONLY;
	return true;
}

/* ---- one request ---- */

static void malformed(struct control *c, const struct control_peer *peer, const char *error)
{
	control_refused(c, peer, "malformed requests");
	control_error(&c->reply, "%s", error);
	control_reply(c, peer, &c->reply);
}

static void serve(struct control *c, const struct control_peer *peer, zmq_msg_t *body)
{
	struct tesla_error err = { .code = 0 };
	struct mp_doc doc;
	bool now = true;

	buf_clear(&c->reply);
	if (zmq_msg_size(body) > REQUEST_MAX)
		(void)tesla_fail(&err, -EMSGSIZE, "the request has %zu bytes, expected at most %d",
				 zmq_msg_size(body), REQUEST_MAX);
	else
		(void)mp_unpack(&doc, zmq_msg_data(body), zmq_msg_size(body), &err);
	if (err.code != 0) {
		malformed(c, peer, err.text);
		return;
	}
	if (doc.u.data.type == MSGPACK_OBJECT_MAP && doc.u.data.via.map.size > KEYS_MAX)
		control_error(&c->reply, "the request has %u keys, expected at most %u",
			      doc.u.data.via.map.size, KEYS_MAX);
	else
		now = c->calls.request(c->calls.arg, &doc.u.data, peer, &c->reply);
	mp_doc_release(&doc);
	if (now && c->reply.failed)
		control_error(&c->reply, "the answer is longer than %u bytes", CONTROL_REPLY_MAX);
	if (now)
		control_reply(c, peer, &c->reply);
}

/*
 * All frames of one message; those beyond FRAMES_MAX are thrown away.  Returns how many came; 0:
 * nothing.
 */
static int receive(void *socket, zmq_msg_t frames[FRAMES_MAX])
{
	int n = 0;

	for (;;) {
		zmq_msg_t m;

		(void)zmq_msg_init(&m);
		if (!frame_receive(socket, &m)) {
			(void)zmq_msg_close(&m);
			return 0;
		}
		bool more = zmq_msg_more(&m) != 0;

		if (n < FRAMES_MAX)
			(void)zmq_msg_move(&frames[n], &m);
		n++;
		(void)zmq_msg_close(&m);
		if (!more)
			return n;
	}
}

static void serve_message(struct control *c, int door, zmq_msg_t frames[FRAMES_MAX], int n)
{
	const struct door_calls calls = door_calls(c);
	struct control_peer peer = { .door = (uint8_t)door };
	zmq_msg_t *id = &frames[0], *second = &frames[1];
	bool known;

	if (n < 2 || zmq_msg_size(id) > sizeof peer.id)
		return; /* a routing id and nothing: nobody can be answered */
	peer.len = (uint8_t)zmq_msg_size(id);
	memcpy(peer.id, zmq_msg_data(id), peer.len);
	peer.delimiter = n > 2 && zmq_msg_size(second) == 0;
	peer.connection = door_heard(&c->doors[door], zmq_msg_get(second, ZMQ_SRCFD), &calls);
	known = peer_name(c, &peer, second);
	if (is_deaf(c, &peer))
		return;
	if (!known) {
		control_refused(c, &peer, "is no longer in the list of clients");
		control_error(&c->reply, "this key is no longer in the list of clients");
		control_reply(c, &peer, &c->reply);
	} else if (n == 2 || (n == 3 && peer.delimiter)) {
		serve(c, &peer, &frames[n - 1]);
	} else {
		malformed(c, &peer, "expected one frame, behind an empty one or alone");
	}
}

/* False: there is nothing more. */
static bool serve_one(struct control *c, int door)
{
	zmq_msg_t frames[FRAMES_MAX];
	int n;

	for (int i = 0; i < FRAMES_MAX; i++)
		(void)zmq_msg_init(&frames[i]);
	n = receive(c->doors[door].socket, frames);
	serve_message(c, door, frames, n);
	for (int i = 0; i < FRAMES_MAX; i++)
		(void)zmq_msg_close(&frames[i]);
	return n > 0;
}

/*
 * The descriptors tell of edges: all that is there is taken, or this is called again.  The doors
 * take turns, so that a crowd at one does not close the others.
 */
static bool tend(struct control *c, int door)
{
	const struct door_calls calls = door_calls(c);
	struct door *d = &c->doors[door];
	bool more;

	if (d->socket == NULL)
		return false;
	more = door_tend(d, &calls);
	return serve_one(c, door) || more;
}

static void attend(struct control *c)
{
	int64_t until_us = clock_mono_us() + TURN_US;
	bool more = true;

	while (more && !c->stopping && clock_mono_us() < until_us) {
		more = c->curve != NULL && curve_tend(c->curve);
		for (int i = 0; i < N_DOORS && !c->stopping; i++)
			if (tend(c, i))
				more = true;
	}
	if (more && !c->stopping)
		(void)uv_async_send(&c->again);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	attend(poll->data);
}

static void on_again(uv_async_t *async)
{
	attend(async->data);
}

int control_clients_reload(struct control *c, struct tesla_error *err)
{
	int r = c->curve != NULL ? curve_refresh(c->curve, err) : 0;

	return r < 0 ? r : 0;
}

bool control_count(const struct control *c, size_t i, struct control_count *ret)
{
	static const char *const names[] = { "control", "control-ro", "tcp" };

	for (int k = 0; k < N_DOORS; k++) {
		const struct door *d = &c->doors[k];

		if (d->socket == NULL || i-- > 0)
			continue;
		*ret = (struct control_count){ names[k], d->crowd.n, d->crowd.refused };
		return true;
	}
	return false;
}

/* ---- start and stop ---- */

static void control_free(struct control *c)
{
	locals_release(&c->locals);
	curve_free(c->curve);
	for (int i = 0; i < N_DOORS; i++)
		door_close(&c->doors[i]);
	while (c->ctx != NULL && zmq_ctx_term(c->ctx) != 0 && zmq_errno() == EINTR)
		; /* a child that ends meanwhile is a signal */
	unread_free(c->strangers);
	buf_release(&c->reply);
	free(c);
}

static void on_closed(uv_handle_t *handle)
{
	struct control *c = handle->data;

	if (--c->open_handles == 0)
		control_free(c);
}

static int remote_open(struct control *c, const struct ini *ini, struct tesla_error *err)
{
	const struct curve_calls calls = { refused, c };
	const int v6 = strchr(ini->control_tcp, '[') != NULL;
	void *s;

	if (door_open(&c->doors[DOOR_TCP], c->ctx, ini->control_tcp, err) != 0)
		return err->code;
	s = c->doors[DOOR_TCP].socket;
	c->curve = curve_new(c->ctx, ini->control_key, ini->control_clients, &calls, err);
	if (c->curve == NULL || curve_guard(c->curve, s, err) != 0)
		return err->code;
	(void)zmq_setsockopt(s, ZMQ_IPV6, &v6, sizeof v6);
	if (zmq_bind(s, ini->control_tcp) != 0)
		return tesla_fail(err, -zmq_errno(), "control socket %s: %s", ini->control_tcp,
				  zmq_strerror(zmq_errno()));
	log_msg(c->log, LOG_LEVEL_INFO, "control is on %s too, for who is in %s", ini->control_tcp,
		ini->control_clients);
	return 0;
}

static int control_open(struct control *c, const struct ini *ini, struct tesla_error *err)
{
	int r;

	c->ctx = zmq_ctx_new();
	if (c->ctx == NULL)
		return tesla_fail(err, -zmq_errno(), "control socket: %s",
				  zmq_strerror(zmq_errno()));
	r = locals_open(&c->locals, c->ctx, ini, c->doors, err);
	if (r == 0 && ini->control_tcp != NULL)
		r = remote_open(c, ini, err);
	return r;
}

static void poll_start(struct control *c, uv_loop_t *loop, void *socket)
{
	uv_poll_t *poll = &c->polls[c->n_polls++];
	size_t len = sizeof(int);
	int fd = -1;

	(void)zmq_getsockopt(socket, ZMQ_FD, &fd, &len);
	(void)uv_poll_init(loop, poll, fd);
	poll->data = c;
	(void)uv_poll_start(poll, UV_READABLE, on_poll);
}

static void handles_start(struct control *c, uv_loop_t *loop)
{
	for (int i = 0; i < N_DOORS; i++) {
		if (c->doors[i].socket == NULL)
			continue;
		poll_start(c, loop, c->doors[i].socket);
		poll_start(c, loop, c->doors[i].monitor);
	}
	for (int i = 0; c->curve != NULL && i < CURVE_N_SOCKETS; i++)
		poll_start(c, loop, curve_socket(c->curve, i));
	(void)uv_async_init(loop, &c->again, on_again);
	(void)uv_timer_init(loop, &c->grace);
	c->again.data = c->grace.data = c;
	c->open_handles = (unsigned)c->n_polls + 2;
	locals_watch(&c->locals, loop);
	(void)uv_async_send(&c->again);
}

struct control *control_start(uv_loop_t *loop, const struct ini *ini, const struct log *log,
			      const struct control_calls *calls, struct tesla_error *err)
{
	struct control *c = calloc(1, sizeof *c);

	if (c != NULL)
		c->strangers = unread_new();
	if (c == NULL || c->strangers == NULL) {
		(void)tesla_fail(err, -ENOMEM, "no memory for the control socket");
		free(c);
		return NULL;
	}
	c->calls = *calls;
	c->log = log;
	c->locals.log = log;
	c->locals.remade = calls->remade;
	c->locals.arg = calls->arg;
	c->answered_us = -GRACE_MS * 1000LL;
	buf_init(&c->reply, CONTROL_REPLY_MAX);
	if (control_open(c, ini, err) != 0) {
		control_free(c);
		return NULL;
	}
	handles_start(c, loop);
	return c;
}

static void on_grace(uv_timer_t *timer)
{
	struct control *c = timer->data;

	if (clock_mono_us() - c->answered_us < GRACE_MS * 1000LL)
		return;
	for (size_t i = 0; i < c->n_polls; i++)
		uv_close((uv_handle_t *)&c->polls[i], on_closed);
	uv_close((uv_handle_t *)&c->again, on_closed);
	uv_close((uv_handle_t *)&c->grace, on_closed);
}

/* The answer to the request that stops us is given after this. */
void control_stop(struct control *c)
{
	if (c == NULL || c->stopping)
		return;
	c->stopping = true;
	c->open_handles += locals_close(&c->locals, on_closed, c);
	for (size_t i = 0; i < c->n_polls; i++)
		(void)uv_poll_stop(&c->polls[i]);
	(void)uv_timer_start(&c->grace, on_grace, 0, 10);
}
