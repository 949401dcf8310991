/* SPDX-License-Identifier: Apache-2.0 */
/* Topics of the stream. */
#include "client/topic.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is before the next slash; *at goes behind it. */
static bool part_take(const char **at, struct topic_part *ret)
{
	const char *slash = strchr(*at, '/');

	if (slash == NULL || slash == *at)
		return false;
	*ret = (struct topic_part){ *at, (size_t)(slash - *at) };
	*at = slash + 1;
	return true;
}

/* Only digits, no sign, no zero in front: one analyzer has one topic. */
static bool part_number(const struct topic_part *p, int64_t *ret)
{
	int64_t v = 0;

	if (p->len > 18 || p->text[0] == '0')
		return false;
	for (size_t i = 0; i < p->len; i++) {
		if (p->text[i] < '0' || p->text[i] > '9')
			return false;
		v = v * 10 + (p->text[i] - '0');
	}
	*ret = v;
	return true;
}

int topic_split(const char *topic, struct topic_parts *ret)
{
	static const char reading[] = "reading";
	struct topic_part kind, analyzer;

	*ret = (struct topic_parts){ 0 };
	if (!part_take(&topic, &kind) || !part_take(&topic, &ret->node))
		return -EBADMSG;
	ret->is_reading = kind.len == sizeof reading - 1 &&
			  memcmp(kind.text, reading, sizeof reading - 1) == 0;
	if (!ret->is_reading)
		return 0;
	if (!part_take(&topic, &analyzer) || !part_number(&analyzer, &ret->analyzer) ||
	    !part_take(&topic, &ret->variable) || *topic != '\0')
		return -EBADMSG;
	return 0;
}

char *topic_of_reading(const char *node, int64_t analyzer, const char *variable)
{
	char *topic;

	return asprintf(&topic, "reading/%s/%" PRId64 "/%s/", node, analyzer, variable) < 0 ? NULL
											    : topic;
}
