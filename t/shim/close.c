/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For LD_PRELOAD under ThreadSanitizer: libuv closes by syscall(), past the sanitizer, which then
 * takes the next descriptor of that number for the old one, used by two threads.  Nor does it know
 * memfd_create(): there a file is opened, which it sees, and replaced below the number.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARGS 6

/* C has no cast from an object to a function. */
static long real_syscall(long number, const long a[ARGS])
{
	void *p = dlsym(RTLD_NEXT, "syscall");
	long (*real)(long, ...);

	memcpy(&real, &p, sizeof p);
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int memfd_create(const char *name, unsigned flags)
{
	int seen = open("/dev/null", O_RDWR | O_CLOEXEC);
	long fd = real_syscall(SYS_memfd_create, (const long[ARGS]){ (long)name, (long)flags });
	long keep = flags & MFD_CLOEXEC ? O_CLOEXEC : 0;

	if (seen < 0 || fd < 0) {
		(void)close(seen < 0 ? (int)fd : seen);
		return -1;
	}
	(void)real_syscall(SYS_dup3, (const long[ARGS]){ fd, seen, keep });
	(void)real_syscall(SYS_close, (const long[ARGS]){ fd });
	return seen;
}

long syscall(long number, ...)
{
	long a[ARGS];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < ARGS; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	return number == SYS_close ? close((int)a[0]) : real_syscall(number, a);
}
