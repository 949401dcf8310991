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
#include "base/clock.h"

#define LOOK_US INT64_C(1000000)

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
	f->next_bytes = f->max_bytes;
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

/* Whether the file in use is the one that has the name. */
static bool in_place(const struct logfile *f)
{
	struct stat used, named;

	return fstat(STDERR_FILENO, &used) == 0 && stat(f->path, &named) == 0 &&
	       is_same(&used, &named);
}

/* Who removed the file, or its folder, has nothing of what is written to it. */
static bool has_no_name(void)
{
	struct stat st;

	return fstat(STDERR_FILENO, &st) == 0 && st.st_nlink == 0;
}

void logfile_follow(struct logfile *f)
{
	int r;

	if (f->path == NULL)
		return;
	f->look_us = clock_mono_us() + LOOK_US;
	r = in_place(f) ? 0 : file_open(f);
	if (r == 0)
		f->nowhere = false;
	else
		f->nowhere = has_no_name();
	if (r != 0 && r != f->why)
		complain(f, "%s was moved or removed, and cannot be made anew: %s%s", f->path,
			 strerror(-r), f->nowhere ? ": the log is here until it can" : "");
	f->why = r;
}

/* What fails is said in the file that there is, and tried again a size later. */
static void rotate(struct logfile *f, int64_t bytes)
{
	char text[80];
	int r;

	if (!in_place(f)) { /* what has the name now is not ours to set aside */
		logfile_follow(f);
		return;
	}
	r = files_shift(f);
	if (r == 0)
		r = file_open(f);
	if (r == 0)
		return;
	f->next_bytes = bytes + f->max_bytes;
	f->look_us = 0; /* it may have lost its name */
	(void)snprintf(text, sizeof text, "log_dir: no new file: %s", strerror(-r));
	(void)outlet_line(&f->out, LOG_LEVEL_ERROR, text);
}

static void to_file(struct logfile *f, int level, const char *text)
{
	bool all_well = f->out.unsaid == 0;
	struct stat st;

	if (!outlet_line(&f->out, level, text) && all_well)
		complain(f, "%s: lines are lost from here on: %s", f->path, strerror(f->out.why));
	if (fstat(STDERR_FILENO, &st) == 0 && st.st_size >= f->next_bytes)
		rotate(f, st.st_size);
}

static void sink(void *arg, int level, const char *text)
{
	struct logfile *f = arg;

	if (clock_mono_us() >= f->look_us)
		logfile_follow(f);
	if (f->nowhere)
		(void)outlet_line(f->err, level, text);
	else
		to_file(f, level, text);
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
	f->look_us = clock_mono_us() + LOOK_US;
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
