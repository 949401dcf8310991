/* SPDX-License-Identifier: Apache-2.0 */
/* teslad.log in log_dir, and older ones beside it. */
#include "daemon/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

/* The disk was full, and then came a start: the last line has no end. */
static bool is_torn(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	char last;

	return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

/* On failure lines go where they went. */
static int file_open(struct logfile *f)
{
	_cleanup_close_ int fd = open(
		f->path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0640);

	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		return -errno;
	f->out.cut = is_torn(f->path);
	return 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* On standard error as it was, unless that is the file. */
__attribute__((format(printf, 2, 3))) static void complain(const struct logfile *f, const char *fmt,
							   ...)
{
	struct stat err, file;
	char text[1024];
	va_list ap;

	if (fstat(f->err->fd, &err) == 0 && fstat(STDERR_FILENO, &file) == 0 &&
	    is_same(&err, &file))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	(void)outlet_line(f->err, LOG_LEVEL_ERROR, text);
}

/* For free(); 0 is the file in use. */
static char *file_name(const struct logfile *f, int64_t i)
{
	char *name;

	if (i == 0)
		return strdup(f->path);
	return asprintf(&name, "%s.%" PRId64, f->path, i) < 0 ? NULL : name;
}

/* From the oldest on: each takes the place of the one before.  What is not there is passed over. */
static int files_shift(const struct logfile *f)
{
	for (int64_t i = f->n_files - 1; i > 0; i--) {
		_cleanup_free_ char *from = file_name(f, i - 1), *to = file_name(f, i);

		if (from == NULL || to == NULL)
			return -ENOMEM;
		if (rename(from, to) != 0 && errno != ENOENT)
			return -errno;
	}
	return f->n_files > 1 || unlink(f->path) == 0 || errno == ENOENT ? 0 : -errno;
}

/* What fails is said in the file that there is, and tried again a size later. */
static void rotate(struct logfile *f, int64_t bytes)
{
	int r = files_shift(f);
	char text[80];

	if (r == 0)
		r = file_open(f);
	f->next_bytes = r == 0 ? f->max_bytes : bytes + f->max_bytes;
	if (r == 0)
		return;
	(void)snprintf(text, sizeof text, "log_dir: no new file: %s", strerror(-r));
	(void)outlet_line(&f->out, LOG_LEVEL_ERROR, text);
}

static void sink(void *arg, int level, const char *text)
{
	struct logfile *f = arg;
	bool all_well = f->out.unsaid == 0;
	struct stat st;

	if (!outlet_line(&f->out, level, text) && all_well)
		complain(f, "%s: lines are lost from here on: %s", f->path, strerror(f->out.why));
	if (fstat(STDERR_FILENO, &st) == 0 && st.st_size >= f->next_bytes)
		rotate(f, st.st_size);
}

void logfile_limit(struct logfile *f, const struct ini *ini)
{
	f->max_bytes = f->next_bytes = ini->log_size;
	f->n_files = ini->log_files;
}

int logfile_open(struct logfile *f, const struct ini *ini, struct log *log, struct tesla_error *err)
{
	int r;

	*f = (struct logfile){ .path = NULL };
	outlet_init_file(&f->out, STDERR_FILENO);
	logfile_limit(f, ini);
	if (asprintf(&f->path, "%s/teslad.log", ini->log_dir) < 0) {
		f->path = NULL;
		return tesla_fail(err, -ENOMEM, "no memory");
	}
	f->err = &log->err;
	r = file_open(f);
	if (r != 0)
		return tesla_fail(err, r, "%s: %s", f->path, strerror(-r));
	(void)unsetenv("JOURNAL_STREAM");
	log->sink = sink;
	log->arg = f;
	return 0;
}

uint64_t logfile_lost(const struct logfile *f, const struct log *log, enum outlet_loss loss)
{
	return log->err.lost[loss] + f->out.lost[loss];
}

void logfile_close(struct logfile *f)
{
	free(f->path);
	f->path = NULL;
}
