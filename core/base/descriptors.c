/* SPDX-License-Identifier: Apache-2.0 */
/* The last descriptors are not for connections. */
#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

void descriptors_raise(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return;
	l.rlim_cur = l.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

/* The kernel gives the lowest number that is free: one so high says that as many are taken. */
static bool is_spare(int fd)
{
	struct rlimit l;
	rlim_t spare;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur == RLIM_INFINITY)
		return false;
	spare = l.rlim_cur / 4 < DESCRIPTORS_SPARE ? l.rlim_cur / 4 : DESCRIPTORS_SPARE;
	return (rlim_t)fd >= l.rlim_cur - spare;
}

bool descriptors_scarce(void)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	bool scarce = fd < 0 ? errno == EMFILE : is_spare(fd);

	if (fd >= 0)
		(void)close(fd);
	return scarce;
}

/*
 * The call itself and not libc's by dlsym, which is the loader's alone.  ENFILE is the one want of
 * descriptors that libzmq bears on ipc; it tries again at once, so that is for the case that others
 * took even the spare ones.
 */
int accept_spare(int listener, struct sockaddr *address, socklen_t *len,
		 int flags) __asm__("accept4"); /* libc's declaration has a type of its own */

int accept_spare(int listener, struct sockaddr *address, socklen_t *len, int flags)
{
	int fd = (int)syscall(SYS_accept4, listener, address, len, flags);

	if (fd < 0) {
		errno = errno == EMFILE ? ENFILE : errno;
	} else if (is_spare(fd)) {
		(void)close(fd);
		errno = ECONNABORTED;
		fd = -1;
	}
	return fd;
}
