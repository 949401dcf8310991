/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loop that stands still, for LD_PRELOAD: while the file exists that TESLA_HOLD names, a process
 * waits before it waits for events, as one does that hangs in a callback.
 */
#include <dlfcn.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static void hold(void)
{
	const char *file = getenv("TESLA_HOLD");

	while (file != NULL && access(file, F_OK) == 0)
		(void)poll(NULL, 0, 10);
}

/* libuv calls either, as signals are to be blocked or not; C has no cast to a function. */
int epoll_wait(int fd, struct epoll_event *events, int max, int timeout)
{
	void *p = dlsym(RTLD_NEXT, "epoll_wait");
	int (*real)(int, struct epoll_event *, int, int);

	memcpy(&real, &p, sizeof p);
	hold();
	return real(fd, events, max, timeout);
}

int epoll_pwait(int fd, struct epoll_event *events, int max, int timeout, const sigset_t *mask)
{
	void *p = dlsym(RTLD_NEXT, "epoll_pwait");
	int (*real)(int, struct epoll_event *, int, int, const sigset_t *);

	memcpy(&real, &p, sizeof p);
	hold();
	return real(fd, events, max, timeout, mask);
}
