/* SPDX-License-Identifier: Apache-2.0 */
/* How a record looks as a line.  The same record gives the same bytes, whenever it comes. */
#ifndef LOCALFILE_FORMAT_H
#define LOCALFILE_FORMAT_H

#include <stdio.h>
#include <tesla/plugin.h>

#include "moment.h"

struct format {
	const char *ext;
	const char *header_mark; /* what a header line begins with, and no other; NULL: none */
	bool has_units;		 /* they are in its lines, as UTF-8 */
	void (*header)(FILE *, const struct tesla_item *);
	int (*line)(FILE *, const struct tesla_item *, const struct moment *end);
};

extern const struct format format_txt, format_csv, format_jsonl;

/* What `e` can be taken for: a value that is no number is an error, whatever it claims. */
enum tesla_quality format_quality(const struct tesla_record_element *e);
const char *format_quality_name(enum tesla_quality q);

/* The numbers of an element, by the kind of its variable, with the names that columns have. */
struct format_number {
	const char *name;
	double value; /* NAN: there is none */
};
#define FORMAT_NUMBERS 5
size_t format_numbers(const struct tesla_record_variable *v, const struct tesla_record_element *e,
		      struct format_number out[FORMAT_NUMBERS]);

/* The shortest text that reads back to the same number; it is finite. */
#define FORMAT_NUMBER_MAX 32
void format_number_text(double value, char text[FORMAT_NUMBER_MAX]);

/* Bytes of the character that `text` begins with; 0: it is not UTF-8, or the end. */
size_t format_utf8(const char *text);

/* A record that the format has no line for is refused, with the reason in *err. */
int format_check(const struct format *f, const struct tesla_item *item, struct tesla_error *err);

/* A line (or the header) in memory that the caller frees.  -ENOMEM, -EBADMSG. */
int format_line(const struct format *f, const struct tesla_item *item, char **text, size_t *len,
		struct tesla_error *err);
int format_header(const struct format *f, const struct tesla_item *item, char **text, size_t *len,
		  struct tesla_error *err);

#endif
