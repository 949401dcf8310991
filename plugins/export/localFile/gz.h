/* SPDX-License-Identifier: Apache-2.0 */
/* Files that zlib reads, compressed or not; and what went wrong, as an errno. */
#ifndef LOCALFILE_GZ_H
#define LOCALFILE_GZ_H

#include <stddef.h>
#include <zlib.h>

/* *ret: NULL when there is no such file, which is no error.  Closed by gzclose_r(). */
int gz_open(int folder_fd, const char *name, gzFile *ret);
/* The same of a descriptor, which is closed even on failure, or else with *ret. */
int gz_take(int fd, gzFile *ret);
/* As gzread(), but 0 is the end for sure, and an error -errno; -EBADMSG: it is damaged. */
int gz_read(gzFile in, void *bytes, size_t size);

#endif
