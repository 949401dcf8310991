/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of sections and settings (lector.ini, central.ini): inih takes the lines apart, a table of
 * the caller's says what they mean.
 */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include "base/xml.h"

#define SETTINGS_FILE_MAX (1u << 20)

struct settings {
	const char *file;
	bool must_exist; /* one that does not exist is an error; else it is empty */
	/* The names of row i, those of a section side by side; false: there are no more. */
	bool (*key)(size_t i, const char **section, const char **name);
	/* A setting of row i, without quotes, of that line; `name` as it stands in the file. */
	void (*set)(void *arg, size_t i, int line, const char *name, const char *value);
	const char *other_section; /* of `other`, for sentences; NULL: none */
	/* One that no row has, such as of a section with a name; false: it is unknown.  Or NULL. */
	bool (*other)(void *arg, int line, const char *section, const char *name,
		      const char *value);
	void *arg;
};
/*
 * What is wrong with the file goes to *diags; what it has and the table does not, as a warning.
 * -ENOMEM; else 0.
 */
int settings_read(const struct settings *s, struct diags *diags);

#endif
