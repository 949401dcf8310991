/* SPDX-License-Identifier: Apache-2.0 */
/* Two lines of text, always as long, written in turn: one is whole whatever happens. */
#include "position.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <zlib.h>

#define MARK "localFile 1 "
#define SUM_AT (POSITION_BYTES - 10) /* " 89abcdef\n" ends it */
#define OFFSET_MAX (INT64_C(1) << 50)

static unsigned long text_sum(const char *text)
{
	return crc32(0, (const Bytef *)text, SUM_AT);
}

void position_print(const struct position *p, char bytes[POSITION_BYTES + 1])
{
	char text[POSITION_BYTES + 1];

	(void)snprintf(text, sizeof text,
		       MARK "%" PRIu64 " %s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
			    " %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRIu64 " %" PRId64 " %" PRId64,
		       p->turn, p->day_file, p->offset, p->len, p->first_ms, p->last_ms, p->first_n,
		       p->last_n, p->high_ms, p->high_n, p->header, p->header_len);
	(void)snprintf(bytes, POSITION_BYTES + 1, "%-*s", SUM_AT, text);
	(void)snprintf(bytes + SUM_AT, POSITION_BYTES + 1 - SUM_AT, " %08lx\n", text_sum(bytes));
}

static bool is_span(int64_t at, int64_t len)
{
	return at >= 0 && at <= OFFSET_MAX && len >= 0 && len <= OFFSET_MAX;
}

bool position_parse(const char *bytes, size_t len, struct position *p)
{
	char text[POSITION_BYTES + 1], again[POSITION_BYTES + 1];
	struct position found = { 0 };

	if (len != POSITION_BYTES || memchr(bytes, '\0', len) != NULL)
		return false;
	memcpy(text, bytes, len);
	text[len] = '\0';
	if (sscanf(text,
		   MARK "%" SCNu64 " %15s %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNu64
			" %" SCNu64 " %" SCNd64 " %" SCNu64 " %" SCNd64 " %" SCNd64,
		   &found.turn, found.day_file, &found.offset, &found.len, &found.first_ms,
		   &found.last_ms, &found.first_n, &found.last_n, &found.high_ms, &found.high_n,
		   &found.header, &found.header_len) != 12 ||
	    !is_span(found.offset, found.len) || !is_span(found.header, found.header_len))
		return false;
	position_print(&found, again); /* the checksum, and every blank */
	if (memcmp(bytes, again, POSITION_BYTES) != 0)
		return false;
	*p = found;
	return true;
}

static int position_load(int fd, struct position *p, bool *found)
{
	char bytes[2 * POSITION_BYTES];
	ssize_t n = pread(fd, bytes, sizeof bytes, 0);
	struct position other;

	if (n < 0)
		return -errno;
	*found = n >= POSITION_BYTES && position_parse(bytes, POSITION_BYTES, p);
	if (n == 2 * POSITION_BYTES &&
	    position_parse(bytes + POSITION_BYTES, POSITION_BYTES, &other) &&
	    (!*found || other.turn > p->turn)) {
		*p = other;
		*found = true;
	}
	return 0;
}

int position_open(int folder_fd, const char *name, int *ret, struct position *p, bool *found)
{
	int fd = openat(folder_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	int r = 0;

	if (fd < 0)
		return -errno;
	*p = (struct position){ 0 };
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		r = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (r == 0)
		r = position_load(fd, p, found);
	if (r == 0 && !*found && fsync(folder_fd) != 0) /* it may be new */
		r = -errno;
	if (r != 0)
		(void)close(fd);
	else
		*ret = fd;
	return r;
}

int position_store(int fd, const struct position *p)
{
	char bytes[POSITION_BYTES + 1];
	ssize_t n;

	position_print(p, bytes);
	do
		n = pwrite(fd, bytes, POSITION_BYTES, p->turn % 2 * POSITION_BYTES);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n != POSITION_BYTES)
		return -ENOSPC; /* what a short write to a file means */
	return fdatasync(fd) == 0 ? 0 : -errno;
}
