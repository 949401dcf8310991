/* SPDX-License-Identifier: Apache-2.0 */
/* zlib ends a stream and fails with the same 0: only its state tells. */
#include "gz.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int gz_take(int fd, gzFile *ret)
{
	*ret = gzdopen(fd, "rb");
	if (*ret != NULL)
		return 0;
	(void)close(fd);
	return -ENOMEM;
}

int gz_open(int folder_fd, const char *name, gzFile *ret)
{
	int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	*ret = NULL;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	return gz_take(fd, ret);
}

int gz_read(gzFile in, void *bytes, size_t size)
{
	int n = gzread(in, bytes, (unsigned)size), cause = errno, state = Z_OK;

	if (n > 0)
		return n;
	(void)gzerror(in, &state);
	if (n == 0 && state == Z_OK)
		return 0;
	if (state == Z_ERRNO)
		return cause != 0 ? -cause : -EIO;
	return state == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
}
