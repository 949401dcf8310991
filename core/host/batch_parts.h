/* SPDX-License-Identifier: Apache-2.0 */
/* What the two forms of a batch share; for batch.c and batch_durable.c alone. */
#ifndef HOST_BATCH_PARTS_H
#define HOST_BATCH_PARTS_H

#include "base/record.h"
#include "host/batch.h"

/* The elements of an array of exactly n, or NULL. */
static inline const msgpack_object *tuple(const msgpack_object *o, size_t n)
{
	return o->type == MSGPACK_OBJECT_ARRAY && o->via.array.size == n ? o->via.array.ptr : NULL;
}

/* n: the sweep that it followed, or its place in the journal.  All pointers are the record's. */
static inline struct tesla_item record_item(const struct record *r, uint64_t n)
{
	return (struct tesla_item){ .kind = TESLA_RECORD,
				    .analyzer = r->analyzer,
				    .t_ms = r->end_ms,
				    .n = n,
				    .start_ms = r->start_ms,
				    .model = r->model,
				    .identity = r->identity,
				    .n_variables = r->n_variables,
				    .variables = r->variables };
}

int batch_decode_durable(const msgpack_object_array *message, struct batch **ret,
			 struct tesla_error *err);

#endif
