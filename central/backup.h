/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to a backup besides the store. */
#ifndef CENTRAL_BACKUP_H
#define CENTRAL_BACKUP_H

#include <tesla/plugin.h>

/*
 * For store_backup_conf.more: a copy of <dir>/registry/, if there is one, in `folder`, synced.  In
 * a process that does not have it open itself: LMDB loses its locks when it is opened twice.
 */
int backup_registry(void *dir, const char *folder, struct tesla_error *err);

#endif
