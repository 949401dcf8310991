/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of a keep at a clean stop: a small file on a disk, whole or not there. */
#include "daemon/keep_save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/cleanup.h"

static int write_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The same with no more ring than is in use: this one goes to a disk.  For free(). */
static void *smaller_copy(const struct area *a, size_t *size)
{
	size_t ring = 2 * (size_t)(area_next(a) - area_first(a)), n = a->n_slots;
	_cleanup_free_ struct keep_slot *slots = calloc(n + 1, sizeof *slots);
	struct area copy = { .slots = NULL };
	struct area_entry e;
	void *memory = NULL;

	for (size_t i = 0; slots != NULL && i < n; i++)
		slots[i] = (struct keep_slot){ .id = area_slot_id(a, i),
					       .size = area_slot_room(a, i) };
	*size = slots ? area_size(slots, n, ring) : 0;
	memory = *size > 0 ? malloc(*size) : NULL;
	if (memory == NULL || area_format(&copy, memory, slots, n, ring) != 0) {
		free(memory);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		const void *bytes;
		size_t len;

		if (area_slot_read(a, i, &bytes, &len) == 0 && bytes != NULL)
			area_slot_write(&copy, i, bytes, len);
	}
	for (uint64_t at = area_first(a); area_entry_quick(a, at, &e); at = e.after)
		(void)area_push(&copy, e.bytes, e.len);
	area_release(&copy);
	return memory;
}

static int save_bytes(const char *dir_path, const char *path_new, const char *path,
		      const void *bytes, size_t size)
{
	_cleanup_close_ int fd =
		open(path_new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	_cleanup_close_ int dir = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0 || dir < 0)
		return -errno;
	rc = write_all(fd, bytes, size);
	if (rc == 0 && (fsync(fd) != 0 || rename(path_new, path) != 0 || fsync(dir) != 0))
		rc = -errno;
	if (rc != 0)
		(void)unlink(path_new);
	return rc;
}

int area_save(const struct area *a, const char *dir, const char *path_new, const char *path)
{
	size_t size;
	_cleanup_free_ void *bytes = smaller_copy(a, &size);

	return bytes ? save_bytes(dir, path_new, path, bytes, size) : -ENOMEM;
}
