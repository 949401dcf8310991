/* SPDX-License-Identifier: Apache-2.0 */
/* Lengths of windows, by how far records are apart. */
#include "central/cadence.h"

#define LONGEST_MS INT64_C(86400000)

int64_t cadence_length_ms(const struct cadence *c, int64_t end_ms)
{
	int64_t distance = end_ms - c->newest_ms;

	if (!c->known)
		return CADENCE_UNKNOWN_MS;
	if (distance <= 0 || distance > LONGEST_MS)
		return c->length_ms;
	if (c->length_ms <= CADENCE_UNKNOWN_MS || distance < c->length_ms ||
	    distance == c->distance_ms)
		return distance;
	return c->length_ms;
}

void cadence_note(struct cadence *c, int64_t end_ms, int64_t length_ms)
{
	if (c->known && end_ms <= c->newest_ms)
		return;
	c->distance_ms = c->known ? end_ms - c->newest_ms : 0;
	c->newest_ms = end_ms;
	c->length_ms = length_ms;
	c->known = true;
}
