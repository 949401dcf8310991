/* SPDX-License-Identifier: Apache-2.0 */
/* Lists. */
#include "central/grid.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/utf8.h"

#define PACKED_MAX ((size_t)1 << 20)

void grid_init(struct grid *g, bool json, const char *const *heads, size_t n_columns)
{
	assert(n_columns <= GRID_COLUMNS_MAX);
	*g = (struct grid){ .json = json, .n_columns = n_columns };
	buf_init(&g->packed, PACKED_MAX);
	mp_writer(&g->pk, &g->packed);
	if (!json)
		grid_row(g, heads);
}

msgpack_packer *grid_packer(struct grid *g)
{
	buf_clear(&g->packed);
	return g->json ? &g->pk : NULL;
}

int grid_json(struct grid *g, struct tesla_error *err)
{
	return json_print_packed(stdout, &g->packed, err);
}

void grid_row(struct grid *g, const char *const *cells)
{
	if (g->n + g->n_columns > g->cap) {
		size_t cap = g->cap == 0 ? 256 : 2 * g->cap;
		const char **more = reallocarray(g->cells, cap, sizeof *more);

		if (more == NULL) {
			g->memory.failed = true;
			return;
		}
		g->cells = more;
		g->cap = cap;
	}
	for (size_t i = 0; i < g->n_columns; i++)
		g->cells[g->n++] = arena_strdup(&g->memory, cells[i][0] != '\0' ? cells[i] : "-");
}

/* In characters, which is columns for most writing. */
static size_t width_of(const char *text)
{
	size_t n = 0;

	for (uint32_t c; *text != '\0'; n++) {
		int len = utf8_take(text, &c);

		text += len > 0 ? len : 1;
	}
	return n;
}

static void print(const struct grid *g)
{
	size_t widths[GRID_COLUMNS_MAX] = { 0 };

	for (size_t i = 0; i < g->n; i++) {
		size_t w = width_of(g->cells[i]);

		if (w > widths[i % g->n_columns])
			widths[i % g->n_columns] = w;
	}
	for (size_t i = 0; i < g->n; i++) {
		size_t column = i % g->n_columns;
		bool last = column == g->n_columns - 1;
		int pad = (int)(widths[column] - width_of(g->cells[i])) + 2;

		(void)printf("%s%*s", g->cells[i], last ? 0 : pad, "");
		if (last)
			(void)putchar('\n');
	}
}

int grid_end(struct grid *g, struct tesla_error *err)
{
	bool failed = g->memory.failed;

	if (!failed)
		print(g);
	arena_release(&g->memory);
	free(g->cells);
	buf_release(&g->packed);
	return failed ? tesla_fail(err, -ENOMEM, "no memory") : 0;
}

int grid_print(const struct grid_list *l, const struct registry *r, struct grid_range range,
	       bool json, struct tesla_error *err)
{
	struct tesla_error ignored;
	struct grid g;
	int rc = 0, end;

	grid_init(&g, json, l->heads, l->n_columns);
	for (size_t i = range.first; i < range.first + range.n && rc == 0; i++) {
		msgpack_packer *pk = grid_packer(&g);

		if (pk == NULL) {
			l->row(&g, r, i);
			continue;
		}
		l->pack(pk, r, i);
		rc = grid_json(&g, err);
	}
	end = grid_end(&g, rc == 0 ? err : &ignored);
	return rc != 0 ? rc : end;
}

void grid_texts(const struct registry_texts *t, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < t->n && len < size; i++, len = strlen(text))
		(void)snprintf(text + len, size - len, "%s%s", i > 0 ? "," : "", t->list[i]);
}

void grid_time(int64_t ms, char text[GRID_TIME])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || strftime(text, GRID_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(text, GRID_TIME, "%" PRId64, ms);
}
