/* SPDX-License-Identifier: Apache-2.0 */
/* `teslactl shell`: a prompt on a terminal; elsewhere lines of standard input. */
#ifndef TESLACTL_SHELL_H
#define TESLACTL_SHELL_H

#include "teslactl/ctl.h"

/* On a terminal CTL_GOOD; else the exit code of the first line that failed. */
int shell_run(const struct ctl *ctl);
/* The command `quit`. */
int shell_quit(const struct ctl *ctl);

#endif
