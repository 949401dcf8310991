/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modBusComm against a peer that answers as a row says: statuses, times, silence, and the two
 * halves.
 */
#include "modBusComm_rig.h"

static const struct io_case {
	const char *name;
	const struct tesla_block *asked; /* NULL: identify */
	enum tesla_line_kind kind;
	enum tesla_status status;
	const char *says;
	struct chunk chunks[CHUNKS];
} cases[] = {
	{ "rtu", &block, RTU, TESLA_REPLY_OK, "", { RTU_FRAME(0, 5, 3, 4, 1, 2, 3, 4) } },
	{ "rtu in two parts",
	  &block,
	  RTU,
	  TESLA_REPLY_OK,
	  "",
	  { BYTES(0, 5, 3, 4), BYTES(10, 1, 2, 3, 4, 0x1e, 0xfc) } },
	{ "rtu, wrong sum",
	  &block,
	  RTU,
	  TESLA_REPLY_GARBLED,
	  "a wrong checksum",
	  { BAD_FRAME(0, 5, 3, 4, 1, 2, 3, 4) } },
	{ "rtu, another address",
	  &block,
	  RTU,
	  TESLA_REPLY_GARBLED,
	  "address 6, expected 5",
	  { RTU_FRAME(0, 6, 3, 4, 1, 2, 3, 4) } },
	{ "rtu, another shape",
	  &block,
	  RTU,
	  TESLA_REPLY_GARBLED,
	  "byte count 2, expected 4",
	  { RTU_FRAME(0, 5, 3, 2, 1, 2) } },
	{ "rtu, exception",
	  &block,
	  RTU,
	  TESLA_REPLY_EXCEPTION,
	  "exception 2",
	  { RTU_FRAME(0, 5, 0x83, 2) } },
	{ "rtu, silent",
	  &block,
	  RTU,
	  TESLA_REPLY_TIMEOUT,
	  "line: no answer in 100 ms",
	  { { .len = 0 } } },
	{ "rtu, half",
	  &block,
	  RTU,
	  TESLA_REPLY_GARBLED,
	  "stopped half way",
	  { BYTES(0, 5, 3, 4, 1) } },
	{ "rtu, hangs up",
	  &block,
	  RTU,
	  TESLA_REPLY_BROKEN,
	  "line: read: ",
	  { { .hangup = true } } },
	{ "rtu, hangs up half way",
	  &block,
	  RTU,
	  TESLA_REPLY_BROKEN,
	  "line: read: ",
	  { BYTES(0, 5, 3, 4), { .hangup = true } } },
	{ "rtu, identity",
	  NULL,
	  RTU,
	  TESLA_REPLY_OK,
	  "",
	  { RTU_FRAME(0, 5, 17, 6, 1, 0xff, 'P', 'M', '7', ' ') } },
	{ "rtu, no identity",
	  NULL,
	  RTU,
	  TESLA_REPLY_EXCEPTION,
	  "exception 1",
	  { RTU_FRAME(0, 5, 0x91, 1) } },
	{ "tcp",
	  &block,
	  TCP,
	  TESLA_REPLY_OK,
	  "",
	  { BYTES(0, 0xff, 0xff, 0, 0, 0, 7, 5, 3, 4, 1, 2, 3, 4) } },
	{ "tcp in two parts",
	  &block,
	  TCP,
	  TESLA_REPLY_OK,
	  "",
	  { BYTES(0, 0xff, 0xff, 0, 0, 0, 7, 5, 3), BYTES(10, 4, 1, 2, 3, 4) } },
	{ "tcp, late one first",
	  &block,
	  TCP,
	  TESLA_REPLY_OK,
	  "",
	  { OLDER(0, 0xff, 0xff, 0, 0, 0, 7, 5, 3, 4, 9, 9, 9, 9),
	    BYTES(5, 0xff, 0xff, 0, 0, 0, 7, 5, 3, 4, 1, 2, 3, 4) } },
	{ "tcp, late one alone",
	  &block,
	  TCP,
	  TESLA_REPLY_TIMEOUT,
	  "no answer",
	  { OLDER(0, 0xff, 0xff, 0, 0, 0, 7, 5, 3, 4, 9, 9, 9, 9) } },
	{ "tcp, a gateway for a silent meter",
	  &block,
	  TCP,
	  TESLA_REPLY_TIMEOUT,
	  "exception 11 (gateway",
	  { BYTES(0, 0xff, 0xff, 0, 0, 0, 3, 5, 0x83, 11) } },
	{ "tcp, another unit",
	  &block,
	  TCP,
	  TESLA_REPLY_GARBLED,
	  "address 1, expected 5",
	  { BYTES(0, 0xff, 0xff, 0, 0, 0, 7, 1, 3, 4, 1, 2, 3, 4) } },
	{ "tcp, another protocol",
	  &block,
	  TCP,
	  TESLA_REPLY_GARBLED,
	  "no Modbus TCP reply",
	  { BYTES(0, 0xff, 0xff, 0, 7, 0, 7, 5, 3, 4, 1, 2, 3, 4) } },
	{ "tcp, two lengths",
	  &block,
	  TCP,
	  TESLA_REPLY_GARBLED,
	  "no Modbus TCP reply",
	  { BYTES(0, 0xff, 0xff, 0, 0, 0, 9, 5, 3, 4, 1, 2, 3, 4) } },
	{ "tcp, half",
	  &block,
	  TCP,
	  TESLA_REPLY_GARBLED,
	  "stopped half way",
	  { BYTES(0, 0xff, 0xff, 0, 0, 0, 7, 5, 3, 4) } },
	{ "tcp, silent",
	  &block,
	  TCP,
	  TESLA_REPLY_TIMEOUT,
	  "no answer in 100 ms",
	  { { .len = 0 } } },
	{ "tcp, hangs up",
	  &block,
	  TCP,
	  TESLA_REPLY_BROKEN,
	  "line: read: ",
	  { { .hangup = true } } },
	{ "tcp, identity",
	  NULL,
	  TCP,
	  TESLA_REPLY_OK,
	  "",
	  { BYTES(0, 0xff, 0xff, 0, 0, 0, 8, 5, 17, 5, 1, 0xff, 'P', 'M', '7') } },
	{ "serial",
	  &block,
	  TESLA_LINE_SERIAL,
	  TESLA_REPLY_OK,
	  "",
	  { RTU_FRAME(0, 5, 3, 4, 1, 2, 3, 4) } },
	{ "serial, silent",
	  &block,
	  TESLA_LINE_SERIAL,
	  TESLA_REPLY_TIMEOUT,
	  "no answer",
	  { { .len = 0 } } },
	{ "serial, half",
	  &block,
	  TESLA_LINE_SERIAL,
	  TESLA_REPLY_GARBLED,
	  "half way",
	  { BYTES(0, 5, 3, 4, 1) } },
	{ "rtu, asked by 17",
	  &by_17,
	  RTU,
	  TESLA_REPLY_OK,
	  "",
	  { RTU_FRAME(0, 5, 17, 5, 1, 0xff, 'P', 'M', '7') } },
	{ "rtu, asked by 43", &by_43, RTU, TESLA_REPLY_OK, "", { RTU_FRAME(0, PM7_OBJECTS) } },
	{ "rtu, 43 in parts",
	  &by_43,
	  RTU,
	  TESLA_REPLY_OK,
	  "",
	  { BYTES(0, 5, 43, 14, 1, 1, 0, 0, 2, 0), BYTES(10, 0, 1, 3, 'P', 'M'),
	    BYTES(10, '7', 0x89, 0xec) } },
	{ "rtu, 43, wrong sum",
	  &by_43,
	  RTU,
	  TESLA_REPLY_GARBLED,
	  "a reply with a wrong checksum",
	  { BAD_FRAME(0, PM7_OBJECTS) } },
	{ "rtu, 43, another address",
	  &by_43,
	  RTU,
	  TESLA_REPLY_GARBLED,
	  "address 6, expected 5",
	  { RTU_FRAME(0, 6, 43, 14, 1, 1, 0, 0, 0) } },
	{ "rtu, 43 refused",
	  &by_43,
	  RTU,
	  TESLA_REPLY_EXCEPTION,
	  "exception 1",
	  { RTU_FRAME(0, 5, 0xab, 1) } },
	{ "rtu, 43, half",
	  &by_43,
	  RTU,
	  TESLA_REPLY_GARBLED,
	  "a reply that stopped half way",
	  { BYTES(0, 5, 43, 14, 1, 1, 0, 0, 2, 0, 1) } },
	{ "rtu, 43, but for the sum",
	  &by_43,
	  RTU,
	  TESLA_REPLY_GARBLED,
	  "a reply that stopped half way",
	  { BYTES(0, PM7_OBJECTS) } },
	{ "rtu, 43, silent", &by_43, RTU, TESLA_REPLY_TIMEOUT, "no answer in", { { .len = 0 } } },
	{ "rtu, 43, hangs up half way",
	  &by_43,
	  RTU,
	  TESLA_REPLY_BROKEN,
	  "line: read: ",
	  { BYTES(0, 5, 43, 14), { .hangup = true } } },
	{ "tcp, asked by 43",
	  &by_43,
	  TCP,
	  TESLA_REPLY_OK,
	  "",
	  { BYTES(0, 0xff, 0xff, 0, 0, 0, 15, PM7_OBJECTS) } },
	{ "tcp, 43 in parts, behind a late one",
	  &by_43,
	  TCP,
	  TESLA_REPLY_OK,
	  "",
	  { OLDER(0, 0xff, 0xff, 0, 0, 0, 7, 5, 3, 4, 9, 9, 9, 9),
	    BYTES(0, 0xff, 0xff, 0, 0, 0, 15, 5, 43, 14, 1, 1, 0),
	    BYTES(10, 0, 2, 0, 0, 1, 3, 'P', 'M', '7') } },
	{ "tcp, 43 refused",
	  &by_43,
	  TCP,
	  TESLA_REPLY_EXCEPTION,
	  "exception 1",
	  { BYTES(0, 0xff, 0xff, 0, 0, 0, 3, 5, 0xab, 1) } },
	{ "tcp, 43, two lengths",
	  &by_43,
	  TCP,
	  TESLA_REPLY_GARBLED,
	  "no Modbus TCP reply",
	  { BYTES(0, 0xff, 0xff, 0, 0, 0, 14, 5, 43, 14, 1, 1, 0, 0, 2, 0, 0, 1, 3, 'P', 'M') } },
	{ "tcp, 43, half",
	  &by_43,
	  TCP,
	  TESLA_REPLY_GARBLED,
	  "stopped half way",
	  { BYTES(0, 0xff, 0xff, 0, 0, 0, 15, 5, 43, 14) } },
	{ "tcp, 43, hangs up",
	  &by_43,
	  TCP,
	  TESLA_REPLY_BROKEN,
	  "line: read: ",
	  { { .hangup = true } } },
	{ "serial, asked by 43",
	  &by_43,
	  TESLA_LINE_SERIAL,
	  TESLA_REPLY_OK,
	  "",
	  { RTU_FRAME(0, PM7_OBJECTS) } },
	{ "serial, 43, half",
	  &by_43,
	  TESLA_LINE_SERIAL,
	  TESLA_REPLY_GARBLED,
	  "half way",
	  { BYTES(0, 5, 43, 14, 1) } },
};

static void check_case(struct rig *r, const struct io_case *c)
{
	int64_t before = clock_mono_us();

	cr_expect_eq(rig_read(r, c->chunks, c->asked), 0, "%s", c->name);
	int64_t after = clock_mono_us();

	cr_expect_eq(r->reply.status, c->status, "%s: %d %s", c->name, (int)r->reply.status,
		     r->err.text);
	cr_expect_not_null(strstr(r->err.text, c->says), "%s: %s", c->name, r->err.text);
	cr_expect_lt(after - before, 2 * TIMEOUT_MS * 1000, "%s: took %lld us", c->name,
		     (long long)(after - before));
	cr_expect_geq(r->reply.sent_us, before, "%s", c->name);
	cr_expect_leq(r->line.last_byte_us, after + 20000, "%s", c->name);
	if (c->status != TESLA_REPLY_OK) {
		cr_expect_eq(r->data.pub.len, 0, "%s", c->name);
		return;
	}
	cr_expect_geq(r->reply.received_us, r->reply.sent_us, "%s", c->name);
	cr_expect_eq(r->line.last_byte_us, r->reply.received_us, "%s", c->name);
	const char *data = c->asked != &block ? "PM7" : "\1\2\3\4";

	cr_expect_eq(r->data.pub.len, strlen(data), "%s", c->name);
	cr_expect_eq(memcmp(r->data.pub.bytes, data, strlen(data)), 0, "%s", c->name);
}

Test(modBusComm, replies, .timeout = 60)
{
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct rig r;

		rig_open(&r, cases[i].kind, cases[i].kind == TESLA_LINE_SERIAL ? 19200 : 0);
		check_case(&r, &cases[i]);
		rig_close(&r);
	}
}

/* What went over the wire, byte by byte, whatever became of it. */
Test(modBusComm, what_is_traced, .timeout = 60)
{
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		const struct io_case *c = &cases[i];
		struct shown *sent, *received, *late;
		struct peer peer;
		struct rig r;

		rig_open(&r, c->kind, c->kind == TESLA_LINE_SERIAL ? 19200 : 0);
		sent = &r.shown[TESLA_FRAME_SENT];
		received = &r.shown[TESLA_FRAME_RECEIVED];
		late = &r.shown[TESLA_FRAME_LATE];
		cr_expect_eq(rig_ask(&r, &peer, c->chunks, c->asked), 0);
		cr_expect_eq(sent->n + received->n + late->n, 0, "%s: nobody looked", c->name);
		rig_close(&r);
		rig_open(&r, c->kind, c->kind == TESLA_LINE_SERIAL ? 19200 : 0);
		r.host.traced = 1;
		cr_expect_eq(rig_ask(&r, &peer, c->chunks, c->asked), 0);
		cr_expect_eq(sent->len, peer.len, "%s", c->name);
		cr_expect_eq(memcmp(sent->bytes, peer.request, peer.len), 0, "%s", c->name);
		cr_expect_eq(late->len, c->chunks[0].older ? 13 : 0, "%s", c->name);
		memcpy(late->bytes + late->len, received->bytes, received->len);
		cr_expect_eq(late->len + received->len, peer.n_sent, "%s: %zu and %zu of %zu",
			     c->name, late->len, received->len, peer.n_sent);
		cr_expect_eq(memcmp(late->bytes, peer.sent, peer.n_sent), 0, "%s", c->name);
		rig_close(&r);
	}
}

/* On RTU nothing in a reply says whose it is: what came between two requests must be gone. */
Test(modBusComm, what_came_between_requests_is_thrown_away, .timeout = 20)
{
	static const enum tesla_line_kind kinds[] = { RTU, TESLA_LINE_SERIAL, TCP };

	for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
		const struct io_case *good = &cases[kinds[i] == TCP ? 12 : 0];
		struct chunk late = RTU_FRAME(0, 5, 3, 4, 9, 9, 9, 9);
		struct peer p = { .fd = 0 };
		struct rig r;

		rig_open(&r, kinds[i], 19200);
		r.host.traced = 1;
		p.fd = r.peer_fd;
		chunk_send(&p, &late);
		(void)usleep(20000);
		check_case(&r, good);
		cr_expect_eq(r.shown[TESLA_FRAME_JUNK].len, p.n_sent);
		cr_expect_eq(memcmp(r.shown[TESLA_FRAME_JUNK].bytes, p.sent, p.n_sent), 0);
		rig_close(&r);
	}
}

Test(modBusComm, the_silence_is_kept, .timeout = 20)
{
	static const struct {
		enum tesla_line_kind kind;
		uint32_t baud;
		int64_t silence_us;
	} lines[] = {
		{ TESLA_LINE_SERIAL, 9600, 4011 },
		{ TESLA_LINE_SERIAL, 115200, 1750 },
		{ RTU, 9600, 4011 },
		{ RTU, 0, 0 },
		{ TCP, 0, 0 },
	};

	for (size_t i = 0; i < N_ELEMENTS(lines); i++) {
		struct rig r;

		rig_open(&r, lines[i].kind, lines[i].baud);
		for (int n = 0; n < 10; n++) {
			int64_t last = r.line.last_byte_us;

			cr_expect_eq(
				rig_read(&r, cases[lines[i].kind == TCP ? 12 : 0].chunks, &block),
				0);
			cr_expect_eq(r.reply.status, TESLA_REPLY_OK, "%s", r.err.text);
			cr_expect_geq(r.reply.sent_us, last + lines[i].silence_us, "line %zu", i);
		}
		rig_close(&r);
	}
}

/* A request leaves byte by byte: without an answer, the silence counts from its end. */
Test(modBusComm, the_last_byte_of_a_request_counts)
{
	struct rig r;

	rig_open(&r, TESLA_LINE_SERIAL, 9600);
	cr_expect_eq(rig_read(&r, (const struct chunk[CHUNKS]){ { .len = 0 } }, &block), 0);
	cr_expect_eq(r.line.last_byte_us, r.reply.sent_us + 9167);
	rig_close(&r);
}

static void *babble(void *arg)
{
	const struct rig *r = arg;

	for (int i = 0; i < 100; i++) {
		(void)send(r->peer_fd, "x", 1, MSG_NOSIGNAL);
		(void)usleep(2000);
	}
	return NULL;
}

Test(modBusComm, a_babbling_line_gets_no_request, .timeout = 20)
{
	struct rig r;
	pthread_t thread;

	rig_open(&r, RTU, 1200);
	rig_clear(&r);
	cr_assert_eq(pthread_create(&thread, NULL, babble, &r), 0);
	(void)usleep(5000);
	cr_expect_eq(tesla_plugin.driver->read(r.self, 5, &block, TIMEOUT_MS, &r.reply, &r.err), 0);
	cr_expect_eq(r.reply.status, TESLA_REPLY_GARBLED);
	cr_expect_not_null(strstr(r.err.text, "keep coming"), "%s", r.err.text);
	cr_expect_eq(r.reply.sent_us, 0);
	(void)pthread_join(thread, NULL);
	rig_close(&r);
}

Test(modBusComm, what_is_no_request)
{
	static const struct {
		enum tesla_line_kind kind;
		unsigned address, function;
	} bad[] = {
		{ RTU, 0, 3 },	 { RTU, 248, 3 },
		{ TCP, 256, 3 }, { TCP, 5, 6 },
		{ TCP, 5, 43 }, /* of a register */
		{ RTU, 0, 17 },	 { TESLA_LINE_SERIAL, 5, 1 },
	};

	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		struct tesla_block b = { .function = (uint16_t)bad[i].function, .count = 1 };
		struct rig r;

		rig_open(&r, bad[i].kind, 9600);
		rig_clear(&r);
		cr_expect_eq(
			tesla_plugin.driver->read(r.self, bad[i].address, &b, 10, &r.reply, &r.err),
			-EINVAL, "case %zu", i);
		cr_expect_neq(r.err.text[0], '\0');
		rig_close(&r);
	}
}

/* select() would abort the process; and the host may open the line anew under another number. */
Test(modBusComm, descriptors)
{
	const struct rlimit limit = { 4096, 4096 };
	struct rig r;
	int low;

	rig_open(&r, RTU, 0);
	low = r.line.fd;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		cr_skip_test("no more than 1024 descriptors are allowed here");
	r.line.fd = dup2(low, 1024);
	cr_assert_eq(r.line.fd, 1024);
	rig_clear(&r);
	cr_expect_eq(tesla_plugin.driver->read(r.self, 5, &block, 10, &r.reply, &r.err), 0);
	cr_expect_eq(r.reply.status, TESLA_REPLY_BROKEN);
	cr_expect_not_null(strstr(r.err.text, "descriptor 1024"), "%s", r.err.text);
	(void)close(r.line.fd);
	r.line.fd = dup2(low, 1000);
	(void)close(low);
	check_case(&r, &cases[0]);
	rig_close(&r);
}

/* What is no reply to 43 is known by its first bytes; the rest is thrown away. */
Test(modBusComm, what_is_no_reply_to_43, .timeout = 20)
{
	static const struct {
		const char *says;
		struct chunk chunks[CHUNKS];
	} bad[] = {
		{ "function 3, expected 43", { RTU_FRAME(0, 5, 3, 4, 1, 2, 3, 4) } },
		{ "MEI type 13, expected 14", { RTU_FRAME(0, 5, 43, 13, 1, 1, 0, 0, 0) } },
		{ "read code 4, expected 1", { RTU_FRAME(0, 5, 43, 14, 4, 1, 0, 0, 0) } },
	};

	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		struct rig r;

		rig_open(&r, RTU, 0);
		cr_expect_eq(rig_read(&r, bad[i].chunks, &by_43), 0);
		cr_expect_eq(r.reply.status, TESLA_REPLY_GARBLED);
		cr_expect_not_null(strstr(r.err.text, bad[i].says), "%s", r.err.text);
		check_case(&r, &cases[0]);
		rig_close(&r);
	}
}

/* Its length is known by its own bytes; what lies behind it goes before the next request. */
Test(modBusComm, what_comes_behind_a_reply_to_43, .timeout = 20)
{
	const struct chunk chunks[CHUNKS] = { BYTES(0, PM7_OBJECTS, 0x89, 0xec, 5, 43, 14) };
	struct rig r;

	rig_open(&r, RTU, 0);
	cr_expect_eq(rig_read(&r, chunks, &by_43), 0);
	cr_expect_eq(r.reply.status, TESLA_REPLY_OK, "%s", r.err.text);
	cr_expect_eq(r.data.pub.len, 3);
	r.host.traced = 1;
	check_case(&r, &cases[0]);
	cr_expect_eq(r.shown[TESLA_FRAME_JUNK].len, 3);
	rig_close(&r);
}

/* ---- the two halves ---- */

Test(modBusComm, two_halves_on_tcp)
{
	const struct chunk *answer = &cases[12].chunks[0];
	struct chunk late = *answer;
	uint8_t request[REQUEST_MAX];
	struct rig r;

	late.older = 1;
	rig_open(&r, TCP, 0);
	rig_clear(&r);
	cr_assert_eq(tesla_plugin.driver->request(r.self, 5, &block, &r.reply, &r.err), 0, "%s",
		     r.err.text);
	cr_expect_gt(r.reply.sent_us, 0);
	cr_expect_eq(r.reply.status, TESLA_REPLY_NONE);
	cr_assert_eq(recv(r.peer_fd, request, sizeof request, 0), 12);
	cr_expect_arr_eq(request + 2, ((uint8_t[]){ 0, 0, 0, 6, 5, 3, 0x0f, 0xc0, 0, 2 }), 10);
	halves_send(&r, request, &late);
	check_receive(&r, &block, TESLA_REPLY_NONE);
	cr_expect_eq(r.data.pub.len, 0);
	halves_send(&r, request, answer);
	check_receive(&r, &block, TESLA_REPLY_OK);
	cr_expect_arr_eq(r.data.pub.bytes, ((uint8_t[]){ 1, 2, 3, 4 }), 4);
	rig_clear(&r);
	cr_assert_eq(tesla_plugin.driver->request(r.self, 5, NULL, &r.reply, &r.err), 0, "%s",
		     r.err.text);
	cr_assert_eq(recv(r.peer_fd, request, sizeof request, 0), 8);
	halves_send(&r, request,
		    &(const struct chunk)BYTES(0, 0xff, 0xff, 0, 0, 0, 8, 5, 17, 5, 1, 0xff, 'P',
					       'M', '7'));
	check_receive(&r, NULL, TESLA_REPLY_OK);
	cr_expect_eq(r.data.pub.len, 3);
	(void)shutdown(r.peer_fd, SHUT_RDWR);
	rig_clear(&r);
	cr_expect_eq(tesla_plugin.driver->request(r.self, 5, &block, &r.reply, &r.err), 0);
	cr_expect_eq(r.reply.status, TESLA_REPLY_BROKEN);
	rig_close(&r);
	rig_open(&r, RTU, 0);
	cr_expect_lt(tesla_plugin.driver->request(r.self, 5, &block, &r.reply, &r.err), 0);
	rig_close(&r);
}
