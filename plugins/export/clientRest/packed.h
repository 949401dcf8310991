/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTREST_PACKED_H
#define CLIENTREST_PACKED_H

#include <stdbool.h>
#include <stddef.h>

#define PACKED_DEPTH 8

/*
 * One whole MessagePack value, nested at most PACKED_DEPTH deep, with every count within the bytes
 * that are left.  To be asked before msgpack-c unpacks foreign bytes: it trusts the counts, and
 * reserves 8 GB for the five bytes dd 10 00 00 00.
 */
bool packed_is_sound(const void *bytes, size_t len);

#endif
