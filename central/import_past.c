/* SPDX-License-Identifier: Apache-2.0 */
/* `tesla-central import` of the predecessor's history. */
#include <errno.h>

#include "central/import.h"

static int take(void *arg, const char *node, const struct record *r, uint64_t at,
		struct tesla_error *err)
{
	struct import *im = arg;
	size_t bytes = 0;

	for (size_t i = 0; i < r->n_variables; i++)
		bytes += r->variables[i]->n_elements * sizeof *r->variables[i]->elements;
	im->line = at;
	return import_add(im, node, r, at, bytes, err);
}

static void refuse(void *arg, uint64_t at, const char *why)
{
	struct import *im = arg;

	if (at != im->past_bad) /* one with several values is one line */
		import_refuse(im, at, why);
	im->past_bad = at;
}

int import_past_begin(struct import *im, struct tesla_error *err)
{
	const struct import_options *o = im->o;
	struct past_conf conf = { .node = o->node,
				  .model = o->model,
				  .analyzer = o->analyzer,
				  .models = o->models,
				  .zone = o->zone,
				  .local = o->zone != NULL,
				  .interval_ms = o->interval_ms,
				  .memory = &im->memory,
				  .take = take,
				  .refuse = refuse,
				  .arg = im };

	im->past = past_new(&conf);
	return im->past != NULL ? 0 : tesla_fail(err, -ENOMEM, "no memory");
}

int import_past(struct import *im, enum import_form form, FILE *file, const char *path,
		struct tesla_error *err)
{
	int r;

	im->past_bad = 0;
	if (form == IMPORT_CSV)
		r = past_read_csv(im->past, file, err);
	else if (form == IMPORT_REST)
		r = past_read_rest(im->past, file, err);
	else
		r = past_read_day(im->past, file, path, err);
	if (r != -EBADMSG)
		return r;
	im->bad++;
	(void)fprintf(stderr, "%s: %s\n", im->name, err->text);
	return 0;
}

int import_past_end(struct import *im, struct tesla_error *err)
{
	return past_end(im->past, err);
}

void import_past_release(struct import *im)
{
	past_free(im->past);
}
