/* SPDX-License-Identifier: Apache-2.0 */
/* The file of one day: what is in it, and lines that are added at its end. */
#ifndef LOCALFILE_DAYFILE_H
#define LOCALFILE_DAYFILE_H

#include <sys/types.h>
#include <tesla/plugin.h>

struct dayfile {
	int folder_fd, fd;	   /* fd: -1 when there is no such file yet */
	const char *folder, *name; /* they outlive it */
	off_t size;
};

/* A file that is not there is no error.  Then dayfile_close(). */
int dayfile_open(struct dayfile *d, int folder_fd, const char *folder, const char *name,
		 struct tesla_error *err);
void dayfile_close(struct dayfile *d);

/* Where the whole lines of [from, size) end; a NUL (a block lost in a power cut) ends them too. */
int dayfile_lines_end(const struct dayfile *d, off_t from, off_t *ret, struct tesla_error *err);
/* Where the bytes behind the last newline begin. */
int dayfile_tail(const struct dayfile *d, off_t *ret, struct tesla_error *err);
/*
 * 1: yes; 0: no; negative: that cannot be told, *err says why.
 * Are the bytes at `at`, as far as the file goes, those of `text`?
 */
int dayfile_is(const struct dayfile *d, off_t at, const char *text, size_t len,
	       struct tesla_error *err);
/* Is there this whole line (with its newline) from `from` on, which is where one begins? */
int dayfile_has(const struct dayfile *d, off_t from, const char *line, size_t len,
		struct tesla_error *err);
/* The same in a compressed file of the folder; one that is not there has no line. */
int dayfile_archive_has(const struct dayfile *d, const char *line, size_t len,
			struct tesla_error *err);
/* Finds the last line that begins with `mark`; *len 0: none. */
int dayfile_last(const struct dayfile *d, const char *mark, off_t *at, size_t *len,
		 struct tesla_error *err);

/* Drops what is from `size` on: never a whole line that was there before the last append. */
int dayfile_cut(struct dayfile *d, off_t size, struct tesla_error *err);
/* Adds at the end, as much as goes: *written, even with an error.  Makes the file. */
int dayfile_append(struct dayfile *d, const char *text, size_t len, size_t *written,
		   struct tesla_error *err);
/* On the disk: the bytes, and the name when the file was empty before. */
int dayfile_sync(const struct dayfile *d, bool made, struct tesla_error *err);

#endif
