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
/* Of whom the one at a place is, and when it ends; columns: when their last row does. */
struct intake_who {
	int64_t analyzer;
	const char *model, *identity;
	int64_t end_ms;
	bool there; /* false: it is rejected */
};
struct intake_who intake_who(const struct intake *in, size_t i);

/* What is not taken now, and why: the sender keeps it, and tries again. */
enum intake_hold {
	INTAKE_GO,
	INTAKE_AHEAD,	/* it ends in the future (ahead.h) */
	INTAKE_BEHIND,	/* one of its analyzer that does stands before it */
	INTAKE_CONSENT, /* its analyzer waits for somebody's */
	INTAKE_CROWD,	/* too many analyzers are new */
	INTAKE_FULL	/* its node has as many analyzers as it may have */
};
/* By the server's clock.  Those that go are left as they are. */
void intake_hold(const struct intake *in, int64_t now_ms, enum intake_hold *holds);
/* Rejects one, with a sentence, unless it is already. */
__attribute__((format(printf, 3, 4))) void intake_reject(struct intake *in, size_t i,
							 const char *fmt, ...);

#endif
