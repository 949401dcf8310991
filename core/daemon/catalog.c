/* SPDX-License-Identifier: Apache-2.0 */
/* How every known kind of meter is recognised. */
#include "daemon/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "base/model_dir.h"

static bool catalog_has(const struct catalog *c, const char *model)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->list[i].model, model) == 0)
			return true;
	return false;
}

/* A model of the same name in an earlier folder goes first, as it does for the configuration. */
static void catalog_add(struct catalog *c, const struct model *m)
{
	struct pattern *list, *p;

	if (m->identity_pattern == NULL || catalog_has(c, m->pub.name))
		return;
	list = realloc(c->list, (c->n + 1) * sizeof *list);
	if (list == NULL)
		return;
	c->list = list;
	p = &list[c->n];
	*p = (struct pattern){ strdup(m->pub.name), strdup(m->identity_pattern) };
	if (p->model != NULL && p->pattern != NULL) {
		c->n++;
		return;
	}
	free(p->model);
	free(p->pattern);
}

struct reading {
	struct catalog *c;
	const struct log *log;
};

static void take(void *arg, struct model *m, const char *why)
{
	struct reading *r = arg;

	if (m != NULL)
		catalog_add(r->c, m);
	else
		log_msg(r->log, LOG_LEVEL_WARNING, "model is not used for recognition: %s", why);
	model_free(m);
}

void catalog_load(struct catalog *c, const char *const *model_dirs, const struct log *log)
{
	struct reading r = { c, log };

	*c = (struct catalog){ .n = 0 };
	for (size_t i = 0; model_dirs[i] != NULL; i++)
		(void)model_dir_read(model_dirs[i], take, &r); /* not each need be there */
}

void catalog_release(struct catalog *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->list[i].model);
		free(c->list[i].pattern);
	}
	free(c->list);
	*c = (struct catalog){ .n = 0 };
}
