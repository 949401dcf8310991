/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compressing one day file, a part at a time.
 *
 * A compressed file is made beside the plain one under a hidden name, with what was compressed
 * before (a late record) copied in front; it is read back, then comes fsync, rename, and the plain
 * one goes.  Stopped at any point: either the plain file is still all there is, and the hidden one
 * is made anew, or the compressed one ends with what the plain one says, which is seen when it is
 * compressed again, and by pack_settle() before a line is added.
 */
#ifndef LOCALFILE_PACK_H
#define LOCALFILE_PACK_H

#include <tesla/plugin.h>

struct pack;

/* NULL: no memory or no descriptor, errno.  folder_fd and name may go. */
struct pack *pack_new(int folder_fd, const char *name);
/* Not finished: nothing was done. */
void pack_free(struct pack *p);
/*
 * Works until then (monotonic), and on at the next call.  1: there is more to do; 0: the plain file
 * is gone; -EAGAIN: it was changed meanwhile; -EBADMSG: its .gz is damaged; another -errno.
 */
int pack_work(struct pack *p, const struct tesla_host *host, int64_t until_us);

/* Removes a plain file that is the compressed one's last member, by size and sum.  0 or -errno. */
int pack_settle(int folder_fd, const char *name);

#endif
