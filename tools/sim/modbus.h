/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modbus frames from the serving side: bytes in, bytes out, no I/O.  Not libmodbus's, which waits
 * with select() and answers only what is right: this side must also be able to answer wrongly.
 */
#ifndef SIM_MODBUS_H
#define SIM_MODBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PDU_MAX 253
#define RTU_MAX 256 /* unit, PDU, checksum */
#define TCP_MAX 260 /* MBAP header, PDU */
#define NOISE_MAX 8
#define ADU_ROOM (NOISE_MAX + 2 * TCP_MAX) /* what the worst fault makes of a reply */

enum modbus_exception {
	MODBUS_BAD_FUNCTION = 1,
	MODBUS_BAD_ADDRESS = 2,
	MODBUS_BAD_VALUE = 3,
	MODBUS_NO_TARGET = 11,
};

struct pdu {
	size_t len;
	uint8_t bytes[PDU_MAX];
};
struct request {
	bool command; /* it is a CVMk's: pdu is its text (sim/cvmk.h) */
	uint16_t transaction;
	uint8_t unit;
	struct pdu pdu;
};
struct adu {
	size_t len;
	uint8_t bytes[ADU_ROOM];
};

/* What is to be done wrongly with one reply; all zero: nothing. */
struct effect {
	bool silent, checksum, noise, partial, disconnect, twice, wrong_address;
	int exception; /* answer this one; 0: what was asked for */
	int64_t late_us;
	uint64_t random; /* what noise is made of */
};

static inline uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void put_be16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

uint16_t modbus_crc(const uint8_t *bytes, size_t len);
void modbus_exception(struct pdu *reply, uint8_t function, int code);

/* How long an RTU request is in all; 0: more bytes are needed to say; -1: unknown function. */
int rtu_request_length(const uint8_t *bytes, size_t len);
/* A whole frame with a right checksum? */
bool rtu_parse(const uint8_t *bytes, size_t len, struct request *ret);
/* Bytes that the first request takes; 0: more are needed; -1: this is no Modbus TCP. */
int tcp_parse(const uint8_t *bytes, size_t len, struct request *ret);

/* What of `fx` concerns whole frames: half of it, twice, noise before it. */
void effect_apply(const struct effect *fx, const uint8_t *frame, size_t len, struct adu *ret);
/* The reply as it goes on the line, with everything wrong that `fx` asks for. */
void rtu_wrap(const struct request *rq, const struct pdu *reply, const struct effect *fx,
	      struct adu *ret);
void tcp_wrap(const struct request *rq, const struct pdu *reply, const struct effect *fx,
	      struct adu *ret);

#endif
