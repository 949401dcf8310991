/* SPDX-License-Identifier: Apache-2.0 */
/* Modbus frames from the serving side. */
#include "sim/modbus.h"

#include <string.h>

#define MBAP 7 /* transaction, protocol, length, unit */

uint16_t modbus_crc(const uint8_t *bytes, size_t len)
{
	unsigned crc = 0xffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
	}
	return (uint16_t)crc;
}

void modbus_exception(struct pdu *reply, uint8_t function, int code)
{
	reply->len = 2;
	reply->bytes[0] = function | 0x80;
	reply->bytes[1] = (uint8_t)code;
}

/* Length of a whole request by function; `count_at`: where its own byte count is, 0: nowhere. */
static const struct request_form {
	uint8_t function, length, count_at;
} forms[] = {
	{ 1, 8, 0 },  { 2, 8, 0 },   { 3, 8, 0 },    { 4, 8, 0 },  { 5, 8, 0 },	 { 6, 8, 0 },
	{ 7, 4, 0 },  { 8, 8, 0 },   { 11, 4, 0 },   { 12, 4, 0 }, { 15, 9, 6 }, { 16, 9, 6 },
	{ 17, 4, 0 }, { 22, 10, 0 }, { 23, 13, 10 }, { 43, 7, 0 },
};

int rtu_request_length(const uint8_t *bytes, size_t len)
{
	if (len < 2)
		return 0;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		const struct request_form *f = &forms[i];

		if (f->function != bytes[1])
			continue;
		if (f->count_at == 0)
			return f->length;
		return len > f->count_at ? f->length + bytes[f->count_at] : 0;
	}
	return -1;
}

bool rtu_parse(const uint8_t *bytes, size_t len, struct request *ret)
{
	if (len < 4 || len > RTU_MAX)
		return false;
	if (modbus_crc(bytes, len - 2) != (bytes[len - 2] | bytes[len - 1] << 8))
		return false;
	ret->command = false;
	ret->transaction = 0;
	ret->unit = bytes[0];
	ret->pdu.len = len - 3;
	memcpy(ret->pdu.bytes, bytes + 1, ret->pdu.len);
	return true;
}

int tcp_parse(const uint8_t *bytes, size_t len, struct request *ret)
{
	size_t body; /* unit and PDU */

	if (len < MBAP)
		return 0;
	body = be16(bytes + 4);
	if (be16(bytes + 2) != 0 || body < 2 || body > 1 + PDU_MAX)
		return -1;
	if (len < MBAP - 1 + body)
		return 0;
	ret->command = false;
	ret->transaction = be16(bytes);
	ret->unit = bytes[6];
	ret->pdu.len = body - 1;
	memcpy(ret->pdu.bytes, bytes + MBAP, ret->pdu.len);
	return (int)(MBAP - 1 + body);
}

static uint8_t reply_unit(const struct request *rq, const struct effect *fx)
{
	return fx->wrong_address ? (uint8_t)(rq->unit + 1) : rq->unit;
}

static size_t rtu_frame(const struct request *rq, const struct pdu *reply, const struct effect *fx,
			uint8_t *out)
{
	uint16_t crc;

	out[0] = reply_unit(rq, fx);
	memcpy(out + 1, reply->bytes, reply->len);
	crc = modbus_crc(out, 1 + reply->len);
	if (fx->checksum)
		crc ^= 0x5a5a;
	out[1 + reply->len] = (uint8_t)crc;
	out[2 + reply->len] = (uint8_t)(crc >> 8);
	return 3 + reply->len;
}

/* TCP has no checksum in the frame: a wrong unit is the nearest thing. */
static size_t tcp_frame(const struct request *rq, const struct pdu *reply, const struct effect *fx,
			uint8_t *out)
{
	put_be16(out, rq->transaction);
	put_be16(out + 2, 0);
	put_be16(out + 4, (unsigned)(1 + reply->len));
	out[6] = fx->checksum ? (uint8_t)~rq->unit : reply_unit(rq, fx);
	memcpy(out + MBAP, reply->bytes, reply->len);
	return MBAP + reply->len;
}

void effect_apply(const struct effect *fx, const uint8_t *frame, size_t len, struct adu *ret)
{
	ret->len = 0;
	if (fx->noise) {
		ret->len = 1 + fx->random % NOISE_MAX;
		memcpy(ret->bytes, &fx->random, sizeof fx->random);
	}
	if (fx->partial)
		len /= 2;
	for (int i = 0; i < (fx->twice ? 2 : 1); i++) {
		memcpy(ret->bytes + ret->len, frame, len);
		ret->len += len;
	}
}

void rtu_wrap(const struct request *rq, const struct pdu *reply, const struct effect *fx,
	      struct adu *ret)
{
	uint8_t frame[RTU_MAX] = { 0 };
	size_t len = rtu_frame(rq, reply, fx, frame);

	effect_apply(fx, frame, len, ret);
}

void tcp_wrap(const struct request *rq, const struct pdu *reply, const struct effect *fx,
	      struct adu *ret)
{
	uint8_t frame[TCP_MAX] = { 0 };
	size_t len = tcp_frame(rq, reply, fx, frame);

	effect_apply(fx, frame, len, ret);
}
