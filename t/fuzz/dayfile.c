/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What localFile reads back from a disk: a position file and a day file of any bytes.  A record
 * that is DONE has its line in the file, and given again it changes nothing.
 */
#include <assert.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../plugins/export/localFile/folder.h"

#define DAY_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void file_put(int folder_fd, const char *name, const uint8_t *bytes, size_t len)
{
	int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	(void)close(fd);
}

static size_t file_get(int folder_fd, const char *name, char *bytes, size_t size)
{
	int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, bytes, size);

	assert(n >= 0);
	(void)close(fd);
	return (size_t)n;
}

static bool take(int target_fd, const struct tesla_item *item)
{
	struct tesla_verdict verdict = { 0 };
	struct entry e = { .item = item, .verdict = &verdict };
	struct tesla_error err = { 0 };
	struct folder f;
	size_t done = 0;

	assert(moment_at(item->t_ms, &e.end));
	assert(folder_open(&f, target_fd, "target", item->analyzer, &format_txt, &err) == 0);
	int r = folder_take(&f, &e, 1, &done, &err);

	assert((r == 0) == (done == 1) && (r == 0 || err.text[0] != '\0'));
	folder_close(&f);
	return r == 0;
}

static int target_make(int *folder_fd)
{
	char path[] = "/tmp/tesla-fuzz-XXXXXX";
	int fd;

	assert(mkdtemp(path) != NULL);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert(fd >= 0 && setenv("TZ", "UTC", 1) == 0);
	struct folder f;
	struct tesla_error err = { 0 };

	assert(folder_open(&f, fd, path, 1, &format_txt, &err) == 0);
	*folder_fd = fcntl(f.fd, F_DUPFD_CLOEXEC, 0);
	folder_close(&f);
	return fd;
}

/* The first 512 bytes, if there are as many, are the position file. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static char before[2 * DAY_MAX], after[2 * DAY_MAX];
	const struct tesla_record_element e = { .value = 1.5, .quality = TESLA_GOOD };
	const struct tesla_record_variable v = { "FRE", "Hz", TESLA_GAUGE, 1, 1, &e };
	const struct tesla_record_variable *const list[] = { &v };
	const struct tesla_item item = { .kind = TESLA_RECORD,
					 .analyzer = 1,
					 .n = 7,
					 .t_ms = INT64_C(1795342500000),
					 .n_variables = 1,
					 .variables = list };
	static const char line[] = "10:15:00\t     1.50\t\n";
	size_t head = len > 2 * POSITION_BYTES ? 2 * POSITION_BYTES : 0, n, n_after;
	int folder_fd, target_fd;

	if (len - head > DAY_MAX)
		return 0;
	target_fd = target_make(&folder_fd);
	file_put(folder_fd, ".position.txt", bytes, head);
	file_put(folder_fd, "20261122.txt", bytes + head, len - head);
	if (take(target_fd, &item)) {
		n = file_get(folder_fd, "20261122.txt", before, sizeof before);
		assert(memmem(before, n, line, sizeof line - 1) != NULL);
		assert(take(target_fd, &item));
		n_after = file_get(folder_fd, "20261122.txt", after, sizeof after);
		assert(n == n_after && memcmp(before, after, n) == 0);
	}
	(void)unlinkat(folder_fd, "20261122.txt", 0);
	(void)unlinkat(folder_fd, ".position.txt", 0);
	(void)close(folder_fd);
	(void)unlinkat(target_fd, "1", AT_REMOVEDIR);
	char self[64], path[64] = "";

	(void)snprintf(self, sizeof self, "/proc/self/fd/%d", target_fd);
	if (readlink(self, path, sizeof path - 1) > 0)
		(void)rmdir(path);
	(void)close(target_fd);
	return 0;
}
