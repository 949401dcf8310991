/* SPDX-License-Identifier: Apache-2.0 */
/* Of many known names, the few that are nearest to one that is not known: for messages. */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

#define NEAREST_MAX 5

struct nearest {
	const char *wanted;
	size_t n;
	struct {
		const char *name;
		size_t distance;
	} best[NEAREST_MAX];
};

static inline void nearest_init(struct nearest *near, const char *wanted)
{
	*near = (struct nearest){ .wanted = wanted };
}
/* `name` must live as long as *near. */
void nearest_add(struct nearest *near, const char *name);
/* "PAT, PAF, PRT": nearest first; "none" when nothing was added. */
void nearest_text(const struct nearest *near, char *text, size_t size);

#endif
