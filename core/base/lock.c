/* SPDX-License-Identifier: Apache-2.0 */
/* A file is ours alone. */
#include "base/lock.h"

#include <errno.h>
#include <sys/file.h>
#include <time.h>

#define TRIES 100
#define PAUSE_NS 10000000 /* nothing tells when a lock becomes free but waiting for it for ever */

static int lock(int fd, int how)
{
	for (int i = 0; i < TRIES; i++) {
		if (flock(fd, how | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		(void)nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
	}
	return -EBUSY;
}

int lock_file(int fd)
{
	return lock(fd, LOCK_EX);
}

int lock_file_shared(int fd)
{
	return lock(fd, LOCK_SH);
}
