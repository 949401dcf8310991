/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors 0, 1 and 2 are there, whoever started us. */
#include "base/stdio_fill.h"

#include <fcntl.h>
#include <unistd.h>

void stdio_fill(void)
{
	int fd;

	/*
	 * The lowest number that is free; children inherit it, as they would a real one.  Nothing
	 * can be written to a standard output that is not there, and who checks it is told so.
	 */
	for (int want = STDIN_FILENO; want <= STDERR_FILENO; want++) {
		fd = fcntl(want, F_GETFD);
		if (fd < 0)
			(void)open("/dev/null", want == STDOUT_FILENO ? O_RDONLY : O_RDWR);
	}
}
