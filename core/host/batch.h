/* SPDX-License-Identifier: Apache-2.0 */
/* What the core sends to an exporter's host (docs/wire.md), made into what the plugin is shown. */
#ifndef HOST_BATCH_H
#define HOST_BATCH_H

#include <msgpack.h>
#include <tesla/plugin.h>

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

struct batch {
	struct tesla_batch pub; /* the caller adds `node` and `epoch_ms` */
	struct variables *variables;
};

/* The message ["b", item, ...]; one allocation whatever its size.  -EBADMSG, -ENOMEM. */
int batch_decode(const msgpack_object *message, struct variables *v, struct batch **ret,
		 struct tesla_error *err);
void batch_free(struct batch *b);

#endif
