/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signals that end a screen, and that of another size, come as reads, so that the terminal is
 * always restored.
 */
#ifndef TESLACTL_SIGNALS_H
#define TESLACTL_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/* A signalfd that does not block; *mask: what signals_close restores.  Before any thread starts. */
int signals_open(sigset_t *mask);
/* Takes those that came: true when one of them ends a program. */
bool signals_end(int fd);
void signals_close(int fd, const sigset_t *mask);

#endif
