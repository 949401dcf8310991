/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a line on a pseudo-terminal; the reader opens a symlink as it would a serial port. */
#ifndef SIM_PTY_H
#define SIM_PTY_H

#include "sim/sim.h"

struct pty;

/* `link` is made, or turned if it is a symlink already.  NULL: *err says why. */
struct pty *pty_open(struct line *line, const char *link, const struct pace *pace,
		     struct tesla_error *err);
void pty_close(struct pty *p); /* removes the link; freed by the loop */

#endif
