/* SPDX-License-Identifier: Apache-2.0 */
/* The stream over CURVE: keys, the list of subscribers, the ZAP handler. */
#include "curve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define DOMAIN "stream"
#define AT_A_TIME 64
#define KEY_BYTES 32u
#define CLIENTS_MAX 1000u
#define FILE_BYTES_MAX (256u << 10)
#define AGAIN_US (INT64_C(600) * 1000000)
#define Z85_ALPHABET \
	"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
#define BLANK " \t\r\n"

enum { Z_VERSION, Z_ID, Z_DOMAIN, Z_ADDRESS, Z_IDENTITY, Z_MECHANISM, Z_KEY, Z_N };

/* ---- files of lines: what core/base/keys.h says of them ---- */

static bool is_key(const char *word, size_t len)
{
	return len == CURVE_KEY && strspn(word, Z85_ALPHABET) >= CURVE_KEY;
}

/* The first two words of a line; a key may begin with '#', a comment is no key. */
static void words_of(char *line, const char *words[2])
{
	for (int i = 0; i < 2; i++) {
		size_t len;

		line += strspn(line, BLANK);
		len = strcspn(line, BLANK);
		words[i] = *line == '\0' || (*line == '#' && !is_key(line, len)) ? NULL : line;
		if (words[i] == NULL) {
			words[1] = NULL;
			return;
		}
		line += len;
		if (*line != '\0')
			*line++ = '\0';
	}
}

static int too_large(const char *path, struct tesla_error *err)
{
	return tesla_fail(err, -EFBIG, "%s: expected at most %u bytes", path, FILE_BYTES_MAX);
}

/* Calls `take` for each line that says something. */
static int each_line(const char *path,
		     int (*take)(struct curve *c, const char *words[2], struct tesla_error *err),
		     struct curve *c, struct tesla_error *err)
{
	FILE *f = fopen(path, "re");
	char line[512];
	size_t bytes = 0;
	unsigned number = 0;
	int r = 0;

	if (f == NULL)
		return tesla_fail(err, -errno, "%s cannot be opened: %s", path, strerror(errno));
	while (r == 0 && fgets(line, sizeof line, f) != NULL) {
		const char *words[2];
		struct tesla_error cause;

		number++;
		bytes += strlen(line);
		words_of(line, words);
		if (words[0] != NULL)
			r = take(c, words, &cause);
		if (r != 0)
			(void)tesla_fail(err, r, "%.160s:%u: %.60s", path, number, cause.text);
		else if (bytes > FILE_BYTES_MAX)
			r = too_large(path, err);
	}
	if (r == 0 && ferror(f))
		r = tesla_fail(err, -EIO, "%s cannot be read", path);
	explicit_bzero(line, sizeof line);
	(void)fclose(f);
	return r;
}

static int take_pair(struct curve *c, const char *words[2], struct tesla_error *err)
{
	bool secret = strcmp(words[0], "secret") == 0;

	if ((!secret && strcmp(words[0], "public") != 0) || words[1] == NULL ||
	    !is_key(words[1], strlen(words[1])))
		return tesla_fail(err, -EBADMSG, "expected public or secret and a key (Z85)");
	if (secret)
		memcpy(c->secret, words[1], sizeof c->secret);
	return 0;
}

static int take_client(struct curve *c, const char *words[2], struct tesla_error *err)
{
	curve_key *list;

	if (!is_key(words[0], strlen(words[0])) || words[1] == NULL)
		return tesla_fail(err, -EBADMSG, "expected a public key (Z85) and a name");
	if (c->n_clients == CLIENTS_MAX)
		return tesla_fail(err, -EBADMSG, "expected at most %u clients", CLIENTS_MAX);
	list = realloc(c->clients, (c->n_clients + 1) * sizeof *list);
	if (list == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	c->clients = list;
	memcpy(list[c->n_clients++], words[0], sizeof *list);
	return 0;
}

static int key_read(struct curve *c, struct tesla_error *err)
{
	struct stat st;
	int r = each_line(c->key_file, take_pair, c, err);

	if (r != 0)
		return r;
	if (c->secret[0] == '\0')
		return tesla_fail(err, -EBADMSG,
				  "%s has no line with a secret key: expected the .key file",
				  c->key_file);
	if (stat(c->key_file, &st) != 0 || (st.st_mode & (S_IRWXO | S_IWGRP)) != 0)
		return tesla_fail(err, -EPERM,
				  "%s: others may read or change it, and it holds a secret key: "
				  "expected mode 0600 or 0640",
				  c->key_file);
	return 0;
}

/* ---- the list ---- */

static bool has(const struct curve *c, const char *key)
{
	for (size_t i = 0; i < c->n_clients; i++)
		if (strcmp(c->clients[i], key) == 0)
			return true;
	return false;
}

static struct curve_stamp stamp_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return (struct curve_stamp){ .size = 0 };
	return (struct curve_stamp){ st.st_dev, st.st_ino, (unsigned long long)st.st_size,
				     st.st_mtim, st.st_ctim };
}

static bool time_same(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool stamp_same(const struct curve_stamp *a, const struct curve_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       time_same(&a->mtime, &b->mtime) && time_same(&a->ctime, &b->ctime);
}

bool curve_refresh(struct curve *c)
{
	const struct curve_stamp now = stamp_of(c->clients_file);
	struct curve next = { .n_clients = 0 };
	struct tesla_error err;
	bool gone = false;

	if (stamp_same(&now, &c->stamp))
		return false;
	c->stamp = now;
	if (each_line(c->clients_file, take_client, &next, &err) != 0) {
		c->host->log(c->host, 4, "the new list of clients is not taken: %s", err.text);
		free(next.clients);
		return false;
	}
	for (size_t i = 0; i < c->n_clients; i++)
		gone = gone || !has(&next, c->clients[i]);
	free(c->clients);
	c->clients = next.clients;
	c->n_clients = next.n_clients;
	return gone;
}

/* ---- ZAP ---- */

static void refused(struct curve *c, const char *key, zmq_msg_t *address)
{
	int64_t now_us = c->host->now_us(c->host);

	if (c->said_us != 0 && now_us - c->said_us < AGAIN_US) {
		c->held++;
		return;
	}
	c->host->log(c->host, 4,
		     "refused: %.*s, key %s: is not in the list of clients; %llu others since that "
		     "was said",
		     (int)zmq_msg_size(address), (const char *)zmq_msg_data(address), key,
		     (unsigned long long)c->held);
	c->said_us = now_us;
	c->held = 0;
}

static void send(void *socket, const void *bytes, size_t len, bool more)
{
	while (zmq_send(socket, bytes, len, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) < 0 &&
	       errno == EINTR)
		;
}

static void zap_answer(struct curve *c, zmq_msg_t frames[Z_N], size_t n)
{
	curve_key key = "";
	bool good = n == Z_N && zmq_msg_size(&frames[Z_MECHANISM]) == 5 &&
		    memcmp(zmq_msg_data(&frames[Z_MECHANISM]), "CURVE", 5) == 0 &&
		    zmq_msg_size(&frames[Z_KEY]) == KEY_BYTES &&
		    zmq_z85_encode(key, zmq_msg_data(&frames[Z_KEY]), KEY_BYTES) != NULL &&
		    has(c, key);

	send(c->zap, "1.0", 3, true);
	send(c->zap, zmq_msg_data(&frames[Z_ID]), zmq_msg_size(&frames[Z_ID]), true);
	send(c->zap, good ? "200" : "400", 3, true);
	send(c->zap, "", 0, true);
	send(c->zap, key, strlen(key), true);
	send(c->zap, "", 0, false);
	if (!good)
		refused(c, key, &frames[Z_ADDRESS]);
}

/* Those of one message; more than there is room for are thrown away.  0: none is there. */
static size_t receive(void *socket, zmq_msg_t frames[Z_N])
{
	size_t n = 0;
	bool more = true;

	while (more) {
		zmq_msg_t m;
		int r;

		(void)zmq_msg_init(&m);
		do
			r = zmq_msg_recv(&m, socket, ZMQ_DONTWAIT);
		while (r < 0 && errno == EINTR);
		more = r >= 0 && zmq_msg_more(&m);
		if (r >= 0 && n < Z_N)
			(void)zmq_msg_move(&frames[n], &m);
		n += r >= 0;
		(void)zmq_msg_close(&m);
	}
	return n;
}

void curve_tend(struct curve *c)
{
	size_t n = 1;

	for (int i = 0; i < AT_A_TIME && n > 0; i++) {
		zmq_msg_t frames[Z_N];

		for (int k = 0; k < Z_N; k++)
			(void)zmq_msg_init(&frames[k]);
		n = receive(c->zap, frames);
		if (n > 0)
			zap_answer(c, frames, n);
		for (int k = 0; k < Z_N; k++)
			(void)zmq_msg_close(&frames[k]);
	}
}

int curve_guard(struct curve *c, void *ctx, void *socket)
{
	const int on = 1, none = 0;

	c->zap = zmq_socket(ctx, ZMQ_REP);
	if (c->zap == NULL || zmq_setsockopt(c->zap, ZMQ_LINGER, &none, sizeof none) != 0 ||
	    zmq_bind(c->zap, ZAP_ENDPOINT) != 0 ||
	    zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &on, sizeof on) != 0 ||
	    zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, c->secret, sizeof c->secret) != 0 ||
	    zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, DOMAIN, strlen(DOMAIN)) != 0)
		return -errno;
	return 0;
}

void curve_unguard(struct curve *c)
{
	if (c->zap != NULL)
		(void)zmq_close(c->zap);
	c->zap = NULL;
}

/* ---- made and ended ---- */

int curve_init(struct curve *c, const char *key_file, const char *clients_file,
	       const struct tesla_host *host, struct tesla_error *err)
{
	int r;

	*c = (struct curve){ .key_file = key_file,
			     .clients_file = clients_file,
			     .stamp = stamp_of(clients_file),
			     .host = host };
	r = zmq_has("curve") ? key_read(c, err)
			     : tesla_fail(err, -ENOTSUP, "this libzmq was built without CURVE");
	if (r == 0)
		r = each_line(clients_file, take_client, c, err);
	if (r != 0)
		curve_release(c);
	return r;
}

int curve_check(const char *key_file, const char *clients_file, struct tesla_error *err)
{
	struct curve c;
	int r = curve_init(&c, key_file, clients_file, NULL, err);

	if (r == 0)
		curve_release(&c);
	return r;
}

void curve_release(struct curve *c)
{
	curve_unguard(c);
	explicit_bzero(c->secret, sizeof c->secret);
	free(c->clients);
	c->clients = NULL;
	c->n_clients = 0;
}
