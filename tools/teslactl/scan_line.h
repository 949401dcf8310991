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

#define SCAN_PARAMS 24
#define SCAN_TEXT 256

struct scan_line {
	struct config_device device; /* of params; its texts are this struct's */
	struct config_param params[SCAN_PARAMS];
	char texts[SCAN_PARAMS][2][SCAN_TEXT]; /* names and values */
	char type[16], host[SCAN_TEXT], port[SCAN_TEXT];
	long long baud; /* 0: not known */
	bool is_slow;	/* its time-out is longer than usual: a look has that, too */
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
struct scan_settings {	    /* of a line of our own */
	long long baud;	    /* 0: not said */
	const char *parity; /* NULL: not said */
	int64_t timeout_ms; /* for a connection too; 0: as usual */
};
/* It has these from now on. */
int scan_line_set(struct scan_line *l, const struct catalogue *models,
		  const struct scan_settings *set, struct tesla_error *err);
void scan_line_close(struct scan_line *l);

#endif
