/* SPDX-License-Identifier: Apache-2.0 */
/* Who is connected at a door. */
#include "daemon/crowd.h"

#include <string.h>

static struct crowd_one take_out(struct crowd *c, size_t i)
{
	struct crowd_one one = c->list[i];

	c->n--;
	memmove(&c->list[i], &c->list[i + 1], (c->n - i) * sizeof c->list[0]);
	return one;
}

/* Who came last has asked nothing yet: there is always one. */
static size_t to_go(const struct crowd *c)
{
	size_t i = 0;

	while (i + 1 < c->n && c->list[i].asked)
		i++;
	return i;
}

bool crowd_enter(struct crowd *c, int fd, struct crowd_one *gone)
{
	c->list[c->n++] = (struct crowd_one){ .fd = fd, .no = ++c->last };
	if (c->n <= CROWD_MAX)
		return false;
	*gone = take_out(c, to_go(c));
	c->refused++;
	return true;
}

struct crowd_one *crowd_by_fd(struct crowd *c, int fd)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->list[i].fd == fd)
			return &c->list[i];
	return NULL;
}

struct crowd_one *crowd_by_no(struct crowd *c, uint64_t no)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->list[i].no == no)
			return &c->list[i];
	return NULL;
}

bool crowd_leave(struct crowd *c, int fd, struct crowd_one *gone)
{
	const struct crowd_one *one = crowd_by_fd(c, fd);

	if (one == NULL)
		return false;
	*gone = take_out(c, (size_t)(one - c->list));
	return true;
}
