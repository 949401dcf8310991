/* SPDX-License-Identifier: Apache-2.0 */
/* Who may connect on TCP: the ZAP handler (rfc.zeromq.org/spec/27) and what goes with it. */
#include "daemon/control_curve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/cleanup.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define DOMAIN "control"
#define AT_A_TIME 64
#define KEY_BYTES 32u
#define WHO_MAX 128u

/* Frames of a request; what comes after them is the credentials: of CURVE one, the key. */
enum { Z_VERSION, Z_ID, Z_DOMAIN, Z_ADDRESS, Z_IDENTITY, Z_MECHANISM, Z_KEY, Z_N };

struct curve {
	struct keys_pair pair;
	struct keys_file clients;
	void *sockets[CURVE_N_SOCKETS];
	struct curve_calls calls;
};

void *curve_socket(struct curve *c, int which)
{
	return c->sockets[which];
}

/* ---- the list ---- */

int curve_refresh(struct curve *c, struct tesla_error *err)
{
	return keys_file_refresh(&c->clients, err);
}

/* Its errors are told as a refusal is: once. */
static void list_refresh(struct curve *c)
{
	struct tesla_error err;

	if (curve_refresh(c, &err) < 0)
		(void)c->calls.refused(c->calls.arg, "the new list of clients", err.text);
}

const struct keys_client *curve_client(struct curve *c, const char *user_id)
{
	list_refresh(c);
	return keys_file_find(&c->clients, user_id);
}

/* ---- ZAP ---- */

static bool frame_is(zmq_msg_t *m, const char *text)
{
	return zmq_msg_size(m) == strlen(text) && memcmp(zmq_msg_data(m), text, strlen(text)) == 0;
}

/* Those of one message; more than `n` are thrown away.  How many came; 0: none is there. */
static size_t frames_receive(void *socket, zmq_msg_t *frames, size_t n)
{
	size_t got = 0;

	for (;;) {
		zmq_msg_t m;
		int r;

		(void)zmq_msg_init(&m);
		do
			r = zmq_msg_recv(&m, socket, ZMQ_DONTWAIT);
		while (r < 0 && zmq_errno() == EINTR);
		bool more = r >= 0 && zmq_msg_more(&m) != 0;

		if (r >= 0 && got < n)
			(void)zmq_msg_move(&frames[got], &m);
		got += r >= 0;
		(void)zmq_msg_close(&m);
		if (!more)
			return got;
	}
}

static void frames_init(zmq_msg_t *frames, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)zmq_msg_init(&frames[i]);
}

static void frames_close(zmq_msg_t *frames, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)zmq_msg_close(&frames[i]);
}

static void send(void *socket, const void *bytes, size_t len, bool more)
{
	int r;

	do
		r = zmq_send(socket, bytes, len, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0));
	while (r < 0 && zmq_errno() == EINTR);
}

/* key: who it is from now on, as `User-Id` of every message; NULL: nobody, and refused. */
static void zap_answer(const struct curve *c, zmq_msg_t *id, const char *key)
{
	const char *const texts[] = { key ? "200" : "400", key ? "" : "this key is not known",
				      key ? key : "", "" };

	send(c->sockets[CURVE_ZAP], "1.0", 3, true);
	send(c->sockets[CURVE_ZAP], zmq_msg_data(id), zmq_msg_size(id), true);
	for (size_t i = 0; i < N_ELEMENTS(texts); i++)
		send(c->sockets[CURVE_ZAP], texts[i], strlen(texts[i]), i + 1 < N_ELEMENTS(texts));
}

static void zap_serve(struct curve *c, zmq_msg_t frames[Z_N], size_t n)
{
	const struct keys_client *client = NULL;
	char key[KEYS_LEN + 1] = "", who[WHO_MAX];

	if (n == Z_N && frame_is(&frames[Z_VERSION], "1.0") &&
	    frame_is(&frames[Z_MECHANISM], "CURVE") && zmq_msg_size(&frames[Z_KEY]) == KEY_BYTES &&
	    zmq_z85_encode(key, zmq_msg_data(&frames[Z_KEY]), KEY_BYTES) != NULL)
		client = curve_client(c, key);
	zap_answer(c, &frames[Z_ID], client ? client->key : NULL);
	if (client != NULL)
		return;
	(void)snprintf(who, sizeof who, "%.*s, key %s", (int)zmq_msg_size(&frames[Z_ADDRESS]),
		       (const char *)zmq_msg_data(&frames[Z_ADDRESS]), key);
	(void)c->calls.refused(c->calls.arg, who, "is not in the list of clients");
}

static bool zap_one(struct curve *c)
{
	zmq_msg_t frames[Z_N];
	size_t n;

	frames_init(frames, Z_N);
	n = frames_receive(c->sockets[CURVE_ZAP], frames, Z_N);
	if (n > 0)
		zap_serve(c, frames, n);
	frames_close(frames, Z_N);
	return n > 0;
}

/* ---- handshakes that come to nothing before anybody is asked ---- */

const char *curve_failure(uint16_t event, uint32_t value)
{
	if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
		return NULL; /* the handler said it */
	/* Who has no keys may end it before we do. */
	if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL ||
	    value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
		return "showed no key: CURVE is expected";
	if (value == ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC)
		return "has a wrong key: expected this server's public key and its own secret key";
	return "does not keep to the protocol";
}

bool curve_tend(struct curve *c)
{
	int n = 0;

	while (n < AT_A_TIME && zap_one(c))
		n++;
	return n == AT_A_TIME;
}

/* ---- made and ended ---- */

static int pair_read(struct curve *c, const char *path, struct tesla_error *err)
{
	char public_key[KEYS_LEN + 1];
	int r = keys_read(path, true, &c->pair, err);

	if (r != 0)
		return r;
	if (zmq_curve_public(public_key, c->pair.secret_key) != 0)
		return tesla_fail(err, -EBADMSG, "%s: %s", path, zmq_strerror(zmq_errno()));
	if (strcmp(public_key, c->pair.public_key) != 0)
		return tesla_fail(err, -EBADMSG, "%s: the public key is not that of the secret key",
				  path);
	return 0;
}

static void *socket_new(void *ctx, int type, struct tesla_error *err)
{
	const int none = 0;
	void *s = zmq_socket(ctx, type);

	if (s == NULL)
		(void)tesla_fail(err, -zmq_errno(), "no ZeroMQ socket: %s",
				 zmq_strerror(zmq_errno()));
	else
		(void)zmq_setsockopt(s, ZMQ_LINGER, &none, sizeof none);
	return s;
}

static int curve_open(struct curve *c, void *ctx, struct tesla_error *err)
{
	c->sockets[CURVE_ZAP] = socket_new(ctx, ZMQ_REP, err);
	if (c->sockets[CURVE_ZAP] == NULL)
		return err->code;
	if (zmq_bind(c->sockets[CURVE_ZAP], ZAP_ENDPOINT) == 0)
		return 0;
	return tesla_fail(err, -zmq_errno(), "%s: %s", ZAP_ENDPOINT, zmq_strerror(zmq_errno()));
}

struct curve *curve_new(void *ctx, const char *key, const char *clients,
			const struct curve_calls *calls, struct tesla_error *err)
{
	struct curve *c = zmq_has("curve") ? calloc(1, sizeof *c) : NULL;

	if (c == NULL) {
		(void)tesla_fail(err, -ENOTSUP, "%s",
				 zmq_has("curve") ? "no memory for keys"
						  : "this libzmq was built without CURVE");
		return NULL;
	}
	c->calls = *calls;
	if (pair_read(c, key, err) == 0 && keys_file_init(&c->clients, clients, err) == 0 &&
	    curve_open(c, ctx, err) == 0)
		return c;
	curve_free(c);
	return NULL;
}

int curve_guard(struct curve *c, void *socket, struct tesla_error *err)
{
	const int on = 1;

	if (zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &on, sizeof on) != 0 ||
	    zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, c->pair.secret_key, KEYS_LEN + 1) != 0 ||
	    zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, DOMAIN, strlen(DOMAIN)) != 0)
		return tesla_fail(err, -zmq_errno(), "CURVE: %s", zmq_strerror(zmq_errno()));
	keys_forget(&c->pair);
	return 0;
}

void curve_free(struct curve *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < CURVE_N_SOCKETS; i++)
		if (c->sockets[i] != NULL)
			(void)zmq_close(c->sockets[i]);
	keys_forget(&c->pair);
	keys_file_release(&c->clients);
	free(c);
}
