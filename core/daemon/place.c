/* SPDX-License-Identifier: Apache-2.0 */
/* Which host has which line. */
#include "daemon/place.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char *place_join(const char **names, size_t n)
{
	char *all = strdup("");

	qsort(names, n, sizeof *names, by_text);
	for (size_t i = 0; all != NULL && i < n; i++) {
		_cleanup_free_ char *before = all;

		if (i > 0 && strcmp(names[i], names[i - 1]) == 0)
			before = NULL;
		else if (asprintf(&all, "%s:%s", before, names[i]) < 0)
			all = NULL;
	}
	return all;
}

char *place_key(const struct hub *h, const struct plugins *p, const struct conf_line *on)
{
	_cleanup_free_ const char **files = calloc(h->n_analyzers + 1, sizeof *files);
	size_t n = 0;

	for (size_t i = 0; files != NULL && i < h->n_analyzers; i++)
		if (h->analyzers[i].conf->on == on && p->uses[i].why == NULL)
			files[n++] = p->uses[i].driver->stamp;
	return n > 0 ? place_join(files, n) : NULL;
}

ssize_t place_all(struct hub *h, const struct plugins *p)
{
	struct supervise_line *lines = calloc(h->n_lines + 1, sizeof *lines);
	struct supervise_host *hosts = calloc(h->n_lines + 1, sizeof *hosts);
	ssize_t n = -1;

	for (size_t i = 0; lines != NULL && i < h->n_lines; i++)
		lines[i] = (struct supervise_line){
			.network = h->lines[i].conf->kind != TESLA_LINE_SERIAL,
			.drivers = place_key(h, p, h->lines[i].conf),
			.stays = SUPERVISE_NONE,
		};
	if (lines != NULL && hosts != NULL)
		n = (ssize_t)supervise_group(lines, h->n_lines, hosts, 0, NULL);
	for (size_t i = 0; n > 0 && i < h->n_lines; i++)
		h->lines[i].owner = lines[i].host == SUPERVISE_NONE ? HUB_NOBODY : lines[i].host;
	for (size_t i = 0; n > 0 && i < h->n_analyzers; i++)
		h->analyzers[i].owner = p->uses[i].why ? HUB_NOBODY : h->analyzers[i].line->owner;
	for (size_t i = 0; lines != NULL && i < h->n_lines; i++)
		place_key_free(lines[i].drivers);
	free(lines);
	free(hosts);
	return n;
}

void place_key_free(const char *key)
{
	union {
		const char *in;
		char *out;
	} u = { .in = key };

	free(u.out);
}
