/* SPDX-License-Identifier: Apache-2.0 */
/* What a backup has beside the store. */
#ifndef CENTRAL_BACKUP_H
#define CENTRAL_BACKUP_H

#include "central/registry.h"

/* A copy of the registry in `folder`, synced.  Any thread; it blocks. */
int backup_registry(struct registry_db *db, const char *folder, struct tesla_error *err);

#endif
