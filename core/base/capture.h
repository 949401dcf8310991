/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture files (docs/capture.md): what went over a line, a frame a line of text.  `teslactl trace`
 * writes them, `tesla-sim --replay` plays the meter's side of them.
 */
#ifndef BASE_CAPTURE_H
#define BASE_CAPTURE_H

#include <stdio.h>
#include <tesla/plugin.h>

#define CAPTURE_VERSION 1
#define CAPTURE_BYTES_MAX 4096u	     /* of a frame */
#define CAPTURE_FILE_MAX (64u << 20) /* of a file */
#define CAPTURE_WORD_MAX 16u

enum capture_direction { /* as they stand in the file */
			 CAPTURE_REQUEST = '>',
			 CAPTURE_REPLY = '<',
			 CAPTURE_JUNK = '~',
			 CAPTURE_EVENT = '!',
};

struct capture_entry {
	int64_t at_us; /* since the beginning; never less than that of the one before */
	enum capture_direction direction;
	const uint8_t *bytes;
	size_t len;
	char word[CAPTURE_WORD_MAX]; /* of an event */
	unsigned line;		     /* in the file */
};
struct capture {
	enum tesla_line_kind kind;
	struct capture_entry *entries;
	size_t n;
	uint8_t *bytes; /* of all of them */
};

/* `text` ends with a NUL behind its `len` bytes.  -EINVAL: *err says the place and why. */
int capture_parse(const char *file, const char *text, size_t len, struct capture *ret,
		  struct tesla_error *err);
int capture_read(const char *file, struct capture *ret, struct tesla_error *err);
void capture_release(struct capture *c);

/* ---- writing ---- */

struct capture_head {
	int64_t line, begin_us; /* begin: UTC since 1970 */
	const char *kind, *name;
};
void capture_put_head(FILE *out, const struct capture_head *head);
struct capture_text { /* of one frame */
	int64_t at_us;
	enum capture_direction direction;
	const char *what;    /* two digits a byte; of an event, a word */
	const char *meaning; /* for people; NULL: none */
};
void capture_put(FILE *out, const struct capture_text *t);

#endif
