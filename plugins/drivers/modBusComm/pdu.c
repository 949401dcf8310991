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

/* Of function 43. */
#define MEI_DEVICE 14
#define BASIC 1	      /* the objects that everybody has */
#define OBJECTS_AT 8  /* behind MEI type, code, conformity, more follows, next object, count */
#define OBJECT_HEAD 2 /* number, length */
#define OBJECTS 3     /* maker, product code, revision */

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static bool asks_who(unsigned function)
{
	return function == PDU_IDENTITY || function == PDU_DEVICE;
}

void pdu_identity_request(struct pdu_request *req, unsigned unit, enum pdu_function function)
{
	*req = (struct pdu_request){ .bytes = { (uint8_t)unit, (uint8_t)function }, .len = 2 };
	if (function != PDU_DEVICE)
		return;
	req->bytes[2] = MEI_DEVICE;
	req->bytes[3] = BASIC;
	req->bytes[4] = 0; /* from the first object on */
	req->len = 5;
}

int pdu_read_request(struct pdu_request *req, unsigned unit, const struct tesla_block *block,
		     struct tesla_error *err)
{
	if (block->command == NULL && asks_who(block->function)) {
		if (block->count != 0 || block->address != 0)
			return tesla_fail(err, -EINVAL,
					  "function %u: it asks who a meter is, not for %u "
					  "registers from %u",
					  block->function, block->count, block->address);
		pdu_identity_request(req, unit, block->function);
		return 0;
	}
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

bool pdu_rtu_sum_right(const uint8_t *frame, size_t len)
{
	return len >= PDU_SUM &&
	       sum_of(frame, len - PDU_SUM) == (frame[len - 2] | frame[len - 1] << 8);
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

/* ---- objects of function 43 ---- */

/*
 * Walks over the objects; *n: how many are whole.  Where the last one ends; 0: more bytes are
 * needed.
 */
static size_t objects_end(const uint8_t *reply, size_t len, unsigned *n)
{
	size_t at = OBJECTS_AT;

	for (*n = 0; *n < reply[OBJECTS_AT - 1]; (*n)++) {
		if (at + OBJECT_HEAD > len || at + OBJECT_HEAD + reply[at + 1] > len)
			return 0;
		at += OBJECT_HEAD + reply[at + 1];
	}
	return at;
}

int pdu_device_whole(const uint8_t *reply, size_t len)
{
	size_t whole;
	unsigned n;

	if (len < REPLY_MIN)
		return 0;
	if (reply[1] == (PDU_DEVICE | EXCEPTION))
		return REPLY_MIN;
	if (reply[1] != PDU_DEVICE || reply[2] != MEI_DEVICE)
		return -EBADMSG;
	if (len < OBJECTS_AT)
		return 0;
	whole = objects_end(reply, len, &n);
	if (whole > REPLY_MAX || (whole == 0 && len >= REPLY_MAX))
		return -EBADMSG;
	return (int)whole;
}

static enum tesla_status check_device(const uint8_t *reply, size_t len, struct pdu_data *data,
				      struct tesla_error *err)
{
	size_t whole;
	unsigned n;

	if (reply[2] != MEI_DEVICE)
		return garbled(err, "MEI type", reply[2], MEI_DEVICE);
	if (len < OBJECTS_AT)
		return garbled(err, "length", (unsigned)len, OBJECTS_AT);
	if (reply[3] != BASIC)
		return garbled(err, "read code", reply[3], BASIC);
	whole = objects_end(reply, len, &n);
	if (whole == 0)
		return garbled(err, "number of objects", n, reply[OBJECTS_AT - 1]);
	if (whole != len)
		return garbled(err, "length", (unsigned)len, (unsigned)whole);
	*data = (struct pdu_data){ reply + OBJECTS_AT, len - OBJECTS_AT };
	return TESLA_REPLY_OK;
}

/* ---- what a reply must be ---- */

static enum tesla_status refused(unsigned code, struct tesla_error *err)
{
	(void)tesla_fail(err, -EREMOTEIO, "exception %u (%s)", code, exception_name(code));
	/* A gateway speaks in place of a meter that does not. */
	return code == NO_PATH || code == NO_ANSWER ? TESLA_REPLY_TIMEOUT : TESLA_REPLY_EXCEPTION;
}

static enum tesla_status check_counted(const struct pdu_request *req, const uint8_t *reply,
				       size_t len, struct pdu_data *data, struct tesla_error *err)
{
	if (reply[2] != len - REPLY_MIN)
		return garbled(err, "byte count", reply[2], (unsigned)len - REPLY_MIN);
	if (req->bytes[1] != PDU_IDENTITY && reply[2] != 2u * get16(req->bytes + 4))
		return garbled(err, "byte count", reply[2], 2u * get16(req->bytes + 4));
	*data = (struct pdu_data){ reply + REPLY_MIN, len - REPLY_MIN };
	return TESLA_REPLY_OK;
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
		return refused(reply[2], err);
	}
	if (reply[1] != function)
		return garbled(err, "function", reply[1], function);
	return function == PDU_DEVICE ? check_device(reply, len, data, err)
				      : check_counted(req, reply, len, data, err);
}

/* ---- TCP ---- */

/* The length that the body speaks of; 0 and -EBADMSG as for the whole. */
static int body_length(const uint8_t *body, size_t len)
{
	if (body[1] & EXCEPTION)
		return REPLY_MIN;
	return body[1] == PDU_DEVICE ? pdu_device_whole(body, len) : REPLY_MIN + body[2];
}

int pdu_tcp_whole(const uint8_t *bytes, size_t len)
{
	const uint8_t *body = bytes + PDU_HEAD;
	unsigned announced;
	int said;

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
	case PDU_DEVICE:
		break;
	default:
		return -EBADMSG;
	}
	len -= PDU_HEAD;
	said = body_length(body, len < announced ? len : announced);
	if (said == 0 && len < announced)
		return 0;
	return said == (int)announced ? (int)PDU_HEAD + said : -EBADMSG;
}

uint16_t pdu_tcp_transaction(const uint8_t *frame)
{
	return get16(frame);
}

/* ---- who it is ---- */

/* Behind the n characters that there are, and a blank. */
static size_t text_add(char text[PDU_TEXT_MAX], size_t n, const uint8_t *bytes, size_t len)
{
	size_t before = n, begin;

	if (n > 0 && n < PDU_TEXT_MAX - 1)
		text[n++] = ' ';
	begin = n;
	for (size_t i = 0; i < len && n < PDU_TEXT_MAX - 1; i++) {
		char c = (char)bytes[i];

		if ((c > ' ' && c <= '~') || (c == ' ' && n > begin))
			text[n++] = c;
	}
	while (n > before && text[n - 1] == ' ')
		n--;
	text[n] = '\0';
	return n;
}

static size_t objects_text(const struct pdu_data *data, char text[PDU_TEXT_MAX])
{
	size_t n = 0;

	for (unsigned id = 0; id < OBJECTS; id++)
		for (size_t at = 0; at < data->len; at += OBJECT_HEAD + data->bytes[at + 1])
			if (data->bytes[at] == id) {
				n = text_add(text, n, data->bytes + at + OBJECT_HEAD,
					     data->bytes[at + 1]);
				break;
			}
	return n;
}

size_t pdu_text(const struct pdu_request *req, const struct pdu_data *data, char text[PDU_TEXT_MAX])
{
	text[0] = '\0';
	if (req->bytes[1] == PDU_DEVICE)
		return objects_text(data, text);
	/* The first two bytes are the maker's number of the slave and its run indicator. */
	return data->len > 2 ? text_add(text, 0, data->bytes + 2, data->len - 2) : 0;
}
