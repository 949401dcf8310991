/* SPDX-License-Identifier: Apache-2.0 */
/* The models that are installed. */
#include "teslactl/catalogue.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

#define MODEL_BYTES_MAX (4u << 20)

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

static int is_model_file(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return len > 4 && d->d_name[0] != '.' && strcmp(d->d_name + len - 4, ".xml") == 0;
}

/* One that cannot be read is left out: teslad says why. */
static int add(struct catalogue *c, const char *dir, const char *name)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	struct diags diags = { .n = 0 };
	struct tesla_error err;
	struct model *m = NULL, **list;
	size_t len;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (file_read(path, MODEL_BYTES_MAX, &text, &len, &err) == 0)
		m = model_parse(path, text, len, &diags);
	diags_release(&diags);
	if (m == NULL)
		return 0;
	list = realloc(c->list, (c->n + 1) * sizeof(struct model *));
	if (list == NULL) {
		model_free(m);
		return -ENOMEM;
	}
	c->list = list;
	c->list[c->n++] = m;
	return 0;
}

int catalogue_load(struct catalogue *c, struct tesla_error *err)
{
	const char *dir = getenv("TESLA_MODELDIR");
	struct dirent **names;
	int n, r = 0;

	*c = (struct catalogue){ .n = 0 };
	if (dir == NULL)
		dir = MODEL_DIR;
	n = scandir(dir, &names, is_model_file, alphasort);
	if (n < 0)
		return tesla_fail(err, -errno, "%s: %s", dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = add(c, dir, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	if (r == 0 && c->n == 0)
		r = -ENOENT;
	if (r != 0)
		catalogue_release(c);
	return r == 0	      ? 0
	       : r == -ENOENT ? tesla_fail(err, r, "%s: no models there", dir)
			      : tesla_fail(err, r, "%s: no memory for the models", dir);
}

void catalogue_release(struct catalogue *c)
{
	for (size_t i = 0; i < c->n; i++)
		model_free(c->list[i]);
	free(c->list);
	*c = (struct catalogue){ .n = 0 };
}
