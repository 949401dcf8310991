/* SPDX-License-Identifier: Apache-2.0 */
/* Modbus frames as bytes. */
#include "pdu.h"

#include <errno.h>
#include <string.h>

#define EXCEPTION 0x80u
#define NO_PATH 10 /* exceptions of gateways */
#define NO_ANSWER 11
#define REPLY_MIN 3 /* unit, function, byte count or exception number */
#define REPLY_MAX 254
#define RTU_MAX 256

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

int pdu_read_request(struct pdu_request *req, unsigned unit, const struct tesla_block *block,
		     struct tesla_error *err)
{
	if (block->command != NULL ||
	    (block->function != PDU_HOLDING && block->function != PDU_INPUT))
		return tesla_fail(err, -EINVAL, "function %u: Modbus registers are read by 3 or 4",
				  block->function);
	if (block->count < 1 || block->count > PDU_MAX_REGISTERS)
		return tesla_fail(err, -EINVAL, "%u registers from %u: one read takes 1 to %d",
				  block->count, block->address, PDU_MAX_REGISTERS);
	req->bytes[0] = (uint8_t)unit;
	req->bytes[1] = (uint8_t)block->function;
	put16(req->bytes + 2, block->address);
	put16(req->bytes + 4, block->count);
	req->len = 6;
	return 0;
}

void pdu_identity_request(struct pdu_request *req, unsigned unit)
{
	*req = (struct pdu_request){ .bytes = { (uint8_t)unit, PDU_IDENTITY }, .len = 2 };
}

size_t pdu_tcp_frame(uint8_t frame[PDU_HEAD + PDU_REQUEST_MAX], uint16_t transaction,
		     const struct pdu_request *req)
{
	put16(frame, transaction);
	put16(frame + 2, 0);
	put16(frame + 4, (uint16_t)req->len);
	memcpy(frame + PDU_HEAD, req->bytes, req->len);
	return PDU_HEAD + req->len;
}

static uint16_t sum_of(const uint8_t *bytes, size_t len)
{
	unsigned sum = 0xffff;

	for (size_t i = 0; i < len; i++) {
		sum ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			sum = sum & 1 ? sum >> 1 ^ 0xa001 : sum >> 1;
	}
	return (uint16_t)sum;
}

size_t pdu_rtu_frame(uint8_t frame[PDU_REQUEST_MAX + PDU_SUM], const struct pdu_request *req)
{
	uint16_t sum = sum_of(req->bytes, req->len);

	memcpy(frame, req->bytes, req->len);
	frame[req->len] = (uint8_t)sum;
	frame[req->len + 1] = (uint8_t)(sum >> 8);
	return req->len + PDU_SUM;
}

size_t pdu_rtu_length(const uint8_t *reply)
{
	uint8_t function = reply[1];
	size_t head = function == 5 || function == 6 || function == 15 || function == 16 ? 6
		      : function == 22							 ? 8
											 : 3;
	bool counts = function <= PDU_INPUT || function == PDU_IDENTITY || function == 23;
	size_t whole = head + (counts ? reply[2] : 0u) + PDU_SUM;

	return whole > RTU_MAX ? head : whole; /* then it reads no further */
}

static enum tesla_status garbled(struct tesla_error *err, const char *what, unsigned came,
				 unsigned expected)
{
	(void)tesla_fail(err, -EBADMSG, "a reply with %s %u, expected %u", what, came, expected);
	return TESLA_REPLY_GARBLED;
}

static const char *exception_name(unsigned code)
{
	static const char *const names[] = {
		[1] = "illegal function",
		[2] = "illegal address",
		[3] = "illegal value",
		[4] = "device failure",
		[5] = "acknowledged, not done",
		[6] = "busy",
		[7] = "refused",
		[8] = "memory parity",
		[NO_PATH] = "gateway has no path",
		[NO_ANSWER] = "gateway: no answer from the meter",
	};
	const char *name = code < sizeof names / sizeof *names ? names[code] : NULL;

	return name ? name : "unknown";
}

enum tesla_status pdu_check(const struct pdu_request *req, const uint8_t *reply, size_t len,
			    struct pdu_data *data, int *code, struct tesla_error *err)
{
	unsigned function = req->bytes[1];

	if (len < REPLY_MIN)
		return garbled(err, "length", (unsigned)len, REPLY_MIN);
	if (reply[0] != req->bytes[0])
		return garbled(err, "address", reply[0], req->bytes[0]);
	if (reply[1] == (function | EXCEPTION) && len == REPLY_MIN) {
		*code = reply[2];
		(void)tesla_fail(err, -EREMOTEIO, "exception %u (%s)", reply[2],
				 exception_name(reply[2]));
		/* A gateway speaks in place of a meter that does not. */
		return reply[2] == NO_PATH || reply[2] == NO_ANSWER ? TESLA_REPLY_TIMEOUT
								    : TESLA_REPLY_EXCEPTION;
	}
	if (reply[1] != function)
		return garbled(err, "function", reply[1], function);
	if (reply[2] != len - REPLY_MIN)
		return garbled(err, "byte count", reply[2], (unsigned)len - REPLY_MIN);
	if (function != PDU_IDENTITY && reply[2] != 2u * get16(req->bytes + 4))
		return garbled(err, "byte count", reply[2], 2u * get16(req->bytes + 4));
	*data = (struct pdu_data){ reply + REPLY_MIN, len - REPLY_MIN };
	return TESLA_REPLY_OK;
}

int pdu_tcp_whole(const uint8_t *bytes, size_t len)
{
	const uint8_t *body = bytes + PDU_HEAD;
	unsigned announced;

	if (len < PDU_HEAD)
		return 0;
	announced = get16(bytes + 4);
	if (get16(bytes + 2) != 0 || announced < REPLY_MIN || announced > REPLY_MAX)
		return -EBADMSG;
	if (len < PDU_HEAD + REPLY_MIN)
		return 0;
	switch (body[1] & ~EXCEPTION) {
	case PDU_HOLDING:
	case PDU_INPUT:
	case PDU_IDENTITY:
		break;
	default:
		return -EBADMSG;
	}
	if (announced != (body[1] & EXCEPTION ? 0u : body[2]) + REPLY_MIN)
		return -EBADMSG;
	return (int)(PDU_HEAD + announced);
}

uint16_t pdu_tcp_transaction(const uint8_t *frame)
{
	return get16(frame);
}

/* The first two bytes are the maker's number of the slave and its run indicator, not text. */
size_t pdu_text(const struct pdu_data *data, char text[PDU_TEXT_MAX])
{
	size_t n = 0;

	for (size_t i = 2; i < data->len && n < PDU_TEXT_MAX - 1; i++) {
		char c = (char)data->bytes[i];

		if (c > ' ' && c <= '~')
			text[n++] = c;
		else if (c == ' ' && n > 0)
			text[n++] = c;
	}
	while (n > 0 && text[n - 1] == ' ')
		n--;
	text[n] = '\0';
	return n;
}
