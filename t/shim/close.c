/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For LD_PRELOAD under ThreadSanitizer: libuv closes by syscall(), past the sanitizer, which then
 * takes the next descriptor of that number for the old one, used by two threads.
 */
#include <dlfcn.h>
#include <stdarg.h>
#include <string.h>
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
