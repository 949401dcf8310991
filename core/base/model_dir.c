/* SPDX-License-Identifier: Apache-2.0 */
/* All models of a folder. */
#include "base/model_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

static int is_model_file(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return len > 4 && d->d_name[0] != '.' && strcmp(d->d_name + len - 4, ".xml") == 0;
}

static void file_take(const char *path, model_dir_each *each, void *arg)
{
	_cleanup_free_ char *text = NULL, *why = NULL;
	struct diags diags = { .n = 0 };
	struct tesla_error err;
	struct model *m = NULL;
	size_t len;
	int r = file_read(path, MODEL_FILE_MAX, &text, &len, &err);

	if (r == 0)
		m = model_parse(path, text, len, &diags);
	if (r != 0)
		r = asprintf(&why, "%s %s", path, err.text);
	else if (m == NULL && diags.n > 0)
		r = asprintf(&why, "%s:%d:%d: %s", path, diags.list[0].line, diags.list[0].column,
			     diags.list[0].text);
	if (r < 0)
		why = NULL;
	diags_release(&diags);
	each(arg, m, m == NULL && why == NULL ? "no memory for a model" : why);
}

int model_dir_read(const char *dir, model_dir_each *each, void *arg)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_model_file, alphasort);

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s", dir, names[i]->d_name) < 0)
			path = NULL;
		if (path != NULL)
			file_take(path, each, arg);
		else
			each(arg, NULL, "no memory for a model");
		free(names[i]);
	}
	free(names);
	return 0;
}
