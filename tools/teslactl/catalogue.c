/* SPDX-License-Identifier: Apache-2.0 */
/* The models that are installed. */
#include "teslactl/catalogue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/model_dir.h"

bool model_has_commands(const struct model *m)
{
	return m->pub.variables[0]->elements[0]->command != NULL;
}

const struct model *catalogue_any(const struct catalogue *c, bool commands)
{
	for (size_t i = 0; i < c->n; i++)
		if (model_has_commands(c->list[i]) == commands)
			return c->list[i];
	return NULL;
}

/* One that cannot be read is left out: teslad says why. */
static void take(void *arg, struct model *m, const char *why)
{
	struct catalogue *c = arg;
	struct model **list;

	(void)why;
	if (m == NULL)
		return;
	list = realloc(c->list, (c->n + 1) * sizeof(struct model *));
	if (list == NULL) {
		model_free(m);
		return;
	}
	c->list = list;
	c->list[c->n++] = m;
}

int catalogue_load(struct catalogue *c, struct tesla_error *err)
{
	const char *dir = getenv("TESLA_MODELDIR");
	int r;

	*c = (struct catalogue){ .n = 0 };
	if (dir == NULL)
		dir = MODEL_DIR;
	r = model_dir_read(dir, take, c);
	if (r != 0)
		return tesla_fail(err, r, "%s: %s", dir, strerror(-r));
	return c->n > 0 ? 0 : tesla_fail(err, -ENOENT, "%s: no models there", dir);
}

void catalogue_release(struct catalogue *c)
{
	for (size_t i = 0; i < c->n; i++)
		model_free(c->list[i]);
	free(c->list);
	*c = (struct catalogue){ .n = 0 };
}
