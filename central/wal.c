/* SPDX-License-Identifier: Apache-2.0 */
/* The write-ahead file itself: made, appended to, begun anew. */
#include "central/wal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "central/wal_form.h"

#define ZEROS (64u << 10)

struct wal {
	char *path;
	int fd;
	size_t size, wanted;
	size_t at;  /* where the next entry goes */
	bool ready; /* false: nothing is taken before wal_reset */
	uint64_t turn, salt, next_seq;
	struct buf group; /* of wal_append; keeps its memory */
};

static int io_fail(const char *path, const char *what, struct tesla_error *err)
{
	return tesla_fail(err, -errno, "write-ahead file %s: %s: %s", path, what, strerror(errno));
}

static int write_all(int fd, const uint8_t *bytes, size_t len, size_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, bytes, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO; /* or it would be tried for ever */
		if (n <= 0)
			return -1;
		bytes += n;
		len -= (size_t)n;
		at += (size_t)n;
	}
	return 0;
}

/* ---- making one ---- */

/* Blocks that were never written to make the first sync of each slow. */
static int fill(int fd, size_t from, size_t to)
{
	static const uint8_t zeros[ZEROS];

	for (; from < to; from += ZEROS)
		if (write_all(fd, zeros, to - from < ZEROS ? to - from : ZEROS, from) != 0)
			return -1;
	return 0;
}

static void make_header(uint8_t h[WAL_HEADER_BYTES], const struct wal *w)
{
	memset(h, 0, WAL_HEADER_BYTES);
	put_u32(h + WAL_HEADER_MAGIC, WAL_MAGIC);
	put_u32(h + WAL_HEADER_VERSION, WAL_VERSION);
	put_u64(h + WAL_HEADER_TURN, w->turn);
	put_u64(h + WAL_HEADER_SALT, w->salt);
	put_u64(h + WAL_HEADER_FIRST, w->next_seq);
	put_u32(h + WAL_HEADER_CRC,
		crc32c(0, h + WAL_HEADER_VERSION, WAL_HEADER_BYTES - WAL_HEADER_VERSION));
}

/* One after the other: whenever it is cut off, one of them is whole. */
static int write_headers(const struct wal *w, int fd)
{
	uint8_t h[WAL_HEADER_BYTES];

	make_header(h, w);
	if (write_all(fd, h, sizeof h, 0) != 0 || fdatasync(fd) != 0)
		return -1;
	return write_all(fd, h, sizeof h, WAL_COPY_AT) == 0 ? fdatasync(fd) : -1;
}

static int new_salt(struct wal *w)
{
	return getrandom(&w->salt, sizeof w->salt, 0) == sizeof w->salt ? 0 : -1;
}

static int sync_folder_of(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int fd = -1;

	if (copy == NULL)
		return -1;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fsync(fd) : -1;
}

/* Under another name until it is whole. */
static int make_file(struct wal *w, struct tesla_error *err)
{
	_cleanup_free_ char *name = NULL;
	_cleanup_close_ int fd = -1;

	if (asprintf(&name, "%s.new", w->path) < 0)
		return tesla_fail(err, -ENOMEM, "write-ahead file %s: no memory", w->path);
	fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0 || new_salt(w) != 0 || fill(fd, 0, w->wanted) != 0 || write_headers(w, fd) != 0)
		return io_fail(name, "cannot be made", err);
	if (rename(name, w->path) != 0 || sync_folder_of(w->path) != 0)
		return io_fail(w->path, "cannot be put in its place", err);
	return 0;
}

/* ---- open and close ---- */

static int read_whole(const struct wal *w, uint8_t *bytes)
{
	for (size_t at = 0; at < w->size;) {
		ssize_t n = pread(w->fd, bytes + at, w->size - at, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO; /* somebody made it shorter */
		if (n <= 0)
			return -1;
		at += (size_t)n;
	}
	return 0;
}

static int replay(struct wal *w, const struct wal_reader *reader, struct tesla_error *err)
{
	_cleanup_free_ uint8_t *bytes = malloc(w->size > 0 ? w->size : 1);
	struct tesla_error why = { 0 };
	struct wal_found found;
	int r;

	if (bytes == NULL)
		return tesla_fail(err, -ENOMEM, "write-ahead file %s: no memory", w->path);
	if (read_whole(w, bytes) != 0)
		return io_fail(w->path, "cannot be read", err);
	r = wal_scan(bytes, w->size, reader, &found, &why);
	if (r != 0)
		return tesla_fail(err, r, "write-ahead file %s: %s", w->path, why.text);
	w->turn = found.turn;
	w->next_seq = found.next_seq;
	return 0;
}

static int open_file(struct wal *w, const struct wal_reader *reader, struct tesla_error *err)
{
	struct stat st;
	int r;

	w->fd = open(w->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (w->fd < 0 && errno == ENOENT) {
		r = make_file(w, err);
		if (r != 0)
			return r;
		w->fd = open(w->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	}
	if (w->fd < 0 || fstat(w->fd, &st) != 0)
		return io_fail(w->path, "cannot be opened", err);
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)1 << 32)
		return tesla_fail(err, -EINVAL,
				  "write-ahead file %s: expected a file of up to 4 GiB", w->path);
	w->size = (size_t)st.st_size;
	return replay(w, reader, err);
}

int wal_open(const char *path, size_t size, const struct wal_reader *reader, struct wal **ret,
	     struct tesla_error *err)
{
	struct wal *w = calloc(1, sizeof *w);
	int r = -ENOMEM;

	assert(size >= WAL_HEADERS + WAL_ENTRY && size % 8 == 0);
	if (w != NULL) {
		*w = (struct wal){ .fd = -1, .wanted = size, .next_seq = 1 };
		buf_init(&w->group, size);
		w->path = strdup(path);
	}
	if (w == NULL || w->path == NULL)
		(void)tesla_fail(err, r, "write-ahead file %s: no memory", path);
	else
		r = open_file(w, reader, err);
	if (r != 0)
		wal_close(w);
	else
		*ret = w;
	return r;
}

void wal_close(struct wal *w)
{
	if (w == NULL)
		return;
	if (w->fd >= 0)
		(void)close(w->fd);
	buf_release(&w->group);
	free(w->path);
	free(w);
}

/* ---- writing ---- */

uint8_t *wal_lay(struct buf *group, size_t len)
{
	size_t takes = wal_entry_bytes(len);
	uint8_t *at = buf_reserve(group, takes);

	if (at == NULL)
		return NULL;
	memset(at, 0, WAL_ENTRY);
	put_u32(at + WAL_ENTRY_LEN, (uint32_t)len);
	memset(at + WAL_ENTRY + len, 0, takes - WAL_ENTRY - len);
	buf_advance(group, takes);
	return at + WAL_ENTRY;
}

/* Makes the headers of a group; returns how many entries it has. */
static size_t seal(const struct wal *w, uint8_t *group, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; n++) {
		uint8_t *at = group + i;
		size_t bytes = get_u32(at + WAL_ENTRY_LEN);

		put_u64(at + WAL_ENTRY_SALT, w->salt);
		put_u64(at + WAL_ENTRY_SEQ, w->next_seq + n);
		put_u32(at + WAL_ENTRY_INDEX, (uint32_t)n);
		put_u32(at + WAL_ENTRY_BYTES_CRC, crc32c(0, at + WAL_ENTRY, bytes));
		put_u32(at + WAL_ENTRY_CRC,
			crc32c(0, at + WAL_ENTRY_LEN, WAL_ENTRY - WAL_ENTRY_LEN));
		i += wal_entry_bytes(bytes);
	}
	return n;
}

/* Whether the group fits, now or ever. */
static int check_room(const struct wal *w, size_t len, struct tesla_error *err)
{
	if (len > w->wanted - WAL_HEADERS)
		return tesla_fail(err, -EMSGSIZE,
				  "write-ahead file %s: a group of more than %zu bytes", w->path,
				  w->wanted - WAL_HEADERS);
	if (!w->ready || len > w->size - w->at)
		return tesla_fail(err, -EXFULL, "write-ahead file %s: it must begin anew first",
				  w->path);
	return 0;
}

int wal_append_laid(struct wal *w, uint8_t *group, size_t len, uint64_t *last,
		    struct tesla_error *err)
{
	int r = check_room(w, len, err);

	if (r != 0)
		return r;
	w->next_seq += seal(w, group, len); /* whatever comes of it: no number is given twice */
	if (write_all(w->fd, group, len, w->at) != 0 || fdatasync(w->fd) != 0) {
		w->ready = false;
		return io_fail(w->path, "cannot be written", err);
	}
	w->at += len;
	*last = w->next_seq - 1;
	return 0;
}

int wal_append(struct wal *w, const struct wal_entry *entries, size_t n, uint64_t *last,
	       struct tesla_error *err)
{
	size_t len = 0, room = w->wanted - WAL_HEADERS;

	for (size_t i = 0; i < n && len <= room; i++)
		len += entries[i].len > room ? entries[i].len : wal_entry_bytes(entries[i].len);
	if (len > room)
		return check_room(w, len, err);
	buf_clear(&w->group);
	for (size_t i = 0; i < n; i++) {
		uint8_t *at = wal_lay(&w->group, entries[i].len);

		if (at == NULL)
			return tesla_fail(err, -ENOMEM, "write-ahead file %s: no memory", w->path);
		memcpy(at, entries[i].bytes, entries[i].len);
	}
	return wal_append_laid(w, w->group.pub.bytes, w->group.pub.len, last, err);
}

int wal_reset(struct wal *w, uint64_t after, struct tesla_error *err)
{
	w->ready = false;
	if (w->size < w->wanted) { /* somebody cut it, or it is to be larger */
		if (fill(w->fd, w->size, w->wanted) != 0 || fdatasync(w->fd) != 0)
			return io_fail(w->path, "cannot be made as long as it should be", err);
		w->size = w->wanted;
	}
	if (w->next_seq <= after)
		w->next_seq = after + 1;
	w->turn++;
	if (new_salt(w) != 0 || write_headers(w, w->fd) != 0)
		return io_fail(w->path, "cannot begin anew", err);
	w->at = WAL_HEADERS;
	w->ready = true;
	return 0;
}
