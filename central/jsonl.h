/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as JSON lines, as `teslactl journal export` prints them: {"record": {...}, ...}, or the
 * map of the record itself.  What a record lacks in that form: the node, which is "node" beside
 * the record, and the factor of a variable, "factor", 1 when there is none.
 */
#ifndef CENTRAL_JSONL_H
#define CENTRAL_JSONL_H

#include <stdio.h>

#include "base/record.h"

#define JSONL_LINE_MAX ((size_t)4 << 20)

struct jsonl_record {
	const char *node; /* NULL: the line has none */
	struct record record;
};
/*
 * Foreign text; *ret lives in `memory`.  -EBADMSG, -EMSGSIZE: *err says what is wrong and where;
 * -ENOMEM.
 */
int jsonl_read(const char *line, size_t len, struct arena *memory, struct jsonl_record *ret,
	       struct tesla_error *err);
/* -EIO: the disk, or whoever reads; -EINVAL: a text is not UTF-8; -ENOMEM. */
int jsonl_write(FILE *out, const char *node, const struct record *r, struct tesla_error *err);

#endif
