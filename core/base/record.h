/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as bytes: in the journal, between core and host, on the way to central.  It says all
 * about itself, so that it outlives the configuration that it was made under.  MessagePack:
 *
 *   [version, analyzer, start_ms, end_ms, model, identity, [variable, ...]]
 *   variable  [name, unit, kind, factor, [element, ...]]
 *   element   [quality, count, covered_ms, value, min, max]  of a gauge
 *             [quality, count, covered_ms, value, increase]  of a counter
 *             [quality, count, covered_ms, value]            of a status
 *
 * Numbers that there are not are nil; so is an identity that is not known.  A value is there when
 * the quality is good or suspect, and never else.  Of a gauge then min <= value <= max, or both are
 * nil; an increase is 0 or more, or nil.  covered_ms is at most the window's length.  A factor is
 * 1e-9 to 1e9 in absolute value.
 */
#ifndef BASE_RECORD_H
#define BASE_RECORD_H

#include "base/arena.h"
#include "base/mp.h"

#define RECORD_VERSION 1
#define RECORD_BYTES_MAX (256u << 10)

struct record {
	int64_t analyzer, start_ms, end_ms; /* UTC, since 1970 */
	const char *model, *identity;	    /* identity: NULL or empty when not known */
	size_t n_variables;
	const struct tesla_record_variable *const *variables;
};

/*
 * The most bytes that a record can take: without its variables, what a variable adds, and how much
 * of that is for each element.
 */
#define RECORD_IDENTITY_MAX 4096 /* no meter's reply is longer */
size_t record_head_bytes(const char *model);
size_t record_variable_bytes(const struct tesla_variable *v);
size_t record_element_bytes(enum tesla_variable_kind kind);

/* -EMSGSIZE (more than RECORD_BYTES_MAX, or than `out` takes), -ENOMEM: nothing was added. */
int record_encode(const struct record *r, struct buf *out);
/*
 * Foreign bytes, after mp_unpack: everything is checked.  All of *r lives in `memory`.  -EBADMSG
 * with what is wrong and where; -ENOMEM.  *r is untouched on failure.
 */
int record_decode(const msgpack_object *o, struct arena *memory, struct record *r,
		  struct tesla_error *err);
/* The same from bytes; -EMSGSIZE beyond RECORD_BYTES_MAX. */
int record_parse(const void *bytes, size_t len, struct arena *memory, struct record *r,
		 struct tesla_error *err);

#endif
