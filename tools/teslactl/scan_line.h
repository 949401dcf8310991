/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line that is searched: one that the running daemon has, which then goes on with its polls, or
 * one that nobody has, with a daemon of our own.
 */
#ifndef TESLACTL_SCAN_LINE_H
#define TESLACTL_SCAN_LINE_H

#include "teslactl/scan_daemon.h"
#include "teslactl/scan_meter.h"

#define SCAN_ADDRESSES 256

struct scan_line {
	struct config_device device; /* texts are this struct's */
	char type[16], host[256], port[256], parity[4];
	struct tesla_client *client;
	struct scan_daemon *own;       /* NULL: the running daemon has it */
	int64_t registers, commands;   /* analyzers to look through; 0: its drivers cannot */
	int64_t known[SCAN_ADDRESSES]; /* the running daemon's analyzers by address; 0: none */
	char models[SCAN_ADDRESSES][FOUND_TEXT]; /* theirs */
	size_t last_id;				 /* the highest of the running daemon's */
};

/*
 * ctl->words[0]: a device of the running daemon, by its id, port or host:port; else a serial port
 * or a host:port of anybody.  CTL_GOOD, or it was complained of.
 */
int scan_line_open(const struct ctl *ctl, struct scan_line *l);
/* With another speed and parity; only a line of our own. */
int scan_line_set(struct scan_line *l, const struct catalogue *models, long long baud,
		  const char *parity, struct tesla_error *err);
void scan_line_close(struct scan_line *l);

#endif
