/* SPDX-License-Identifier: Apache-2.0 */
/* A keep as a file on a disk, for the next start of the machine. */
#ifndef DAEMON_KEEP_SAVE_H
#define DAEMON_KEEP_SAVE_H

#include "daemon/keep_area.h"

/* `path`, in `dir`, by way of `path_new`; synced.  -errno: what was there is as it was. */
int area_save(const struct area *a, const char *dir, const char *path_new, const char *path);

#endif
