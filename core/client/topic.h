/* SPDX-License-Identifier: Apache-2.0 */
/* Topics of the stream, taken apart: kind/node/analyzer/variable/ */
#ifndef CLIENT_TOPIC_H
#define CLIENT_TOPIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct topic_part {
	const char *text; /* inside the topic, not ended by a NUL */
	size_t len;
};
struct topic_parts {
	bool is_reading;
	struct topic_part node, variable; /* variable: of a reading */
	int64_t analyzer;		  /* of a reading */
};

/* -EBADMSG: it has no node, or says that it is a reading and is none. */
int topic_split(const char *topic, struct topic_parts *ret);
/* The topic of a reading, for free(); NULL: no memory. */
char *topic_of_reading(const char *node, int64_t analyzer, const char *variable);

#endif
