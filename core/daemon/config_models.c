/* SPDX-License-Identifier: Apache-2.0 */
/* config.xml: the model files that its analyzers name, each read once. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/model_dir.h"
#include "base/nearest.h"
#include "daemon/config_loader.h"

static void cleanup_closedir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

static void names_in(struct loader *l, const char *path, struct nearest *near)
{
	_cleanup_(cleanup_closedir) DIR *dir = opendir(path);

	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		size_t len = strlen(e->d_name);
		char *name;

		if (len <= 4 || strcmp(e->d_name + len - 4, ".xml") != 0)
			continue;
		name = arena_printf(l->a, "%.*s", (int)len - 4, e->d_name);
		if (name != NULL)
			nearest_add(near, name);
	}
}

static void not_found(struct loader *l, const xmlNode *at, const char *name)
{
	struct nearest near;
	char known[200], dirs[300] = "";

	nearest_init(&near, name);
	for (size_t i = 0; l->model_dirs[i] != NULL; i++) {
		size_t len = strlen(dirs);

		(void)snprintf(dirs + len, sizeof dirs - len, "%s%s", i ? ", " : "",
			       l->model_dirs[i]);
		names_in(l, l->model_dirs[i], &near);
	}
	nearest_text(&near, known, sizeof known);
	xml_error(l->x, l->d, at, "<%s>: the model %s is not known: no %s.xml in %s; nearest: %s",
		  (const char *)at->name, name, name, dirs, known);
}

/* 0, -ENOENT, or negative with the error reported. */
static int model_read(struct loader *l, const xmlNode *at, const char *name, char **path,
		      char **text)
{
	struct tesla_error err;
	size_t len;

	for (size_t i = 0; l->model_dirs[i] != NULL; i++) {
		_cleanup_free_ char *read = NULL;
		int r;

		*path = arena_printf(l->a, "%s/%s.xml", l->model_dirs[i], name);
		if (*path == NULL)
			return -ENOMEM;
		r = file_read(*path, MODEL_FILE_MAX, &read, &len, &err);
		if (r == -ENOENT || r == -ENOTDIR)
			continue;
		if (r != 0) {
			xml_error(l->x, l->d, at, "<%s>: %s %s", (const char *)at->name, *path,
				  err.text);
			return r;
		}
		if (strlen(read) != len) { /* hosts are sent a text */
			diags_error(l->d, *path, 0, 0, "is no text: it has a byte 0");
			return -EINVAL;
		}
		*text = arena_strdup(l->a, read);
		return *text ? 0 : -ENOMEM;
	}
	return -ENOENT;
}

static struct model *model_take(struct loader *l, const xmlNode *at, const char *name)
{
	struct config *c = l->c;
	char *path = NULL, *text = NULL;
	struct model *m;
	int r = model_read(l, at, name, &path, &text);

	if (r == -ENOENT)
		not_found(l, at, name);
	if (r != 0)
		return NULL;
	m = model_parse(path, text, strlen(text), l->d);
	if (m == NULL)
		return NULL;
	if (strcmp(m->pub.name, name) != 0) {
		diags_error(l->d, path, 1, 0,
			    "the model in it is named %s: expected %s, as the file is", m->pub.name,
			    name);
		model_free(m);
		return NULL;
	}
	c->models[c->n_models] = m;
	c->model_texts[c->n_models++] = text;
	return m;
}

struct model *config_model(struct loader *l, const xmlNode *at, const char *name)
{
	struct model *m;

	if (!config_name_ok(name)) {
		xml_error(l->x, l->d, at,
			  "<%s> is \"%.60s\": expected the name of a model: " NAME_FORM,
			  (const char *)at->name, name);
		return NULL;
	}
	for (size_t i = 0; i < l->c->n_models; i++)
		if (strcmp(l->c->models[i]->pub.name, name) == 0)
			return l->c->models[i];
	for (size_t i = 0; i < l->n_bad_models; i++)
		if (strcmp(l->bad_models[i], name) == 0)
			return NULL;
	m = model_take(l, at, name);
	if (m == NULL)
		l->bad_models[l->n_bad_models++] = name;
	return m;
}
