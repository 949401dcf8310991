/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host of lines was told, so that after a change it is told what is new to it and nothing
 * else.  An entry has a key ("line/3", "model/PM710") and the bytes that define the thing; its
 * number rises when those change, and is what a line's host answers with once it is so.
 */
#ifndef DAEMON_TOLD_H
#define DAEMON_TOLD_H

#include "base/buf.h"

struct told_entry {
	char *key;
	uint8_t *bytes;
	size_t len;
	uint64_t number; /* of the last change, in all of the struct told; from 1 on */
	/* of a line */
	int64_t line;	    /* its id; 0: it is no line */
	char *endpoint;	    /* where it is open until it is gone */
	char *was_endpoint; /* where it was until its host confirms that; NULL: there too */
	char *drivers;	    /* their names: in a host they never change on a line */
	uint64_t confirmed; /* the number that the host has */
	bool to_leave;	    /* it is to be given up, once it is settled: */
	bool leaving;	    /* that was told */
	bool current; /* looked at since the configuration changed: it was told, or is as before */
};
struct told { /* all zero: nothing */
	struct told_entry *list;
	size_t n;
	uint64_t number;
	unsigned turns; /* told to poll an analyzer or not, and not yet answered */
	bool refused;	/* such a one: to be told again */
	bool going;	/* it was told to go: from then on things change while it runs */
};

void told_release(struct told *t);
/* NULL: it was not told of that. */
struct told_entry *told_find(const struct told *t, const char *key);
/* 1: it is new, or was otherwise: to be told; 0: it knows.  -ENOMEM. */
int told_set(struct told *t, const char *key, const struct buf *bytes, struct told_entry **ret);

/* The entry of a line; NULL. */
struct told_entry *told_line(const struct told *t, int64_t line);
/* Another thing of the line is on its way to the host, or the line on its way out. */
bool told_is_settled(const struct told_entry *line);
/* The configuration is another: what each line is to be is yet to be looked at. */
void told_outdate(struct told *t);
/* Of a line: its host is what the configuration says. */
bool told_is_done(const struct told_entry *line);
/* The host has that message of the line, or a later one. */
bool told_has(const struct told *t, int64_t line, uint64_t number);
/* The host has what it was told last of the line.  True: its former endpoint is free. */
bool told_confirm(struct told_entry *line);
/* Nothing is on its way: whatever the host says is of what it was told last. */
bool told_all_settled(const struct told *t);
/* The host has let go of it. */
void told_drop(struct told *t, int64_t line);
/* It does not know that, after all. */
void told_forget(struct told *t, const char *key);

#endif
