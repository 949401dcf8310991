/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this process can still do once it knows what it is for: files by Landlock, sockets and other
 * system calls by seccomp.  To be called while it has one thread, since Landlock holds for the
 * thread that asks and those that it makes later, and before any plugin is loaded, whose
 * constructors are code of the plugin too.  There is no way back.
 */
#ifndef HOST_CONFINE_H
#define HOST_CONFINE_H

#include "host/report.h"

/*
 * As the core's `hello` says under `confine` (docs/wire.md), and tells the core what could not be
 * had; without the key nothing is done and nothing is told.  -EPROTO: it makes no sense.
 */
int confine_hello(const msgpack_object *hello, struct report *report, struct tesla_error *err);
/* For --describe: it reads the system's libraries and the plugin's folder, and has no network. */
void confine_describe(const char *plugin);

#endif
