/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes over a line that is traced, told to the core frame by frame and with its meaning
 * (docs/wire.md).  Frames leave with the thread's sweeps: nobody is woken for them.
 */
#ifndef HOST_TRACE_H
#define HOST_TRACE_H

#include "host/line.h"

#define TRACE_BYTES_MAX 4096u /* of one frame; what is beyond is counted */

/* Of one thread: what the drivers of its lines show. */
struct trace {
	struct line *line;	  /* that is being served */
	const struct action *act; /* and what is asked; NULL: nothing */
	/* What came as the answer, until it is known what it means. */
	size_t len, cut;
	int64_t t_us; /* wall clock, of its last byte */
	uint8_t bytes[TRACE_BYTES_MAX];
};

/* "ok", "timeout" and so on. */
const char *status_word(enum tesla_status status);
/* From now on what drivers show is of this line, and of this transaction. */
void trace_serve(struct trace *t, struct line *l, const struct action *act);
/* A driver shows bytes (tesla_host.frame). */
void trace_frame(struct trace *t, enum tesla_frame_kind kind, const void *bytes, size_t len);
/* The transaction is over: what came of it.  Others may have been served since its last call. */
void trace_end(struct trace *t, struct line *l, const struct action *act,
	       const struct tesla_reply *reply, const struct tesla_error *err);
/* As port_saw: the host itself took that from the line, to throw it away.  `arg` is the line. */
void trace_junk(void *arg, const void *bytes, size_t len);
/* What happens to the line, in one word; text: why, or NULL. */
void trace_event(struct line *l, const char *word, const char *text);

#endif
