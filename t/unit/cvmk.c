/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver cvmk against a peer that answers as a row says: statuses, times, silence.  The frames
 * themselves are cvmk_frame.c's.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <pty.h>
#include <string.h>
#include <sys/socket.h>
#include <tesla/plugin.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define TIMEOUT_MS 100
#define CHUNKS 3

/* ---- the peer: reads one request, then sends chunks ---- */

struct chunk {
	int delay_ms;
	const char *text; /* NULL: no more */
	bool hangup;
};

struct peer {
	int fd;
	const struct chunk *chunks;
	char request[32];
	pthread_t thread;
};

static void *peer_run(void *arg)
{
	struct peer *p = arg;
	ssize_t n = read(p->fd, p->request, sizeof p->request - 1);

	p->request[n > 0 ? n : 0] = '\0';
	for (size_t i = 0; i < CHUNKS && (p->chunks[i].text != NULL || p->chunks[i].hangup); i++) {
		const struct chunk *c = &p->chunks[i];

		(void)usleep((useconds_t)c->delay_ms * 1000);
		if (c->hangup)
			(void)shutdown(p->fd, SHUT_RDWR);
		else
			cr_assert_eq(write(p->fd, c->text, strlen(c->text)),
				     (ssize_t)strlen(c->text));
	}
	return NULL;
}

/* ---- a line with a driver at one end ---- */

struct rig {
	struct tesla_line line;
	void *self;
	int peer_fd;
	struct peer peer;
	struct buf data;
	struct tesla_reply reply;
	struct tesla_error err;
};

static void rig_open(struct rig *r, enum tesla_line_kind kind, uint32_t baud)
{
	int64_t silence_ms = 0; /* the plugin's conf */
	int fds[2];

	cr_assert_eq(tesla_plugin.conf_size, sizeof silence_ms);
	if (kind == TESLA_LINE_SERIAL) {
		struct termios raw;

		cr_assert_eq(openpty(&fds[1], &fds[0], NULL, NULL, NULL), 0);
		cr_assert_eq(tcgetattr(fds[0], &raw), 0);
		cfmakeraw(&raw);
		cr_assert_eq(tcsetattr(fds[0], TCSANOW, &raw), 0);
	} else {
		cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	}
	*r = (struct rig){ .line = { .size = sizeof r->line,
				     .kind = kind,
				     .fd = fds[0],
				     .baud = baud,
				     .name = "line" },
			   .peer_fd = fds[1] };
	buf_init(&r->data, 1000);
	cr_assert_eq(tesla_plugin.driver->open(&silence_ms, &r->line, NULL, &r->self, &r->err), 0,
		     "%s", r->err.text);
}

static void rig_close(struct rig *r)
{
	tesla_plugin.driver->close(r->self);
	buf_release(&r->data);
	(void)close(r->line.fd);
	(void)close(r->peer_fd);
}

static void rig_clear(struct rig *r)
{
	buf_clear(&r->data);
	r->reply = (struct tesla_reply){ .data = &r->data.pub };
	r->err = (struct tesla_error){ 0 };
}

static const struct tesla_block block = { .command = "RVm", .count = 27 };

/* block NULL: identify. */
static int rig_read(struct rig *r, const struct chunk *chunks, const struct tesla_block *b)
{
	int rc;

	rig_clear(r);
	r->peer = (struct peer){ .fd = r->peer_fd, .chunks = chunks };
	cr_assert_eq(pthread_create(&r->peer.thread, NULL, peer_run, &r->peer), 0);
	rc = b == NULL ? tesla_plugin.driver->identify(r->self, 5, TIMEOUT_MS, &r->reply, &r->err)
		       : tesla_plugin.driver->read(r->self, 5, b, TIMEOUT_MS, &r->reply, &r->err);
	(void)pthread_join(r->peer.thread, NULL);
	return rc;
}

#define TCP TESLA_LINE_RAW_TCP
#define TTY TESLA_LINE_SERIAL
#define DATA "000000230000000231000000229"
#define GOOD "$05" DATA "B1\n"
#define OLD "$05000000111000000111000000111A2\n"

static const struct io_case {
	const char *name;
	bool identify;
	enum tesla_status status;
	const char *says, *data;
	struct chunk chunks[CHUNKS];
} cases[] = {
	{ "whole", false, TESLA_REPLY_OK, "", DATA, { { 0, GOOD, false } } },
	{ "in parts",
	  false,
	  TESLA_REPLY_OK,
	  "",
	  DATA,
	  { { 0, "$0500000023", false },
	    { 10, "0000000231000000229B", false },
	    { 10, "1\n", false } } },
	{ "noise before it",
	  false,
	  TESLA_REPLY_OK,
	  "",
	  DATA,
	  { { 0, "\x01\n$0x\xfey$" GOOD, false } } },
	{ "noise, then it",
	  false,
	  TESLA_REPLY_OK,
	  "",
	  DATA,
	  { { 0, "xy\n", false }, { 10, GOOD, false } } },
	{ "twice", false, TESLA_REPLY_OK, "", DATA, { { 0, GOOD GOOD, false } } },
	{ "it, then noise", false, TESLA_REPLY_OK, "", DATA, { { 0, GOOD "$\xff", false } } },
	{ "wrong sum",
	  false,
	  TESLA_REPLY_GARBLED,
	  "wrong checksum",
	  "",
	  { { 0, "$05" DATA "B2\n", false } } },
	{ "another address",
	  false,
	  TESLA_REPLY_GARBLED,
	  "another address, expected 05",
	  "",
	  { { 0, "$06" DATA "B2\n", false } } },
	{ "another shape",
	  false,
	  TESLA_REPLY_GARBLED,
	  "of 3 characters, expected 27",
	  "",
	  { { 0, "$055001E\n", false } } },
	{ "half",
	  false,
	  TESLA_REPLY_GARBLED,
	  "stopped half way",
	  "",
	  { { 0, "$0500000023", false } } },
	{ "silent",
	  false,
	  TESLA_REPLY_TIMEOUT,
	  "line: no answer in 10",
	  "",
	  { { 0, NULL, false } } },
	{ "only noise",
	  false,
	  TESLA_REPLY_TIMEOUT,
	  " ms, only 5 bytes of noise",
	  "",
	  { { 0, "abcde", false } } },
	{ "too late",
	  false,
	  TESLA_REPLY_TIMEOUT,
	  "no answer",
	  "",
	  { { TIMEOUT_MS + 50, GOOD, false } } },
	{ "begins in time",
	  false,
	  TESLA_REPLY_OK,
	  "",
	  DATA,
	  { { TIMEOUT_MS - 20, "$05000000230000000231", false }, { 25, "000000229B1\n", false } } },
	{ "version",
	  true,
	  TESLA_REPLY_OK,
	  "",
	  "CVMk Ver. 2.17",
	  { { 0, "$05  2.17 B1\n", false } } },
	{ "an echo, then it",
	  true,
	  TESLA_REPLY_OK,
	  "",
	  "CVMk Ver. 2.17",
	  { { 0, "$05VER76\n$05  2.17 B1\n", false } } },
	{ "noise, an echo, then it in parts",
	  true,
	  TESLA_REPLY_OK,
	  "",
	  "CVMk Ver. 2.17",
	  { { 0, "x$05VER76\n$05", false }, { 10, "  2.17 B1\n", false } } },
	{ "an echo and nothing",
	  true,
	  TESLA_REPLY_TIMEOUT,
	  "no answer",
	  "",
	  { { 0, "$05VER76\n", false } } },
	{ "no version", true, TESLA_REPLY_TIMEOUT, "no answer", "", { { 0, NULL, false } } },
};

static void check_case(struct rig *r, const struct io_case *c)
{
	int64_t before = clock_mono_us(), after;

	cr_expect_eq(rig_read(r, c->chunks, c->identify ? NULL : &block), 0, "%s", c->name);
	after = clock_mono_us();
	cr_expect_str_eq(r->peer.request, c->identify ? "$05VER76\n" : "$05RVm9E\n", "%s", c->name);
	cr_expect_eq(r->reply.status, c->status, "%s: %d %s", c->name, (int)r->reply.status,
		     r->err.text);
	cr_expect_not_null(strstr(r->err.text, c->says), "%s: %s", c->name, r->err.text);
	cr_expect_lt(after - before, 2 * TIMEOUT_MS * 1000, "%s: took %lld us", c->name,
		     (long long)(after - before));
	cr_expect_geq(r->reply.sent_us, before, "%s", c->name);
	cr_expect_leq(r->line.last_byte_us, after + 20000, "%s", c->name);
	cr_expect_eq(r->data.pub.len, strlen(c->data), "%s", c->name);
	if (c->status != TESLA_REPLY_OK)
		return;
	cr_expect_arr_eq(r->data.pub.bytes, c->data, strlen(c->data), "%s", c->name);
	cr_expect_geq(r->reply.received_us, r->reply.sent_us, "%s", c->name);
	cr_expect_eq(r->line.last_byte_us, r->reply.received_us, "%s", c->name);
}

Test(cvmk, replies, .timeout = 60)
{
	static const enum tesla_line_kind kinds[] = { TCP, TTY };

	for (size_t i = 0; i < 2 * N_ELEMENTS(cases); i++) {
		struct rig r;

		rig_open(&r, kinds[i % 2], 19200);
		check_case(&r, &cases[i / 2]);
		rig_close(&r);
	}
}

Test(cvmk, hangs_up, .timeout = 20)
{
	static const struct chunk hangups[][CHUNKS] = {
		{ { .hangup = true } },
		{ { 0, "$0500", false }, { .hangup = true } },
	};
	static const struct chunk none[CHUNKS];

	for (size_t i = 0; i < N_ELEMENTS(hangups); i++) {
		struct rig r;

		rig_open(&r, TCP, 0);
		cr_expect_eq(rig_read(&r, hangups[i], &block), 0);
		cr_expect_eq(r.reply.status, TESLA_REPLY_BROKEN);
		cr_expect_not_null(strstr(r.err.text, "line: read: "), "%s", r.err.text);
		cr_expect_eq(rig_read(&r, none, &block), 0);
		cr_expect_eq(r.reply.status, TESLA_REPLY_BROKEN, "and stays so");
		rig_close(&r);
	}
}

/* Nothing in a reply says which command it answers: what came between two requests must be gone. */
Test(cvmk, what_came_between_requests_is_thrown_away, .timeout = 20)
{
	static const enum tesla_line_kind kinds[] = { TCP, TTY };

	for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
		struct rig r;

		rig_open(&r, kinds[i], 19200);
		cr_assert_eq(write(r.peer_fd, OLD, strlen(OLD)), (ssize_t)strlen(OLD));
		(void)usleep(20000);
		check_case(&r, &cases[0]);
		rig_close(&r);
	}
}

/* As Modbus meters on the same line need it. */
Test(cvmk, the_silence_is_kept, .timeout = 20)
{
	static const struct {
		enum tesla_line_kind kind;
		uint32_t baud;
		int64_t silence_us;
	} lines[] = {
		{ TTY, 9600, 4011 }, { TTY, 115200, 1750 }, { TCP, 9600, 4011 }, { TCP, 0, 0 }
	};

	for (size_t i = 0; i < N_ELEMENTS(lines); i++) {
		struct rig r;

		rig_open(&r, lines[i].kind, lines[i].baud);
		for (int n = 0; n < 10; n++) {
			int64_t last = r.line.last_byte_us;

			check_case(&r, &cases[0]);
			cr_expect_geq(r.reply.sent_us, last + lines[i].silence_us, "line %zu", i);
		}
		rig_close(&r);
	}
}

/* A request leaves byte by byte: without an answer, the silence counts from its end. */
Test(cvmk, the_last_byte_of_a_request_counts)
{
	struct rig r;

	rig_open(&r, TTY, 9600);
	cr_expect_eq(rig_read(&r, (const struct chunk[CHUNKS]){ { .text = NULL } }, &block), 0);
	cr_expect_eq(r.line.last_byte_us, r.reply.sent_us + 10313);
	rig_close(&r);
}

static void *babble(void *arg)
{
	const struct rig *r = arg;

	for (int i = 0; i < 150; i++) {
		(void)send(r->peer_fd, "$", 1, MSG_NOSIGNAL);
		(void)usleep(2000);
	}
	return NULL;
}

/* Neither before a request nor after one does it wait for ever. */
Test(cvmk, a_babbling_line, .timeout = 20)
{
	static const struct {
		uint32_t baud;
		const char *says;
	} lines[] = { { 1200, "keep coming" }, { 0, "half way" } };

	for (size_t i = 0; i < N_ELEMENTS(lines); i++) {
		int64_t before = clock_mono_us();
		pthread_t thread;
		struct rig r;

		rig_open(&r, TCP, lines[i].baud);
		rig_clear(&r);
		cr_assert_eq(pthread_create(&thread, NULL, babble, &r), 0);
		(void)usleep(5000);
		cr_expect_eq(
			tesla_plugin.driver->read(r.self, 5, &block, TIMEOUT_MS, &r.reply, &r.err),
			0);
		cr_expect_lt(clock_mono_us() - before, 2 * TIMEOUT_MS * 1000);
		cr_expect_eq(r.reply.status, TESLA_REPLY_GARBLED);
		cr_expect_not_null(strstr(r.err.text, lines[i].says), "%s", r.err.text);
		cr_expect_eq(r.reply.sent_us == 0, lines[i].baud != 0);
		(void)pthread_join(thread, NULL);
		rig_close(&r);
	}
}

Test(cvmk, what_is_no_request)
{
	static const struct {
		unsigned address;
		struct tesla_block block;
	} bad[] = {
		{ 100, { .command = "RVI" } },
		{ 5, { .command = "RV" } },
		{ 5, { .command = "WRT" } },
		{ 5, { .function = 3, .count = 1 } },
		{ 5, { .command = "RVI", .count = 250 } },
	};

	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		struct rig r;

		rig_open(&r, TTY, 9600);
		rig_clear(&r);
		cr_expect_eq(tesla_plugin.driver->read(r.self, bad[i].address, &bad[i].block, 10,
						       &r.reply, &r.err),
			     -EINVAL, "case %zu", i);
		cr_expect_neq(r.err.text[0], '\0');
		rig_close(&r);
	}
}
