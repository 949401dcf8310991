/* SPDX-License-Identifier: Apache-2.0 */
/* Ten variables of a PM710, which lie in 52 registers, and the message that each becomes. */
#ifndef BENCH_FIELDS_H
#define BENCH_FIELDS_H

#include <msgpack.h>
#include <stdint.h>

#define FIELDS_FIRST 3999
#define FIELDS_COUNT 52

struct field {
	const char *name, *unit;
	uint16_t address;
	unsigned n, width; /* width: registers of a value */
};
extern const struct field fields[];
extern const size_t n_fields;

struct stamp {
	int64_t t_ms;
	double dt_ms;
	int64_t epoch_ms;
	uint64_t n;
};

/* `registers` begin at FIELDS_FIRST. */
void field_pack(msgpack_sbuffer *body, const struct field *f, const uint16_t *registers,
		const struct stamp *at);

#endif
