/* SPDX-License-Identifier: Apache-2.0 */
/* A step does one part, and says which comes next. */
#include "pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gz.h"
#include "position.h"

#define PART 65536
#define PACKED_MAX (POSITION_NAME_MAX + 3) /* with .gz */

struct pack {
	int (*step)(struct pack *); /* 1: there is more to do; 0: finished; or -errno */
	int folder_fd;
	char name[POSITION_NAME_MAX], packed[PACKED_MAX], hidden[PACKED_MAX + 1];
	struct stat plain; /* as it was when all began */
	int plain_fd;
	int old_fd, out_fd;  /* what was compressed before; the hidden file */
	gzFile in, out;	     /* unpacks either of these; adds a member */
	off_t at;	     /* the next part of the plain file, or of what is copied */
	int64_t unpacked;    /* bytes in what was compressed before */
	off_t member;	     /* in the hidden file: where ours begins */
	bool hidden_is_made; /* and bears no other name yet */
	char a[PART], b[PART];
};

/* ---- files ---- */

static int file_open(int folder_fd, const char *name)
{
	int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd >= 0 ? fd : -errno;
}

static void fd_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void in_close(struct pack *p)
{
	if (p->in != NULL)
		(void)gzclose_r(p->in);
	p->in = NULL;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The plain file is what it was when it was read; else nothing of ours is worth a thing. */
static bool is_unchanged(const struct pack *p)
{
	struct stat now;

	return fstatat(p->folder_fd, p->name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	       is_same(&p->plain, &now);
}

/* Not before the name of the one that has its lines is on the disk. */
static int name_remove(int folder_fd, const char *name)
{
	return fsync(folder_fd) == 0 && unlinkat(folder_fd, name, 0) == 0 ? 0 : -errno;
}

static int plain_remove(struct pack *p)
{
	if (!is_unchanged(p))
		return -EAGAIN;
	return name_remove(p->folder_fd, p->name);
}

/* ---- the hidden file: read back, and put in place ---- */

/* Compares the next part of the plain file; *same: so far.  1: there is more. */
static int compare_part(struct pack *p, bool *same)
{
	int n = gz_read(p->in, p->a, PART);
	ssize_t m = n < 0 ? 0 : pread(p->plain_fd, p->b, PART, p->at);

	if (n < 0 || m < 0)
		return n < 0 ? n : -errno;
	p->at += n;
	*same = n == m && memcmp(p->a, p->b, (size_t)n) == 0;
	return *same && n > 0;
}

static int swap_step(struct pack *p)
{
	if (fsync(p->out_fd) != 0)
		return -errno;
	if (!is_unchanged(p))
		return -EAGAIN;
	if (renameat(p->folder_fd, p->hidden, p->folder_fd, p->packed) != 0)
		return -errno;
	p->hidden_is_made = false;
	return plain_remove(p);
}

static int check_step(struct pack *p)
{
	bool same = true;
	int r = compare_part(p, &same);

	if (r < 0 || !same)
		return r == -EBADMSG || r >= 0 ? -EIO : r; /* not what was written */
	if (r == 0)
		p->step = swap_step;
	return 1;
}

static int check_begin(struct pack *p)
{
	int fd = file_open(p->folder_fd, p->hidden), r;

	if (fd < 0)
		return fd;
	if (lseek(fd, p->member, SEEK_SET) < 0) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	r = gz_take(fd, &p->in);
	p->at = 0;
	p->step = check_step;
	return r == 0 ? 1 : r;
}

/* ---- the hidden file: made ---- */

static int write_step(struct pack *p)
{
	ssize_t n = pread(p->plain_fd, p->a, PART, p->at);
	int r;

	if (n < 0)
		return -errno;
	if (n > 0) {
		p->at += n;
		return gzwrite(p->out, p->a, (unsigned)n) == n ? 1 : -EIO;
	}
	r = gzclose_w(p->out);
	p->out = NULL;
	return r == Z_OK ? check_begin(p) : -EIO;
}

static int write_begin(struct pack *p)
{
	int fd = fcntl(p->out_fd, F_DUPFD_CLOEXEC, 0); /* gzclose() closes it */

	p->out = fd >= 0 ? gzdopen(fd, "wb") : NULL;
	if (p->out == NULL) {
		fd_close(&fd);
		return -ENOMEM;
	}
	p->member = p->at;
	p->at = 0;
	p->step = write_step;
	return 1;
}

/* What was compressed before, byte for byte: members of one file may follow each other. */
static int copy_step(struct pack *p)
{
	ssize_t n = p->old_fd >= 0 ? pread(p->old_fd, p->a, PART, p->at) : 0, m;

	if (n < 0)
		return -errno;
	if (n == 0)
		return write_begin(p);
	m = write(p->out_fd, p->a, (size_t)n);
	if (m < 0)
		return -errno;
	p->at += n;
	return m == n ? 1 : -ENOSPC; /* what a short write to a file means */
}

static int make_begin(struct pack *p)
{
	in_close(p);
	p->out_fd = openat(p->folder_fd, p->hidden, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (p->out_fd < 0)
		return -errno;
	p->hidden_is_made = true;
	p->at = 0;
	p->step = copy_step;
	return 1;
}

/* ---- what was compressed before: is it whole, does it end with the plain file? ---- */

static int same_step(struct pack *p)
{
	bool same = true;
	int r = compare_part(p, &same);

	if (r < 0)
		return r;
	if (!same)
		return make_begin(p);
	return r > 0 ? 1 : plain_remove(p);
}

static int skip_step(struct pack *p)
{
	int64_t before = p->unpacked - p->plain.st_size;
	int n = before < PART ? (int)before : PART;

	n = n > 0 ? gz_read(p->in, p->a, (size_t)n) : 0;
	p->unpacked -= n;
	if (n == 0)
		p->step = same_step;
	return n < 0 ? n : 1;
}

static int count_step(struct pack *p)
{
	int n = gz_read(p->in, p->a, PART);

	if (n < 0)
		return n;
	p->unpacked += n;
	if (n > 0)
		return 1;
	if (gzdirect(p->in) != 0)
		return -EBADMSG;
	if (p->unpacked < p->plain.st_size)
		return make_begin(p);
	p->step = skip_step;
	return gzrewind(p->in) == 0 ? 1 : -EIO;
}

static int begin_step(struct pack *p)
{
	int fd;

	p->plain_fd = file_open(p->folder_fd, p->name);
	if (p->plain_fd < 0)
		return p->plain_fd;
	if (fstat(p->plain_fd, &p->plain) != 0)
		return -errno;
	if (!S_ISREG(p->plain.st_mode))
		return -EEXIST;
	p->old_fd = file_open(p->folder_fd, p->packed);
	if (p->old_fd < 0)
		return p->old_fd == -ENOENT ? make_begin(p) : p->old_fd;
	fd = fcntl(p->old_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	p->step = count_step;
	return gz_take(fd, &p->in) == 0 ? 1 : -ENOMEM;
}

/* ---- all of it ---- */

struct pack *pack_new(int folder_fd, const char *name)
{
	struct pack *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->step = begin_step;
	p->plain_fd = p->old_fd = p->out_fd = -1;
	(void)snprintf(p->name, sizeof p->name, "%s", name);
	(void)snprintf(p->packed, sizeof p->packed, "%s.gz", p->name);
	(void)snprintf(p->hidden, sizeof p->hidden, ".%s", p->packed);
	p->folder_fd = fcntl(folder_fd, F_DUPFD_CLOEXEC, 0);
	if (p->folder_fd >= 0)
		return p;
	free(p);
	return NULL;
}

void pack_free(struct pack *p)
{
	if (p == NULL)
		return;
	in_close(p);
	if (p->out != NULL)
		(void)gzclose_w(p->out);
	if (p->hidden_is_made)
		(void)unlinkat(p->folder_fd, p->hidden, 0);
	fd_close(&p->plain_fd);
	fd_close(&p->old_fd);
	fd_close(&p->out_fd);
	fd_close(&p->folder_fd);
	free(p);
}

int pack_work(struct pack *p, const struct tesla_host *host, int64_t until_us)
{
	int r;

	if (p->plain_fd >= 0 && !is_unchanged(p))
		return -EAGAIN;
	do
		r = p->step(p);
	while (r > 0 && host->now_us(host) < until_us);
	/* On the disk bit by bit, so that the last sync is no long one. */
	if (r > 0 && p->out_fd >= 0 && fdatasync(p->out_fd) != 0)
		r = -errno;
	return r;
}

/* ---- a plain file that was left over ---- */

static uint32_t little_endian(const unsigned char *b)
{
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* CRC-32 and size end a gzip file (RFC 1952), so nothing is unpacked; the size differs mostly. */
static int ends_with(int packed_fd, int plain_fd)
{
	unsigned char end[8], bytes[PART];
	struct stat packed, plain;
	uLong sum = crc32(0, NULL, 0);
	ssize_t n = 0;

	if (fstat(packed_fd, &packed) != 0 || fstat(plain_fd, &plain) != 0)
		return -errno;
	if (packed.st_size < 18) /* no gzip file is shorter */
		return 0;
	if (pread(packed_fd, end, sizeof end, packed.st_size - 8) != sizeof end)
		return -EIO;
	if (little_endian(end + 4) != (uint32_t)plain.st_size)
		return 0;
	for (off_t at = 0; (n = pread(plain_fd, bytes, sizeof bytes, at)) > 0; at += n)
		sum = crc32(sum, bytes, (uInt)n);
	return n < 0 ? -errno : sum == little_endian(end);
}

int pack_settle(int folder_fd, const char *name)
{
	char packed[PACKED_MAX];
	int packed_fd, plain_fd = -ENOENT, r = 0;

	(void)snprintf(packed, sizeof packed, "%.*s.gz", POSITION_NAME_MAX - 1, name);
	packed_fd = file_open(folder_fd, packed);
	if (packed_fd >= 0)
		plain_fd = file_open(folder_fd, name);
	if (packed_fd < 0 || plain_fd < 0)
		r = packed_fd < 0 ? packed_fd : plain_fd;
	else
		r = ends_with(packed_fd, plain_fd);
	fd_close(&packed_fd);
	fd_close(&plain_fd);
	if (r > 0)
		r = name_remove(folder_fd, name);
	return r == -ENOENT ? 0 : r;
}
