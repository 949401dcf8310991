/* SPDX-License-Identifier: Apache-2.0 */
/* All models, by name. */
#include "central/catalogue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/model_dir.h"

struct catalogue {
	struct model **list;
	size_t n;
	bool failed; /* no memory for one of them */
	const struct log *log;
};

static void take(void *arg, struct model *m, const char *why)
{
	struct catalogue *c = arg;
	struct model **list;

	if (m == NULL) {
		log_msg(c->log, LOG_LEVEL_WARNING, "model is not used: %s", why);
		return;
	}
	list = realloc(c->list, (c->n + 1) * sizeof(struct model *));
	if (list == NULL) {
		c->failed = true;
		model_free(m);
		return;
	}
	c->list = list;
	c->list[c->n++] = m;
}

static int by_name(const void *a, const void *b)
{
	const struct model *x = *(struct model *const *)a, *y = *(struct model *const *)b;

	return strcmp(x->pub.name, y->pub.name);
}

/* With *said_at who says so. */
static const char *folder(const char *dir, const char **said_at)
{
	const char *env = getenv("TESLA_MODELDIR");

	if (dir[0] != '\0')
		return dir;
	*said_at = env != NULL && env[0] != '\0' ? "$TESLA_MODELDIR" : "as installed";
	return env != NULL && env[0] != '\0' ? env : MODEL_DIR;
}

int catalogue_load(const char *dir, const char *said_at, const struct log *log,
		   struct catalogue **ret, struct tesla_error *err)
{
	const char *path = folder(dir, &said_at);
	struct catalogue *c = calloc(1, sizeof *c);
	int r;

	if (c == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for models");
	c->log = log;
	r = model_dir_read(path, take, c);
	if (r != 0)
		log_msg(log, LOG_LEVEL_WARNING, "%s: the folder of models, %s: %s: none is known",
			said_at, path, strerror(-r));
	if (c->failed) {
		catalogue_free(c);
		return tesla_fail(err, -ENOMEM, "no memory for models");
	}
	if (c->n > 0)
		qsort(c->list, c->n, sizeof(struct model *), by_name);
	*ret = c;
	return 0;
}

void catalogue_free(struct catalogue *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n; i++)
		model_free(c->list[i]);
	free(c->list);
	free(c);
}

const struct model *catalogue_model(const struct catalogue *c, const char *name)
{
	size_t low = 0, high = c->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, c->list[middle]->pub.name);

		if (order == 0)
			return c->list[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

size_t catalogue_n(const struct catalogue *c)
{
	return c->n;
}

const struct model *catalogue_at(const struct catalogue *c, size_t i)
{
	return c->list[i];
}
