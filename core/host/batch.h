/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the core sends to an exporter's host (docs/wire.md), made into what the plugin is shown:
 * batches of all that happens for a live one, of records from the journal for a durable one.
 */
#ifndef HOST_BATCH_H
#define HOST_BATCH_H

#include <msgpack.h>
#include <tesla/plugin.h>

#include "base/arena.h"

/* So many records from the journal at once: their verdicts fit one message whatever they say. */
#define BATCH_RECORDS_MAX 4000

/*
 * Which variable an index stands for.  Counted, since batches that wait may still use a table that
 * the core has replaced: one for who decodes, one per batch.  The count is atomic, the rest never
 * changes.
 */
struct variables;
/* The message `variables`.  -EBADMSG, -ENOMEM. */
int variables_decode(const msgpack_object *message, struct variables **ret,
		     struct tesla_error *err);
void variables_unref(struct variables *v);

/*
 * What becomes of a batch of records.  One that cannot be read is no item: it is REJECTed from the
 * start, for it would stand in the way of the others for ever.
 */
struct answers {
	uint64_t turn; /* the batch's number, which the answer carries */
	size_t n;
	struct tesla_verdict *list;	/* one per record, in the order in which they came */
	struct tesla_verdict *verdicts; /* one per item, for the plugin */
	size_t *place;			/* of each item in the list */
};

struct batch {
	struct tesla_batch pub;	     /* the caller adds `node`, `epoch_ms` and `deadline_us` */
	struct variables *variables; /* that its readings name; NULL: it has none */
	struct arena memory;	     /* of its records */
	struct answers *answers;     /* to records from the journal; else NULL */
};

/*
 * The message ["b", item, ...], in one allocation whatever its size but for its records, or
 * ["d", turn, [seq, record], ...].  -EBADMSG, -ENOMEM.
 */
int batch_decode(const msgpack_object *message, struct variables *v, struct batch **ret,
		 struct tesla_error *err);
void batch_free(struct batch *b);

#endif
