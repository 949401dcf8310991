/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who writes to the log, for LD_PRELOAD: what a thread of teslad that is not its first one writes
 * to standard error is in the file that TESLA_THREADS names too.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void note(const void *bytes, size_t len)
{
	const char *file = getenv("TESLA_THREADS");
	int saved = errno, fd = -1;

	if (file != NULL && strcmp(program_invocation_short_name, "teslad") == 0)
		fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd >= 0) {
		(void)!write(fd, bytes, len); /* comes through here, and is not to be noted */
		(void)close(fd);
	}
	errno = saved;
}

/* C has no cast to a function. */
ssize_t write(int fd, const void *bytes, size_t len)
{
	void *p = dlsym(RTLD_NEXT, "write");
	ssize_t (*real)(int, const void *, size_t);

	memcpy(&real, &p, sizeof p);
	if (fd == STDERR_FILENO && gettid() != getpid())
		note(bytes, len);
	return real(fd, bytes, len);
}
