/* SPDX-License-Identifier: Apache-2.0 */
/* What a kind of meter offers, from a file of etc/models/: docs/models-format.md. */
#ifndef BASE_MODEL_H
#define BASE_MODEL_H

#include <tesla/plugin.h>

#include "base/xml.h"

struct model_range {
	uint16_t function, first, last;
}; /* last included */

struct model_text { /* "serial", and the registers that it is in */
	const char *label;
	uint16_t function, address, count;
	enum tesla_raw type; /* 0: characters, two in a register */
	enum tesla_word_order order;
};

struct model {
	struct tesla_model pub; /* what a data plugin is shown; pub.name and so on */
	char *file;		/* where it was read, for messages */
	bool proven;		/* proven="no": numbers that nobody tried on the meter */
	char *description;
	int64_t turnaround_us; /* request to reply, until measured; -1: not said */
	int64_t pause_ms;      /* quiet that the meter wants before a request; 0: none */
	int64_t late_max_ms;   /* a reply may be this late; -1: not said */
	size_t n_forbidden;
	const struct model_range *forbidden; /* registers that must not be inside a read */
	/* Recognition: what identification must answer.  NULL: no pattern is known. */
	char *identity_pattern; /* POSIX extended regular expression over the text */
	/* Where that text is; count 0: the driver asks the meter (Modbus functions 17 and 43). */
	struct model_text identity;
	size_t n_texts; /* what is read of the meter itself, at connect: for people, no readings */
	const struct model_text *texts;
	/*
	 * 0: addresses are absolute.  Else they count from where the meter has this SunSpec model,
	 * which is looked for behind the marker.
	 */
	uint16_t sunspec;
	struct arena memory; /* all of the above */
};

/* NULL: *diags has every error with file, line and column. */
struct model *model_parse(const char *file, const char *text, size_t len, struct diags *diags);
void model_free(struct model *m);
/* Texts of the meter itself: those of `texts`, and SunSpec's serial number. */
size_t model_n_texts(const struct model *m);
const char *model_text_label(const struct model *m, size_t i);
/* How many registers a number of that type takes; 0: none, it is text of a command. */
uint16_t model_registers(enum tesla_raw type);
/* Exact name; NULL. */
const struct tesla_variable *model_variable(const struct model *m, const char *name);

#endif
