/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers at any address, little-endian, as the files of central have them. */
#ifndef CENTRAL_BYTES_H
#define CENTRAL_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t get_u16(const uint8_t *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof v);
	return le16toh(v);
}

static inline uint32_t get_u32(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof v);
	return le32toh(v);
}

static inline uint64_t get_u64(const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof v);
	return le64toh(v);
}

static inline double get_real(const uint8_t *at)
{
	uint64_t bits = get_u64(at);
	double v;

	memcpy(&v, &bits, sizeof v);
	return v;
}

static inline void put_u16(uint8_t *at, uint16_t v)
{
	v = htole16(v);
	memcpy(at, &v, sizeof v);
}

static inline void put_u32(uint8_t *at, uint32_t v)
{
	v = htole32(v);
	memcpy(at, &v, sizeof v);
}

static inline void put_u64(uint8_t *at, uint64_t v)
{
	v = htole64(v);
	memcpy(at, &v, sizeof v);
}

static inline void put_real(uint8_t *at, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof bits);
	put_u64(at, bits);
}

/* A loop over an array that is worth more than one number at a time. */
#if defined __GNUC__ && !defined __clang__
#define VECTORIZED __attribute__((optimize("O3")))
#else
#define VECTORIZED
#endif

/* 0, -1, 1, -2 ... as 0, 1, 2, 3 ... and back; v is a signed number in two's complement. */
static inline uint64_t zigzag(uint64_t v)
{
	return v << 1 ^ -(v >> 63);
}

static inline uint64_t unzigzag(uint64_t v)
{
	return v >> 1 ^ -(v & 1);
}

#endif
