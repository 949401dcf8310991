/* SPDX-License-Identifier: Apache-2.0 */
/* The command `scan`: who is on a line, and the configuration that reads them. */
#ifndef TESLACTL_SCAN_H
#define TESLACTL_SCAN_H

#include "teslactl/scan_line.h"

#define SCAN_ARGS "DEVICE [--addresses 1-247] [--baud 9600,19200] [--parity none,even] [--rtu]"
#define SCAN_HELP "Search a line for meters, and print the configuration that reads them"
#define SCAN_BAUDS 8
#define SCAN_SHOWN 3 /* models of one meter */

struct scan {
	const struct ctl *ctl;
	struct catalogue models;
	struct scan_line line;
	bool wanted[SCAN_ADDRESSES];
	long long bauds[SCAN_BAUDS];
	const char *parities[3];
	size_t n_bauds, n_parities;
	struct found *found;
	size_t n_found;
	int signals; /* a signalfd */
};

int scan_run(const struct ctl *ctl);

/* ---- scan_lists.c ---- */
/* What the options say; false: *err says what is wrong. */
bool scan_lists(struct scan *s, struct tesla_error *err);

/* ---- scan_show.c ---- */
/* unfinished: why it did not come to its end; NULL: it did. */
int scan_show(const struct scan *s, const char *unfinished);

#endif
