/* SPDX-License-Identifier: Apache-2.0 */
/* The registry in a backup. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "central/backup.h"

int backup_registry(struct registry_db *db, const char *folder, struct tesla_error *err)
{
	_cleanup_free_ char *to = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&to, "%s/registry", folder) < 0) {
		to = NULL;
		return tesla_fail(err, -ENOMEM, "no memory");
	}
	if (mkdir(to, 0700) != 0)
		return tesla_fail(err, -errno, "%s: %s", to, strerror(errno));
	r = registry_copy(db, to, err);
	if (r != 0)
		return r;
	fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && fsync(fd) == 0 ? 0
					 : tesla_fail(err, -errno, "%s: %s", to, strerror(errno));
}
