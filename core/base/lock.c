/* SPDX-License-Identifier: Apache-2.0 */
/* A file is ours alone. */
#include "base/lock.h"

#include <errno.h>
#include <sys/file.h>
#include <time.h>

#define TRIES 100
#define PAUSE_NS 10000000 /* nothing tells when a lock becomes free but waiting for it for ever */

int lock_file(int fd)
{
	for (int i = 0; i < TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		(void)nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
	}
	return -EBUSY;
}
