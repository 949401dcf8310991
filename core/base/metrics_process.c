/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says of a process. */
#include "base/metrics_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define FILE_SIZE 2048 /* of what is read here: a few hundred bytes */

/* A file of /proc comes in one read. */
static bool read_file(int pid, const char *name, char text[FILE_SIZE])
{
	_cleanup_close_ int fd = -1;
	char path[64];
	ssize_t n;

	(void)snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, text, FILE_SIZE - 1) : -1;
	if (n <= 0)
		return false;
	text[n] = '\0';
	return true;
}

/* The name, field 2, may have blanks and brackets in it: fields are counted from its end on. */
bool process_usage(int pid, struct process_usage *ret)
{
	uint64_t user, system, size, pages;
	char text[FILE_SIZE];
	const char *name_end;
	long ticks = sysconf(_SC_CLK_TCK), page = sysconf(_SC_PAGESIZE);

	if (!read_file(pid, "stat", text) || ticks <= 0 || page <= 0)
		return false;
	name_end = strrchr(text, ')');
	if (name_end == NULL ||
	    sscanf(name_end + 1,
		   " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64 " %" SCNu64
		   " %*s %*s %*s %*s %*s %*s %*s %" SCNu64 " %" SCNu64,
		   &user, &system, &size, &pages) != 4)
		return false;
	*ret = (struct process_usage){ .cpu_s = (double)(user + system) / (double)ticks,
				       .virtual_bytes = size,
				       .resident_bytes = pages * (uint64_t)page };
	return true;
}

bool process_proportional(int pid, uint64_t *ret_bytes)
{
	char text[FILE_SIZE];
	const char *line;
	uint64_t kib;

	if (!read_file(pid, "smaps_rollup", text))
		return false;
	line = strstr(text, "\nPss:");
	if (line == NULL || sscanf(line, "\nPss: %" SCNu64, &kib) != 1)
		return false;
	*ret_bytes = kib * 1024;
	return true;
}

bool process_descriptors(uint64_t *ret)
{
	DIR *dir = opendir("/proc/self/fd");
	uint64_t n = 0;

	if (dir == NULL)
		return false;
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	if (n < 3)
		return false;
	*ret = n - 3; /* "." and "..", and the one by which it was looked */
	return true;
}
