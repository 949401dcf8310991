/* SPDX-License-Identifier: Apache-2.0 */
/* What was asked: counted, and printed as JSON. */
#include "sim/counts.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

void counts_release(struct counts *c)
{
	free(c->ranges);
	free(c->bus_us.v);
	free(c->cycle_us.v);
	free(c->times_us.v);
	*c = (struct counts){ 0 };
}

void counts_range(struct counts *c, uint8_t function, uint16_t address, uint16_t count)
{
	for (size_t i = 0; i < c->n_ranges; i++) {
		struct range *r = &c->ranges[i];

		if (r->function == function && r->address == address && r->count == count) {
			r->n++;
			return;
		}
	}
	if (c->ranges == NULL)
		c->ranges = calloc(RANGES_MAX, sizeof *c->ranges);
	if (c->ranges == NULL || c->n_ranges == RANGES_MAX)
		c->other_ranges++;
	else
		c->ranges[c->n_ranges++] = (struct range){ function, address, count, 1 };
}

void series_add(struct series *s, int64_t v)
{
	if (s->v == NULL)
		s->v = calloc(SERIES_MAX, sizeof *s->v);
	if (s->v == NULL)
		return;
	s->v[s->next] = v;
	s->next = (s->next + 1) % SERIES_MAX;
	if (s->n < SERIES_MAX)
		s->n++;
}

static int compare_int64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

bool series_summary(const struct series *s, int64_t *min, int64_t *median, int64_t *max)
{
	_cleanup_free_ int64_t *v = s->n ? malloc(s->n * sizeof *v) : NULL;

	if (v == NULL)
		return false;
	memcpy(v, s->v, s->n * sizeof *v);
	qsort(v, s->n, sizeof *v, compare_int64);
	*min = v[0];
	*median = s->n % 2 ? v[s->n / 2] : (v[s->n / 2 - 1] + v[s->n / 2]) / 2;
	*max = v[s->n - 1];
	return true;
}

void json_key(yajl_gen g, const char *key)
{
	(void)yajl_gen_string(g, (const unsigned char *)key, strlen(key));
}

void json_int(yajl_gen g, const char *key, int64_t v)
{
	json_key(g, key);
	(void)yajl_gen_integer(g, v);
}

void json_str(yajl_gen g, const char *key, const char *v)
{
	json_key(g, key);
	(void)yajl_gen_string(g, (const unsigned char *)v, strlen(v));
}

void json_bool(yajl_gen g, const char *key, bool v)
{
	json_key(g, key);
	(void)yajl_gen_bool(g, v);
}

static void summary_json(const struct series *s, yajl_gen g, const char *key)
{
	int64_t min, median, max;

	if (!series_summary(s, &min, &median, &max))
		return;
	json_key(g, key);
	(void)yajl_gen_map_open(g);
	json_int(g, "n", (int64_t)s->n);
	json_int(g, "min", min);
	json_int(g, "median", median);
	json_int(g, "max", max);
	(void)yajl_gen_map_close(g);
}

static void ranges_json(const struct counts *c, yajl_gen g)
{
	json_key(g, "ranges");
	(void)yajl_gen_array_open(g);
	for (size_t i = 0; i < c->n_ranges; i++) {
		const struct range *r = &c->ranges[i];

		(void)yajl_gen_map_open(g);
		json_int(g, "function", r->function);
		json_int(g, "address", r->address);
		json_int(g, "count", r->count);
		json_int(g, "n", (int64_t)r->n);
		(void)yajl_gen_map_close(g);
	}
	(void)yajl_gen_array_close(g);
	if (c->other_ranges > 0)
		json_int(g, "other_ranges", (int64_t)c->other_ranges);
}

/* Oldest first. */
static void series_json(const struct series *s, yajl_gen g, const char *key)
{
	size_t first = s->n < SERIES_MAX ? 0 : s->next;

	json_key(g, key);
	(void)yajl_gen_array_open(g);
	for (size_t i = 0; i < s->n; i++)
		(void)yajl_gen_integer(g, s->v[(first + i) % SERIES_MAX]);
	(void)yajl_gen_array_close(g);
}

void counts_json(const struct counts *c, yajl_gen g)
{
	json_int(g, "requests", (int64_t)c->requests);
	json_int(g, "registers", (int64_t)c->registers);
	json_int(g, "exceptions", (int64_t)c->exceptions);
	json_int(g, "unanswered", (int64_t)c->unanswered);
	json_int(g, "garbled", (int64_t)c->garbled);
	json_int(g, "early", (int64_t)c->early);
	json_int(g, "busy_us", c->busy_us);
	summary_json(&c->bus_us, g, "bus_us");
	summary_json(&c->cycle_us, g, "cycle_us");
	ranges_json(c, g);
	if (c->times_us.n > 0)
		series_json(&c->times_us, g, "times_us");
}
