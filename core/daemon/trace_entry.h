/* SPDX-License-Identifier: Apache-2.0 */
/* One frame of a traced line: as its host tells it, and as clients get it. */
#ifndef DAEMON_TRACE_ENTRY_H
#define DAEMON_TRACE_ENTRY_H

#include "base/mp.h"

struct trace_text {	/* not ended by a NUL */
	const char *at; /* NULL: none */
	uint32_t len;
};
struct trace_entry { /* texts and bytes are in the message */
	int64_t line, t_us, kind, analyzer, cut, code;
	bool registers; /* those were asked for: */
	int64_t asked[3];
	struct trace_text command, word, text, bytes;
};

/* -EPROTO: it is none. */
int trace_entry_parse(const msgpack_object *o, struct trace_entry *ret, struct tesla_error *err);
/* The map of docs/control.md; n: its number. */
void trace_entry_pack(const struct trace_entry *e, uint64_t n, struct buf *out);
struct trace_text trace_text_of(const char *text);

#endif
