/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The running daemon: all of its parts, for main.c, which makes and ends them, and for the control
 * commands.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include "daemon/check.h"
#include "daemon/control.h"
#include "daemon/fleet.h"
#include "daemon/logfile.h"
#include "daemon/meter_commands.h"
#include "daemon/metrics_http.h"
#include "daemon/recording.h"
#include "daemon/reload.h"
#include "daemon/traces.h"

#define DAEMON_CHECKS_MAX 4u /* `check` commands under way */
#define DAEMON_WALKS_MAX 16u /* those that read or change the journal */

struct daemon {
	uv_loop_t loop;
	struct check_files files;
	struct log log;
	struct check check;
	struct recording recording;
	struct fleet fleet;
	struct control *control;
	struct reload *reload;
	struct metrics_http *metrics; /* NULL: nobody is served */
	uv_signal_t signals[3];
	struct asks asks;
	struct traces traces;
	uv_timer_t watchdog;
	struct logfile logfile;	    /* where `log` goes when there is a log_dir */
	unsigned n_checks, n_walks; /* commands under way */
	bool stopping;
};

/* Says what is doubtful in a configuration. */
void daemon_warn(const struct daemon *d, const struct diags *diags);
/* Ends the daemon, cleanly and soon; more than one call is fine. */
void daemon_stop(struct daemon *d);

#endif
