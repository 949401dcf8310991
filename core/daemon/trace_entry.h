/* SPDX-License-Identifier: Apache-2.0 */
/* One frame of a traced line: as its host tells it, and as clients get it. */
#ifndef DAEMON_TRACE_ENTRY_H
#define DAEMON_TRACE_ENTRY_H

#include "base/mp.h"

struct trace_entry { /* points into the message */
	int64_t line, t_us, kind, analyzer, cut, code;
	const msgpack_object *asked;
	const msgpack_object_bin *bytes;
	const msgpack_object *word, *text;
};

/* -EPROTO: it is none. */
int trace_entry_parse(const msgpack_object *o, struct trace_entry *ret, struct tesla_error *err);
/* The map of docs/control.md; n: its number. */
void trace_entry_pack(const struct trace_entry *e, uint64_t n, struct buf *out);

#endif
