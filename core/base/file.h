/* SPDX-License-Identifier: Apache-2.0 */
/* A small file, whole. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <tesla/plugin.h>

/*
 * *ret is for free(), ended by a NUL that *len does not count.  -ENOENT: no such file; -EFBIG: more
 * than `max` bytes; -EISDIR, -EACCES, ...: *err says why, without the path.
 */
int file_read(const char *path, size_t max, char **ret, size_t *len, struct tesla_error *err);

#endif
