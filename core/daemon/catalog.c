/* SPDX-License-Identifier: Apache-2.0 */
/* How every known kind of meter is recognised. */
#include "daemon/catalog.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

#define MODEL_BYTES_MAX (4u << 20)

static int is_model_file(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return len > 4 && d->d_name[0] != '.' && strcmp(d->d_name + len - 4, ".xml") == 0;
}

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

static void catalog_read(struct catalog *c, const char *path, const struct log *log)
{
	_cleanup_free_ char *text = NULL;
	struct tesla_error err = { .code = 0 };
	struct diags diags = { .n = 0 };
	struct model *m = NULL;
	size_t len;

	if (file_read(path, MODEL_BYTES_MAX, &text, &len, &err) != 0)
		log_msg(log, LOG_LEVEL_WARNING, "model is not used for recognition: %s %s", path,
			err.text);
	else
		m = model_parse(path, text, len, &diags);
	if (m != NULL)
		catalog_add(c, m);
	else if (diags.n > 0)
		log_msg(log, LOG_LEVEL_WARNING, "model is not used for recognition: %s:%d:%d: %s",
			path, diags.list[0].line, diags.list[0].column, diags.list[0].text);
	model_free(m);
	diags_release(&diags);
}

static void catalog_scan(struct catalog *c, const char *dir, const struct log *log)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_model_file, alphasort);

	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s", dir, names[i]->d_name) < 0)
			path = NULL;
		if (path != NULL)
			catalog_read(c, path, log);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

void catalog_load(struct catalog *c, const char *const *model_dirs, const struct log *log)
{
	*c = (struct catalog){ .n = 0 };
	for (size_t i = 0; model_dirs[i] != NULL; i++)
		catalog_scan(c, model_dirs[i], log);
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
