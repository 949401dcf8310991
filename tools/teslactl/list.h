/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer holds, as text for people: words, and lists of maps as tables. */
#ifndef TESLACTL_LIST_H
#define TESLACTL_LIST_H

#include "base/mp.h"
#include "teslactl/table.h"

enum form { TEXT, COUNT, SHARE, DURATION, AGE, FLAG, BYTES, RATE, VALUES };
struct field {
	const char *key;
	enum form form;
};
struct list {
	const char *key;
	const struct table_column *columns;
	const struct field *fields;
	size_t n;
};

/* A table of the maps under l->key, after an empty line; nothing when there are none. */
void list_print(const msgpack_object *answer, const struct list *l);
/* One row of such a table. */
void list_row(struct table *t, const struct list *l, const msgpack_object *map);
/* A text of the answer, safe for a terminal; "-" when there is none.  free() it. */
char *word(const msgpack_object *map, const char *key);
/* Texts, numbers and lists of them as one text; NULL: no memory. */
char *text_of(const msgpack_object *o);
/* Each of the texts under key, on a line of its own. */
void texts_print(const msgpack_object *map, const char *key, const char *before);
/* "512 KiB" */
void bytes_format(double n, char *text, size_t size);

#endif
