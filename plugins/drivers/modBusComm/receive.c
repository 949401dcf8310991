/* SPDX-License-Identifier: Apache-2.0 */
/* One frame of a reply: by libmodbus, or by ourselves. */
#include "receive.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool bus_broken(const struct bus *b, struct tesla_reply *reply, struct tesla_error *err,
		const char *what, int errnum)
{
	return wire_broken(b->line, reply, err, what, modbus_strerror(errnum));
}

static bool is_tcp(const struct bus *b)
{
	return b->line->kind == TESLA_LINE_TCP;
}

/* Nothing that could be looked at; 0. */
static size_t fail(const struct bus *b, int cause, struct tesla_reply *reply,
		   struct tesla_error *err)
{
	if (cause == ETIMEDOUT)
		(void)wire_ended(reply, TESLA_REPLY_GARBLED, err, "a reply that stopped half way");
	else if (cause == EMBBADCRC || cause == EMBBADDATA)
		(void)wire_ended(reply, TESLA_REPLY_GARBLED, err, "a reply with %s",
				 cause == EMBBADCRC ? "a wrong checksum" : "too many bytes");
	else
		(void)bus_broken(b, reply, err, "read", cause);
	return 0;
}

/* ---- by libmodbus ---- */

/* Any bytes, other ones at each place. */
static void untouched_fill(uint8_t frame[PDU_FRAME_MAX])
{
	for (size_t i = 0; i < PDU_FRAME_MAX; i++)
		frame[i] = (uint8_t)(101 + 157 * i);
}

/*
 * How much there is in a frame that libmodbus was not content with, which it does not say.  It
 * reads as much as the first bytes ask for.  Where that did not come, the end is where the bytes
 * are those of before; that can be one too early, every 256th time.
 */
static size_t received_length(const struct bus *b, const uint8_t *frame, int cause)
{
	uint8_t untouched[PDU_FRAME_MAX];
	size_t n = PDU_FRAME_MAX;

	if (!is_tcp(b) && (cause == 0 || cause == EMBBADCRC || cause == EMBBADDATA))
		return pdu_rtu_length(frame);
	untouched_fill(untouched);
	while (n > 0 && frame[n - 1] == untouched[n - 1])
		n--;
	return n;
}

/* With the byte timeout off, the response timeout bounds the whole: select() counts it down. */
static size_t by_libmodbus(const struct bus *b, unsigned address, int64_t end_us, uint8_t *frame,
			   struct tesla_reply *reply, struct tesla_error *err)
{
	int64_t left = end_us - wire_now_us();
	bool traced = tesla_traced(b->host);
	int n, cause;

	if (traced)
		untouched_fill(frame);
	if (left < 1)
		left = 1;
	(void)modbus_set_response_timeout(b->ctx, (uint32_t)(left / 1000000),
					  (uint32_t)(left % 1000000));
	n = modbus_receive_confirmation(b->ctx, frame);
	cause = errno;
	reply->received_us = b->line->last_byte_us = wire_now_us();
	if (n > 0)
		return (size_t)n;
	if (traced)
		tesla_frame(b->host, TESLA_FRAME_RECEIVED, frame,
			    received_length(b, frame, n < 0 ? cause : 0));
	if (n < 0)
		return fail(b, cause, reply, err);
	/* libmodbus checked the sum, and the address is another */
	(void)wire_ended(reply, TESLA_REPLY_GARBLED, err, "a reply with address %u, expected %u",
			 frame[0], address);
	return 0;
}

/* ---- by ourselves: libmodbus takes lengths from a table, and 43 is not in it ---- */

/* How long the frame is; 0: more bytes are needed; -EBADMSG: it is none. */
static int whole_of(const struct bus *b, const uint8_t *frame, size_t len)
{
	int whole;

	if (is_tcp(b))
		return pdu_tcp_whole(frame, len);
	whole = pdu_device_whole(frame, len);
	return whole > 0 ? whole + PDU_SUM : whole;
}

/* As read(); the end of it is an error. */
static ssize_t some(const struct tesla_line *line, uint8_t *bytes, size_t max)
{
	ssize_t n = line->kind == TESLA_LINE_SERIAL ? read(line->fd, bytes, max)
						    : recv(line->fd, bytes, max, MSG_DONTWAIT);

	if (n == 0)
		errno = ECONNRESET;
	return n == 0 ? -1 : n;
}

/*
 * Until the frame is whole, or is none.  Byte by byte as long as it does not say how long it is:
 * what comes behind it is not its.  0, or an errno.
 */
static int gather(const struct bus *b, int64_t end_us, uint8_t *frame, size_t *len)
{
	int whole = 0;
	ssize_t n;

	while (whole == 0 || (whole > 0 && *len < (size_t)whole)) {
		if (!wire_wait(b->line, end_us))
			return ETIMEDOUT;
		n = some(b->line, frame + *len, whole > 0 ? (size_t)whole - *len : 1);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return errno;
		if (n < 0)
			continue;
		*len += (size_t)n;
		whole = whole_of(b, frame, *len);
	}
	if (is_tcp(b)) /* whether it is none is looked at when it is taken */
		return 0;
	if (whole < 0)
		return EBADMSG;
	return pdu_rtu_sum_right(frame, *len) ? 0 : EMBBADCRC;
}

static size_t by_ourselves(const struct bus *b, const struct pdu_request *req, int64_t end_us,
			   uint8_t *frame, struct tesla_reply *reply, struct tesla_error *err)
{
	struct pdu_data data;
	size_t len = 0;
	int cause = gather(b, end_us, frame, &len);

	reply->received_us = b->line->last_byte_us = wire_now_us();
	if (cause == 0)
		return len;
	tesla_frame(b->host, TESLA_FRAME_RECEIVED, frame, len);
	if (cause != EBADMSG)
		return fail(b, cause, reply, err);
	reply->status = pdu_check(req, frame, len, &data, &reply->code, err);
	return 0;
}

/* ---- one or the other ---- */

size_t receive_frame(const struct bus *b, const struct pdu_request *req, int64_t deadline_us,
		     uint8_t frame[PDU_FRAME_MAX], struct tesla_reply *reply,
		     struct tesla_error *err)
{
	int64_t end_us = wire_now_us() + WIRE_GRACE_US;

	if (end_us < deadline_us)
		end_us = deadline_us;
	return req->bytes[1] == PDU_DEVICE
		       ? by_ourselves(b, req, end_us, frame, reply, err)
		       : by_libmodbus(b, req->bytes[0], end_us, frame, reply, err);
}

size_t receive_whole(const struct bus *b, uint8_t frame[PDU_FRAME_MAX], struct tesla_reply *reply,
		     struct tesla_error *err)
{
	ssize_t n = recv(b->line->fd, frame, b->whole, MSG_DONTWAIT);

	reply->received_us = b->line->last_byte_us = wire_now_us();
	if (n == (ssize_t)b->whole)
		return b->whole;
	(void)bus_broken(b, reply, err, "read", n < 0 ? errno : ECONNRESET);
	return 0;
}
