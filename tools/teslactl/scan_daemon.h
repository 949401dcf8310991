/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A teslad of our own, for a line that no running one has: in a temporary folder, reading nothing
 * by itself, publishing nothing, and ended with us.
 */
#ifndef TESLACTL_SCAN_DAEMON_H
#define TESLACTL_SCAN_DAEMON_H

#include "base/config_out.h"
#include "teslactl/catalogue.h"

/* The ids of its analyzers, which are only there to look by. */
#define SCAN_REGISTERS 1
#define SCAN_COMMANDS 2 /* not on a Modbus TCP line */

struct scan_daemon;

/* Starts it with that line, and waits until it answers. */
int scan_daemon_start(const struct config_device *line, const struct catalogue *models,
		      struct scan_daemon **ret, struct tesla_error *err);
/* The line is another from now on. */
int scan_daemon_change(struct scan_daemon *d, const struct config_device *line,
		       const struct catalogue *models, struct tesla_error *err);
struct tesla_client *scan_daemon_client(const struct scan_daemon *d);
/* Ends it, and removes its folder.  NULL is fine. */
void scan_daemon_stop(struct scan_daemon *d);

#endif
