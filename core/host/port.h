/* SPDX-License-Identifier: Apache-2.0 */
/* Opening what a line is connected to.  Descriptors are non-blocking and closed on exec. */
#ifndef HOST_PORT_H
#define HOST_PORT_H

#include <netdb.h>

#include "base/line_params.h"

/*
 * A serial port, raw, at the line's settings, for us alone.  The descriptor, or a negative errno.
 */
int port_open_serial(const struct line_params *p, struct tesla_error *err);
/*
 * Blocks, for at most the line's timeout per address of the host (and for as long as its name
 * takes to be resolved).  The descriptor, or a negative errno.
 */
int port_connect(const struct line_params *p, struct tesla_error *err);
/* Begins to connect: when the descriptor is writable, ask port_connected(). */
int port_connect_start(const struct addrinfo *to, const struct line_params *p,
		       struct tesla_error *err);
/* 0, or a negative errno. */
int port_connected(int fd, const struct line_params *p, struct tesla_error *err);
/*
 * Reads and forgets what is there, once `saw` was shown it.  How much; -EPIPE: the far end hung up;
 * -EMSGSIZE: it never stops.
 */
typedef void port_saw(void *arg, const void *bytes, size_t len);
int port_discard(int fd, port_saw *saw, void *arg);

#endif
