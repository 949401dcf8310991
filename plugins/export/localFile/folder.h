/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder of one analyzer: takes its records, each once.
 *
 * An append is: the position file says what will be written (on the disk before anything else),
 * then the lines, then fdatasync; only then are they DONE.  So at any instant at most one append is
 * unfinished, and the position file describes it:
 *
 *   killed or cut off          | the day file               | the next record
 *   before the position is out | ends where the old one says| is appended
 *   before the first byte      | ends where the append began| is appended
 *   in the middle, torn, NULs  | whole lines, then rubbish  | rubbish is cut off, lines that are
 *                              |                            | there are found, the rest appended
 *   before or after fdatasync  | all lines                  | found, synced again: DONE
 *   the file's name was lost   | is not there               | is appended
 *
 * A record is new when it is later than all before, by time and by its place in the journal.  Any
 * other is looked for: one of the last append in that alone, where no two lines have the same time
 * (an append never spans a change of the clocks), an older one in all of its day.  Nothing is kept
 * in memory, so a restart is nothing special.  Without a position file (lost, damaged, or the day
 * file was changed by others) every record is looked for until one is not there.  What cannot be
 * read is no answer: the record waits.  The day that the position file names is never compressed
 * or removed (archive.h), so that its lines are where it says.
 */
#ifndef LOCALFILE_FOLDER_H
#define LOCALFILE_FOLDER_H

#include "format.h"
#include "position.h"

struct entry { /* a record that format_check() let pass */
	const struct tesla_item *item;
	struct tesla_verdict *verdict;
	struct moment end;
	size_t text_end; /* of its line in the append */
};

struct folder {
	const struct format *format;
	char *path; /* for messages */
	int fd, position_fd;
	struct position at;
	bool known; /* `at` was read from the file or written to it */
	/* when no other record is looked for any more; 0: all are */
	const struct tesla_host *host;
	int64_t deadline_us;
};

/* Makes it when it is missing.  Nothing to close on failure. */
int folder_open(struct folder *f, int target_fd, const char *target, int64_t analyzer,
		const struct format *format, struct tesla_error *err);
void folder_close(struct folder *f);

/* Writes analitzador.dat when it says something else. */
int folder_identity(const struct folder *f, const char *identity, const struct moment *when,
		    struct tesla_error *err);
/*
 * One step: takes the first entries, as many as go into one append, or as are there already and can
 * be looked for in time.  *n_done of them are on the disk, even with an error.
 */
int folder_take(struct folder *f, struct entry *e, size_t n, size_t *n_done,
		struct tesla_error *err);

#endif
