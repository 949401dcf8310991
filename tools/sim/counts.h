/* SPDX-License-Identifier: Apache-2.0 */
/* What was asked, of a line or of one address: counted, and printed as JSON. */
#ifndef SIM_COUNTS_H
#define SIM_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yajl/yajl_gen.h>

#define SERIES_MAX 1000 /* the last ones are kept */
#define RANGES_MAX 256	/* different ones are told apart */

struct series {
	int64_t *v;
	size_t n, next;
};
struct range {
	uint8_t function;
	uint16_t address, count;
	uint64_t n;
};

struct counts {
	uint64_t requests, registers, exceptions, unanswered, garbled, early;
	int64_t busy_us; /* paced lines: from a request's first byte to the end of the silence */
	struct range *ranges;
	size_t n_ranges;
	uint64_t other_ranges;
	struct series bus_us;	/* the same, of single transactions */
	struct series cycle_us; /* from one request's first byte to the next one's */
	struct series times_us; /* wall clock of requests */
};

void counts_release(struct counts *c); /* also: back to zero */
void counts_range(struct counts *c, uint8_t function, uint16_t address, uint16_t count);
/* Without memory nothing is added: counting never fails. */
void series_add(struct series *s, int64_t v);
/* false: the series is empty. */
bool series_summary(const struct series *s, int64_t *min, int64_t *median, int64_t *max);

/* Members of a map that is open. */
void counts_json(const struct counts *c, yajl_gen g);
void json_key(yajl_gen g, const char *key);
void json_int(yajl_gen g, const char *key, int64_t v);
void json_str(yajl_gen g, const char *key, const char *v);
void json_bool(yajl_gen g, const char *key, bool v);

#endif
