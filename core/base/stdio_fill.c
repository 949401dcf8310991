/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors 0, 1 and 2 are there, whoever started us. */
#include "base/stdio_fill.h"

#include <fcntl.h>
#include <unistd.h>

void stdio_fill(void)
{
	int fd;

	do /* the lowest number that is free; children inherit it, as they would a real one */
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		(void)close(fd);
}
