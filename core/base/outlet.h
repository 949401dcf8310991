/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines to a descriptor that may not take them: a pipe or a terminal that nobody reads, a disk that
 * is full.  It is never waited for.  Lines that it does not take are lost and counted, and the next
 * one that it takes comes after one that says how many and why.  One thread at a time.
 */
#ifndef BASE_OUTLET_H
#define BASE_OUTLET_H

#include <stdbool.h>
#include <stdint.h>

enum outlet_loss {
	OUTLET_UNREAD,	 /* nobody read them */
	OUTLET_NO_SPACE, /* the disk, a quota or a limit of the file */
	OUTLET_FAILED	 /* whatever else */
};
#define OUTLET_N_LOSSES 3

struct outlet {
	int fd;
	bool journald;	   /* lines begin with "<4>" instead of time and level */
	bool socket, asks; /* how not to wait: by a flag, or by asking first */
	bool cut;	   /* what was written last ends within a line */
	int why;	   /* errno of the last loss */
	uint64_t unsaid;   /* lines lost since one was written */
	uint64_t lost[OUTLET_N_LOSSES];
};

/* Standard error as it is now, also when 2 becomes something else.  Its flags are not touched. */
void outlet_init_stderr(struct outlet *o);
/* A file, which does not block; the descriptor stays the caller's. */
void outlet_init_file(struct outlet *o, int fd);
/* What outlet_init_stderr() opened. */
void outlet_release(struct outlet *o);
/* One line, no newline.  False: it is lost. */
bool outlet_line(struct outlet *o, int level, const char *text);
/* "unread", "no-space", "failed". */
const char *outlet_loss_name(enum outlet_loss loss);

#endif
