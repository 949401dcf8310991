/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Day files that are finished: compressed, and after some days removed.
 *
 * A compressed file is made beside the plain one under a hidden name, with what was compressed
 * before (a late record) copied in front; then fsync, rename, and the plain one goes.  Stopped at
 * any point: either the plain file is still all there is, or the compressed one ends with what the
 * plain one says, which archive_settle() sees and removes.
 */
#ifndef LOCALFILE_ARCHIVE_H
#define LOCALFILE_ARCHIVE_H

#include <tesla/plugin.h>

struct archive {
	const char *ext;
	bool gzip;
	int64_t keep_days; /* 0: for ever */
};

/* Removes a plain file whose content the compressed one has already. */
void archive_settle(int folder_fd, const char *name);
/*
 * Looks through all the analyzers' folders; removes what is too old, and compresses one file.
 * 1: there may be more to compress; 0: nothing is left to do; negative: what went wrong, for a log.
 */
int archive_work(int target_fd, const char *target, const struct archive *a,
		 struct tesla_error *err);

#endif
