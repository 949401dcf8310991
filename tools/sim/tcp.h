/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a line on TCP: Modbus TCP, or the raw bytes of a serial line behind a converter. */
#ifndef SIM_TCP_H
#define SIM_TCP_H

#include "sim/sim.h"

struct tcp_listener;

/* "[ADDRESS:]PORT"; port 0: a free one.  NULL: *err says why. */
struct tcp_listener *tcp_open(struct line *line, const char *where, const struct pace *pace,
			      struct tesla_error *err);
char *tcp_where(const struct tcp_listener *t); /* "127.0.0.1:45123", for free(); NULL: no memory */
size_t tcp_connections(const struct tcp_listener *t);
void tcp_close(struct tcp_listener *t); /* and all its connections; freed by the loop */

#endif
