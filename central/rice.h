/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole numbers as bits, in runs of 128, lowest bit first.  A run begins with two bits for what a
 * number is expected to be (0: the one before; 1: as much further as that one was from the one
 * before it; 2: midway between the two before) and six for k, 63: all are as expected.  Then each
 * number's distance from that, zigzag: its high part, from bit k on, as so many zeros and a one;
 * its k low bits.  24 zeros and a one: 64 bits follow, the distance itself.  Before the first
 * number are zeros.
 */
#ifndef CENTRAL_RICE_H
#define CENTRAL_RICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Reading may touch so many bytes behind the last one; what they are does not matter. */
#define RICE_PAD 16u

/* The most bytes that n numbers take. */
static inline size_t rice_bytes_max(size_t n)
{
	return n * 12 + n / 128 + 16;
}

/* -ENOMEM or -EMSGSIZE of `out`. */
int rice_encode(const int64_t *numbers, size_t n, struct buf *out);
/* From `len` bytes, with RICE_PAD behind them; false when they are not exactly n numbers. */
bool rice_decode(const uint8_t *bytes, size_t len, int64_t *numbers, size_t n);

#endif
