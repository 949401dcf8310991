/* SPDX-License-Identifier: Apache-2.0 */
/* Commands while it runs: a line each, answered with a line of JSON. */
#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

#include "sim/sim.h"

struct control;

/* "-": stdin and stdout; else the path of a UNIX socket.  `quit` calls quit(arg).  NULL: *err. */
struct control *control_open(struct sim *s, const char *where, void (*quit)(void *arg), void *arg,
			     struct tesla_error *err);
void control_close(struct control *c); /* freed by the loop; NULL is fine */

#endif
