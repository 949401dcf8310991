/* SPDX-License-Identifier: Apache-2.0 */
/* A reading out of a message of the stream or a row of a snapshot: foreign bytes until here. */
#ifndef BASE_READING_H
#define BASE_READING_H

#include <msgpack.h>
#include <tesla/client.h>

/* pub points into what else is here. */
struct reading {
	struct tesla_client_reading pub;
	struct tesla_element *elements;
	char *variable, *unit, *error, **labels;
};

void reading_release(struct reading *r);
/*
 * A reading's map: all but the analyzer, the variable and the epoch.  r holds nothing before, and
 * nothing after a failure.  -EBADMSG: it makes no sense.
 */
int reading_parse(struct reading *r, const msgpack_object *map, struct tesla_error *err);
/* A row of a snapshot: analyzer and variable too. */
int reading_parse_row(struct reading *r, const msgpack_object *row, int64_t epoch_ms,
		      struct tesla_error *err);

#endif
