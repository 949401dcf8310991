/* SPDX-License-Identifier: Apache-2.0 */
/* The driver at one end of a line; at the other a peer that answers as the test says. */
#ifndef T_MODBUSCOMM_RIG_H
#define T_MODBUSCOMM_RIG_H

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <pty.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define TIMEOUT_MS 100
#define REQUEST_MAX 12
#define CHUNKS 3

/* ---- the peer: reads one request, then sends chunks ---- */

enum { PLAIN, SUM, BAD_SUM }; /* RTU: with a checksum, or a wrong one */
struct chunk {
	int delay_ms;
	size_t len;
	uint8_t bytes[24];
	int sum;
	uint16_t older;
	bool hangup;
};

struct peer {
	int fd;
	const struct chunk *chunks;
	uint8_t request[REQUEST_MAX];
	size_t len;
	uint8_t sent[128];
	size_t n_sent;
	pthread_t thread;
};

static inline uint16_t crc16(const uint8_t *p, size_t len)
{
	uint16_t crc = 0xffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1);
	}
	return crc;
}

/* `older`: how many requests ago the one was that this answers (TCP). */
static inline void chunk_send(struct peer *p, const struct chunk *c)
{
	uint8_t frame[32];
	size_t len = c->len;

	memcpy(frame, c->bytes, len);
	if (c->sum != PLAIN) {
		uint16_t crc = (uint16_t)(crc16(frame, len) + (c->sum == BAD_SUM));

		frame[len++] = (uint8_t)crc;
		frame[len++] = (uint8_t)(crc >> 8);
	} else if (len > 2 && frame[0] == 0xff) { /* transaction: as in the request */
		uint16_t id = (uint16_t)((p->request[0] << 8 | p->request[1]) - c->older);

		frame[0] = (uint8_t)(id >> 8);
		frame[1] = (uint8_t)id;
	}
	cr_assert_eq(write(p->fd, frame, len), (ssize_t)len);
	memcpy(p->sent + p->n_sent, frame, len);
	p->n_sent += len;
}

static inline void *peer_run(void *arg)
{
	struct peer *p = arg;
	ssize_t n = read(p->fd, p->request, sizeof p->request);

	p->len = n > 0 ? (size_t)n : 0;
	for (size_t i = 0; i < CHUNKS && (p->chunks[i].len > 0 || p->chunks[i].hangup); i++) {
		(void)usleep((useconds_t)p->chunks[i].delay_ms * 1000);
		if (p->chunks[i].hangup)
			(void)shutdown(p->fd, SHUT_RDWR);
		else
			chunk_send(p, &p->chunks[i]);
	}
	return NULL;
}

static inline void peer_start(struct peer *p, int fd, const struct chunk *chunks)
{
	*p = (struct peer){ .fd = fd, .chunks = chunks };
	cr_assert_eq(pthread_create(&p->thread, NULL, peer_run, p), 0);
}

/* ---- a line with a driver at one end ---- */

struct shown { /* of one kind of frame */
	uint8_t bytes[128];
	size_t len, n;
};
struct rig {
	struct tesla_line line;
	struct tesla_host host;
	struct shown shown[TESLA_FRAME_LATE + 1];
	void *self;
	int peer_fd;
	struct buf data;
	struct tesla_reply reply;
	struct tesla_error err;
};

static inline void on_frame(const struct tesla_host *h, enum tesla_frame_kind kind,
			    const void *bytes, size_t len)
{
	struct rig *r = (struct rig *)(void *)((char *)(uintptr_t)h - offsetof(struct rig, host));
	struct shown *s = &r->shown[kind];

	cr_assert_leq(s->len + len, sizeof s->bytes);
	memcpy(s->bytes + s->len, bytes, len);
	s->len += len;
	s->n++;
}

static inline void rig_open(struct rig *r, enum tesla_line_kind kind, uint32_t baud)
{
	int64_t silence_ms = 0; /* the plugin's conf */
	int fds[2], slave;

	cr_assert_eq(tesla_plugin.conf_size, sizeof silence_ms);
	if (kind == TESLA_LINE_SERIAL) {
		struct termios raw;

		cr_assert_eq(openpty(&fds[1], &slave, NULL, NULL, NULL), 0);
		cr_assert_eq(tcgetattr(slave, &raw), 0);
		cfmakeraw(&raw);
		cr_assert_eq(tcsetattr(slave, TCSANOW, &raw), 0);
		fds[0] = slave;
	} else {
		cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	}
	*r = (struct rig){ .line = { .size = sizeof r->line,
				     .kind = kind,
				     .fd = fds[0],
				     .baud = baud,
				     .name = "line" },
			   .host = { .size = sizeof r->host, .frame = on_frame },
			   .peer_fd = fds[1] };
	buf_init(&r->data, 1000);
	cr_assert_eq(tesla_plugin.driver->open(&silence_ms, &r->line, &r->host, &r->self, &r->err),
		     0, "%s", r->err.text);
}

static inline void rig_close(struct rig *r)
{
	tesla_plugin.driver->close(r->self);
	buf_release(&r->data);
	(void)close(r->line.fd);
	(void)close(r->peer_fd);
}

static inline void rig_clear(struct rig *r)
{
	buf_clear(&r->data);
	r->reply = (struct tesla_reply){ .data = &r->data.pub };
	r->err = (struct tesla_error){ 0 };
}

static const struct tesla_block block = { .function = 3, .address = 0x0fc0, .count = 2 };

static const struct tesla_block by_17 = { .function = 17 }, by_43 = { .function = 43 };

/* asked NULL: identify. */
static inline int rig_ask(struct rig *r, struct peer *peer, const struct chunk *chunks,
			  const struct tesla_block *asked)
{
	int rc;

	rig_clear(r);
	peer_start(peer, r->peer_fd, chunks);
	rc = asked == NULL
		     ? tesla_plugin.driver->identify(r->self, 5, TIMEOUT_MS, &r->reply, &r->err)
		     : tesla_plugin.driver->read(r->self, 5, asked, TIMEOUT_MS, &r->reply, &r->err);
	(void)pthread_join(peer->thread, NULL);
	return rc;
}

static inline int rig_read(struct rig *r, const struct chunk *chunks,
			   const struct tesla_block *asked)
{
	struct peer peer;

	return rig_ask(r, &peer, chunks, asked);
}

/* Bytes 0xff 0xff at the front of a TCP frame stand for the request's transaction. */
#define RTU TESLA_LINE_RAW_TCP
#define TCP TESLA_LINE_TCP
#define CHUNK(DELAY, SUM_, OLDER_, ...) \
	{ \
		.delay_ms = DELAY, .len = sizeof((uint8_t[]){ __VA_ARGS__ }), \
		.bytes = { __VA_ARGS__ }, .sum = SUM_, .older = OLDER_ \
	}
#define BYTES(DELAY, ...) CHUNK(DELAY, PLAIN, 0, __VA_ARGS__)
#define RTU_FRAME(DELAY, ...) CHUNK(DELAY, SUM, 0, __VA_ARGS__)
#define BAD_FRAME(DELAY, ...) CHUNK(DELAY, BAD_SUM, 0, __VA_ARGS__)
#define OLDER(DELAY, ...) CHUNK(DELAY, PLAIN, 1, __VA_ARGS__)

/* Of unit 5: no maker, product PM7. */
#define PM7_OBJECTS 5, 43, 14, 1, 1, 0, 0, 2, 0, 0, 1, 3, 'P', 'M', '7'

/* ---- the two halves ---- */

static inline void halves_send(struct rig *r, uint8_t request[REQUEST_MAX], const struct chunk *c)
{
	struct peer p = { .fd = r->peer_fd };

	memcpy(p.request, request, REQUEST_MAX);
	chunk_send(&p, c);
}

static inline void check_receive(struct rig *r, const struct tesla_block *asked,
				 enum tesla_status status)
{
	uint8_t seen[64];
	ssize_t n = recv(r->line.fd, seen, sizeof seen, MSG_PEEK);

	cr_expect_eq(tesla_plugin.driver->whole(r->self, seen, 8), 0);
	rig_clear(r);
	cr_expect_lt(tesla_plugin.driver->receive(r->self, 5, asked, &r->reply, &r->err), 0,
		     "half a reply was taken");
	cr_assert_eq(tesla_plugin.driver->whole(r->self, seen, (size_t)n), n);
	rig_clear(r);
	cr_expect_eq(tesla_plugin.driver->receive(r->self, 5, asked, &r->reply, &r->err), 0);
	cr_expect_eq(r->reply.status, status, "%s", r->err.text);
}

#endif
