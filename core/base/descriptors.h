/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File descriptors are few, and whoever connects takes one.  libzmq 4.3 ends the process when it
 * accepts and there is none left (ipc_listener.cpp), and has no bound of its own: its I/O thread
 * takes what comes, before anybody can look.  So a program that links this has an accept4 of its
 * own, which libzmq's calls find before libc's: a connection that would take one of the last
 * descriptors is closed at once, and is to libzmq and libuv one that was given up meanwhile.
 */
#ifndef BASE_DESCRIPTORS_H
#define BASE_DESCRIPTORS_H

#include <stdbool.h>

#define DESCRIPTORS_SPARE 64u /* not for connections; of a small table, a quarter */

/* As many as we may have: at the start. */
void descriptors_raise(void);
/* Connections are refused now. */
bool descriptors_scarce(void);

#endif
