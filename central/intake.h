/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node sends to /api/v1/records (docs/api-v1.md), taken apart: records, and columns of
 * records.  Foreign; pure.  One that is not as it must be is rejected with the reason, and the
 * others go on.
 */
#ifndef CENTRAL_INTAKE_H
#define CENTRAL_INTAKE_H

#include "base/arena.h"
#include "base/mp.h"
#include "central/store.h"

#define INTAKE_RECORDS_MAX 1000u
#define INTAKE_COLUMNS_MAX 100u
#define INTAKE_ROWS_MAX 65536u /* of columns */

struct intake { /* all zero: empty */
	struct arena memory;
	const char *node; /* NULL: it says none */
	size_t n_records, n_columns;
	struct store_record *records;	/* `record` NULL: rejected */
	struct store_columns *columns;	/* n_rows 0: rejected */
	struct store_verdict *verdicts; /* of the records, then of the columns */
};

/*
 * -EBADMSG: it is no such body, *err says where; -EMSGSIZE: more than there may be; -ENOMEM.  What
 * *in has then is released likewise.
 */
int intake_read(const msgpack_object *body, struct intake *in, struct tesla_error *err);
void intake_release(struct intake *in);
/* Rejects one, with a sentence, unless it is already. */
__attribute__((format(printf, 3, 4))) void intake_reject(struct intake *in, size_t i,
							 const char *fmt, ...);

#endif
