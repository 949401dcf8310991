/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modbus RTU, TCP, and RTU over TCP, one transaction at a time.  How a reply is received is
 * receive.c's, what it must be to be the answer is pdu.c's.  Opens, retries and drains nothing: the
 * host owns the line.
 */
#include <errno.h>
#include <modbus.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>

#include "receive.h"

#define RTU_ADDRESS_MAX 247 /* libmodbus takes no more; Modbus reserves the rest */

struct conf {
	int64_t silence_ms;
};

/* ---- before a request ---- */

/* The host may have opened the line anew.  Beyond FD_SETSIZE, libmodbus' select() aborts us. */
static bool line_attach(const struct bus *b, struct tesla_reply *reply, struct tesla_error *err)
{
	if (b->line->fd < 0 || b->line->fd >= FD_SETSIZE)
		return wire_ended(reply, TESLA_REPLY_BROKEN, err,
				  "%s: descriptor %d is beyond what libmodbus takes (0 to %d)",
				  b->line->name, b->line->fd, FD_SETSIZE - 1);
	(void)modbus_set_socket(b->ctx, b->line->fd);
	return true;
}

/* ---- the request ---- */

/* libmodbus adds the checksum by itself, and does not show it. */
static void show_rtu(const struct bus *b, const struct pdu_request *req)
{
	uint8_t frame[PDU_REQUEST_MAX + PDU_SUM];

	if (tesla_traced(b->host))
		tesla_frame(b->host, TESLA_FRAME_SENT, frame, pdu_rtu_frame(frame, req));
}

static bool send_tcp(struct bus *b, const struct pdu_request *req, struct tesla_reply *reply,
		     struct tesla_error *err)
{
	uint8_t frame[PDU_HEAD + PDU_REQUEST_MAX];
	size_t len = pdu_tcp_frame(frame, ++b->transaction, req);
	ssize_t n = send(b->line->fd, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n != (ssize_t)len)
		return bus_broken(b, reply, err, "send", n < 0 ? errno : EAGAIN);
	tesla_frame(b->host, TESLA_FRAME_SENT, frame, len);
	return true;
}

static bool send_request(struct bus *b, const struct pdu_request *req, struct tesla_reply *reply,
			 struct tesla_error *err)
{
	reply->sent_us = wire_now_us();
	if (b->line->kind == TESLA_LINE_TCP) {
		if (!send_tcp(b, req, reply, err))
			return false;
	} else if (modbus_send_raw_request(b->ctx, req->bytes, (int)req->len) < 0) {
		return bus_broken(b, reply, err, "send", errno);
	} else {
		show_rtu(b, req);
	}
	/* The kernel takes all at once; on a serial line bytes leave one by one, checksum too. */
	b->line->last_byte_us = reply->sent_us + wire_frame_us(b->line->baud, req->len + 2);
	return true;
}

/* ---- the reply ---- */

static bool wait_first_byte(const struct bus *b, int64_t deadline_us, struct tesla_reply *reply,
			    struct tesla_error *err)
{
	if (wire_wait(b->line, deadline_us))
		return true;
	return wire_ended(reply, TESLA_REPLY_TIMEOUT, err, "%s: no answer in %lld ms",
			  b->line->name, (long long)((deadline_us - reply->sent_us) / 1000));
}

static bool is_older(const struct bus *b, const uint8_t *frame)
{
	return b->line->kind == TESLA_LINE_TCP && pdu_tcp_transaction(frame) != b->transaction;
}

/*
 * What a frame of n bytes answers; n 0: the transaction ended before.  1: it is over; 0: that was
 * the answer to an older request; negative: no memory.
 */
static int take(const struct bus *b, const struct pdu_request *req, const uint8_t *frame, size_t n,
		struct tesla_reply *reply, struct tesla_error *err)
{
	bool tcp = b->line->kind == TESLA_LINE_TCP;
	size_t head = tcp ? PDU_HEAD : 0, tail = tcp ? 0 : 2;
	struct pdu_data data = { 0 };
	char text[PDU_TEXT_MAX];

	if (n == 0)
		return 1;
	tesla_frame(b->host, is_older(b, frame) ? TESLA_FRAME_LATE : TESLA_FRAME_RECEIVED, frame,
		    n);
	if (tcp && pdu_tcp_whole(frame, n) != (int)n) {
		(void)wire_ended(reply, TESLA_REPLY_GARBLED, err,
				 "%zu bytes that are no Modbus TCP reply", n);
		return 1;
	}
	if (is_older(b, frame))
		return 0;
	reply->status = pdu_check(req, frame + head, n - head - tail, &data, &reply->code, err);
	if (reply->status != TESLA_REPLY_OK)
		return 1;
	if (req->bytes[1] == PDU_IDENTITY || req->bytes[1] == PDU_DEVICE) {
		data.len = pdu_text(req, &data, text);
		data.bytes = (const uint8_t *)text;
	}
	if (reply->data->append(reply->data, data.bytes, data.len) != 0)
		return tesla_fail(err, -ENOMEM, "%s: no memory for a reply of %zu bytes",
				  b->line->name, data.len);
	return 1;
}

static int transact(struct bus *b, const struct pdu_request *req, int64_t timeout_ms,
		    struct tesla_reply *reply, struct tesla_error *err)
{
	int64_t timeout_us = timeout_ms * 1000, deadline_us;
	const struct wire_quiet quiet = { b->quiet_us, wire_now_us() + timeout_us, b->host };
	uint8_t frame[PDU_FRAME_MAX];
	size_t n;
	int r;

	if (!line_attach(b, reply, err) || !wire_quiet_keep(b->line, &quiet, reply, err) ||
	    !send_request(b, req, reply, err))
		return 0;
	deadline_us = b->line->last_byte_us + timeout_us;
	do {
		if (!wait_first_byte(b, deadline_us, reply, err))
			return 0;
		n = receive_frame(b, req, deadline_us, frame, reply, err);
		r = take(b, req, frame, n, reply, err);
		/* Answers to older requests without end would keep the wait alive. */
		if (r == 0 && wire_now_us() > deadline_us + WIRE_GRACE_US) {
			(void)wire_ended(reply, TESLA_REPLY_TIMEOUT, err,
					 "%s: only old answers came", b->line->name);
			return 0;
		}
	} while (r == 0);
	return r < 0 ? r : 0;
}

/* ---- the driver ---- */

static int address_set(const struct bus *b, unsigned address, struct tesla_error *err)
{
	if (address > UINT8_MAX)
		return tesla_fail(err, -EINVAL, "address %u: expected 0 to 255", address);
	if (b->line->kind == TESLA_LINE_TCP)
		return 0;
	if (address < 1 || address > RTU_ADDRESS_MAX)
		return tesla_fail(err, -EINVAL,
				  "address %u: a Modbus meter on a serial line has 1 to %d",
				  address, RTU_ADDRESS_MAX);
	(void)modbus_set_slave(b->ctx, (int)address);
	return 0;
}

/*
 * Who a meter is, it is asked by function 17; when it refused, or said nothing, the next time by
 * 43; and by that one as long as it says who it is.
 */
static enum pdu_function who_function(const struct bus *b, unsigned address)
{
	unsigned unit = address % 256; /* of another address no request is made */

	return b->by_device[unit / 8] & 1u << unit % 8 ? PDU_DEVICE : PDU_IDENTITY;
}

static void who_next(struct bus *b, unsigned unit, enum pdu_function function)
{
	unsigned bit = 1u << unit % 8, bits = b->by_device[unit / 8];

	b->by_device[unit / 8] = (uint8_t)(function == PDU_DEVICE ? bits | bit : bits & ~bit);
}

static void who_answered(struct bus *b, unsigned unit, const struct tesla_reply *reply)
{
	bool answered = reply->status == TESLA_REPLY_OK, says = answered && reply->data->len > 0,
	     refuses = (answered && !says) || reply->status == TESLA_REPLY_EXCEPTION;

	who_next(b, unit, (b->who == PDU_DEVICE ? says : refuses) ? PDU_DEVICE : PDU_IDENTITY);
}

/* Without a block: who are you? */
static int request_make(struct bus *b, unsigned address, const struct tesla_block *block,
			struct pdu_request *req, struct tesla_error *err)
{
	int r = address_set(b, address, err);

	if (r != 0)
		return r;
	if (block != NULL)
		return pdu_read_request(req, address, block, err);
	pdu_identity_request(req, address, b->who);
	return 0;
}

static int bus_read(void *self, unsigned address, const struct tesla_block *block,
		    int64_t timeout_ms, struct tesla_reply *reply, struct tesla_error *err)
{
	struct pdu_request req;
	int r = request_make(self, address, block, &req, err);

	return r != 0 ? r : transact(self, &req, timeout_ms, reply, err);
}

static int bus_identify(void *self, unsigned address, int64_t timeout_ms, struct tesla_reply *reply,
			struct tesla_error *err)
{
	struct bus *b = self;
	int r;

	b->who = who_function(b, address);
	r = bus_read(b, address, NULL, timeout_ms, reply, err);
	if (r == 0)
		who_answered(b, address, reply);
	return r;
}

static int bus_request(void *self, unsigned address, const struct tesla_block *block,
		       struct tesla_reply *reply, struct tesla_error *err)
{
	struct bus *b = self;
	struct pdu_request req;
	int r;

	if (block == NULL)
		b->who = who_function(b, address);
	r = request_make(b, address, block, &req, err);
	if (r != 0)
		return r;
	if (b->line->kind != TESLA_LINE_TCP)
		return tesla_fail(err, -ENOTSUP, "%s: only TCP lines are read in halves",
				  b->line->name);
	if (block == NULL) /* that no answer came we would not be told */
		who_next(b, address, PDU_IDENTITY);
	if (line_attach(b, reply, err)) /* what is late has another transaction number: no drain */
		(void)send_request(b, &req, reply, err);
	return 0;
}

static int bus_whole(void *self, const uint8_t *bytes, size_t len)
{
	struct bus *b = self;
	int n = pdu_tcp_whole(bytes, len);

	b->whole = n > 0 ? (size_t)n : 0;
	return n;
}

static int bus_receive(void *self, unsigned address, const struct tesla_block *block,
		       struct tesla_reply *reply, struct tesla_error *err)
{
	struct bus *b = self;
	uint8_t frame[PDU_FRAME_MAX];
	struct pdu_request req;
	int r = request_make(b, address, block, &req, err);

	if (r != 0)
		return r;
	if (b->whole == 0 || b->whole > sizeof frame)
		return tesla_fail(err, -EINVAL, "%s: receive without a whole reply", b->line->name);
	r = take(b, &req, frame, receive_whole(b, frame, reply, err), reply, err);
	if (r == 0)
		reply->status = TESLA_REPLY_NONE;
	else if (r > 0 && block == NULL)
		who_answered(b, address, reply);
	return r < 0 ? r : 0;
}

static void bus_close(void *self)
{
	struct bus *b = self;

	if (b == NULL)
		return;
	modbus_free(b->ctx);
	free(b);
}

static int bus_open(const void *conf, struct tesla_line *line, const struct tesla_host *host,
		    void **self, struct tesla_error *err)
{
	const struct conf *c = conf;
	struct bus *b = calloc(1, sizeof *b);

	if (b == NULL)
		return tesla_fail(err, -ENOMEM, "%s: no memory", line->name);
	b->line = line;
	b->host = host;
	b->who = PDU_IDENTITY;
	/* Speed and device mean nothing here: the host has set up the line. */
	b->ctx = line->kind == TESLA_LINE_TCP ? modbus_new_tcp(NULL, 502)
					      : modbus_new_rtu("/dev/null", 9600, 'N', 8, 1);
	if (b->ctx == NULL || modbus_set_byte_timeout(b->ctx, 0, 0) != 0) {
		int cause = errno;

		bus_close(b);
		return tesla_fail(err, -EINVAL, "%s: libmodbus: %s", line->name,
				  modbus_strerror(cause));
	}
	if (line->kind != TESLA_LINE_TCP)
		b->quiet_us = wire_quiet_us(line, c->silence_ms);
	*self = b;
	return 0;
}

static const struct tesla_param params[] = {
	TESLA_P_MS("silence", struct conf, silence_ms, .dflt = "0", .min = 0, .max = 10000,
		   .unit = "s",
		   .help = "Quiet before a request where 3.5 characters are not enough."),
	TESLA_P_END
};

static const struct tesla_driver driver = {
	.size = sizeof driver,
	.takes = TESLA_TAKES_REGISTERS,
	.lines = TESLA_ON(TESLA_LINE_SERIAL) | TESLA_ON(TESLA_LINE_TCP) |
		 TESLA_ON(TESLA_LINE_RAW_TCP),
	.max_registers = PDU_MAX_REGISTERS,
	.open = bus_open,
	.read = bus_read,
	.close = bus_close,
	.identify = bus_identify,
	.request = bus_request,
	.whole = bus_whole,
	.receive = bus_receive,
	.first_address = 1,
	.last_address = RTU_ADDRESS_MAX,
};

/* Which function a DAS-8000 is read by, its model says. */
static const char *const aliases[] = { "das8000", NULL };

TESLA_DRIVER_PLUGIN("modBusComm", PACKAGE_VERSION, &driver,
		    .help = "Modbus RTU on serial lines, Modbus TCP, and RTU over TCP.",
		    .params = params, .conf_size = sizeof(struct conf), .aliases = aliases);
