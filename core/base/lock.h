/* SPDX-License-Identifier: Apache-2.0 */
/* A file is ours alone. */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

/*
 * Locks an open file (flock) against other processes.  0; -EBUSY: another has it for more than a
 * second; -errno.  The second is for children that were forked a moment ago and hold every
 * descriptor until they exec.
 */
int lock_file(int fd);
/* The same with others who lock it so; the file may be open for reading only. */
int lock_file_shared(int fd);

#endif
