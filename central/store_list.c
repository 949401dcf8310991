/* SPDX-License-Identifier: Apache-2.0 */
/* What there is: analyzers, their variables, and from when to when. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/store_internal.h"
#include "central/store_read.h"

struct part { /* a set of the analyzer */
	const struct set *set;
	struct store_range range;
};
struct store_list {
	struct store *s;
	char *node;	    /* NULL: all */
	uint32_t id;	    /* of the last set that was looked at */
	struct part *parts; /* the newest first */
	size_t n_parts, parts_cap;
	struct store_variable *variables;
	size_t n_variables, variables_cap;
};

/* ---- from when to when ---- */

/* The first and the last key of a set. */
static bool edges(struct txn *t, enum table table, const struct set *set, struct store_range *ret,
		  MDB_val *last)
{
	MDB_cursor *c = cursor_open(t, table);
	struct key first = key_of(set->id, INT64_MIN), behind = key_of(set->id + 1, INT64_MIN);
	uint32_t id;
	bool found;

	if (c == NULL)
		return false;
	found = cursor_move(t, c, MDB_SET_RANGE, &first, &id, &ret->first_ms, last) &&
		id == set->id;
	if (found)
		found = cursor_move(t, c, MDB_SET_RANGE, &behind, &id, &ret->last_ms, last)
				? cursor_move(t, c, MDB_PREV, NULL, &id, &ret->last_ms, last)
				: cursor_move(t, c, MDB_LAST, NULL, &id, &ret->last_ms, last);
	mdb_cursor_close(c);
	return found;
}

/* Of its header; the rest of it is not looked at. */
int64_t block_last_ms(MDB_val block, int64_t first_ms)
{
	struct codec_block b;
	uint32_t ignored;

	return codec_peek(block.mv_data, block.mv_size, &b, &ignored) && b.last_ms > first_ms &&
			       b.last_ms <= CODEC_TIME_MAX
		       ? b.last_ms
		       : first_ms;
}

struct store_range set_range(struct txn *t, const struct set *set)
{
	struct store_range recent, blocks, none = { INT64_MAX, INT64_MIN };
	MDB_val last;

	if (!edges(t, TABLE_RECENT, set, &recent, &last))
		recent = none;
	if (edges(t, TABLE_BLOCKS, set, &blocks, &last))
		blocks.last_ms = block_last_ms(last, blocks.last_ms);
	else
		blocks = none;
	return range_of_both(recent, blocks);
}

/* ---- an analyzer ---- */

/* The array with room for n; NULL without memory: then it is as it was. */
static void *with_room(void *array, size_t *cap, size_t n, size_t size)
{
	void *more;

	if (n <= *cap)
		return array;
	more = realloc(array, 2 * n * size);
	if (more != NULL)
		*cap = 2 * n;
	return more;
}

static bool add_part(struct store_list *l, const struct set *set, struct store_range range)
{
	struct part *parts = with_room(l->parts, &l->parts_cap, l->n_parts + 1, sizeof *parts);

	if (parts == NULL)
		return false;
	l->parts = parts;
	parts[l->n_parts++] = (struct part){ set, range };
	return true;
}

static int gather_parts(struct store_list *l, const struct set *first, struct tesla_error *err)
{
	struct txn t;

	l->n_parts = 0;
	txn_begin(&t, l->s, false);
	for (const struct set *set = first->who->newest_set; set != NULL && t.r == 0;
	     set = set->older) {
		if (!add_part(l, set, set_range(&t, set)))
			t.r = ENOMEM;
	}
	return txn_end(&t, err);
}

static int newest_first(const void *a, const void *b)
{
	const struct part *u = a, *v = b;

	if (u->range.last_ms != v->range.last_ms)
		return u->range.last_ms > v->range.last_ms ? -1 : 1;
	return u->set->id > v->set->id ? -1 : u->set->id < v->set->id;
}

static struct store_variable *find_variable(struct store_list *l, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(l->variables[i].name, name) == 0)
			return &l->variables[i];
	return NULL;
}

/* As they were defined last: newer sets come first. */
static int add_variables(struct store_list *l, const struct part *p, struct tesla_error *err)
{
	size_t known = l->n_variables; /* a set has each name once */
	struct store_variable *all = with_room(l->variables, &l->variables_cap,
					       known + p->set->n_variables, sizeof *all);

	if (all == NULL)
		return tesla_fail(err, -ENOMEM, "store: no memory");
	l->variables = all;
	for (size_t i = 0; i < p->set->n_variables; i++) {
		const struct set_variable *v = &p->set->variables[i];
		struct store_variable *have = find_variable(l, known, v->name);

		if (have != NULL)
			have->range = range_of_both(have->range, p->range);
		else
			l->variables[l->n_variables++] =
				(struct store_variable){ v->name,   v->unit,	   v->kind,
							 v->factor, v->n_elements, p->range };
	}
	return 0;
}

static int describe(struct store_list *l, const struct set *first, struct store_analyzer *ret,
		    struct tesla_error *err)
{
	int r = gather_parts(l, first, err);

	if (r != 0)
		return r;
	qsort(l->parts, l->n_parts, sizeof *l->parts, newest_first);
	*ret = (struct store_analyzer){ .node = first->node,
					.analyzer = first->analyzer,
					.model = l->parts[0].set->model,
					.identity = l->parts[0].set->identity,
					.range = { INT64_MAX, INT64_MIN } };
	l->n_variables = 0;
	for (size_t i = 0; i < l->n_parts && r == 0; i++) {
		ret->range = range_of_both(ret->range, l->parts[i].range);
		r = add_variables(l, &l->parts[i], err);
	}
	ret->variables = l->variables;
	ret->n_variables = l->n_variables;
	return r;
}

/* ---- all of them ---- */

int store_list_open(struct store *s, const char *node, struct store_list **ret,
		    struct tesla_error *err)
{
	struct store_list *l = calloc(1, sizeof *l);
	int r = store_apply(s, err);

	if (l != NULL && node != NULL)
		l->node = strdup(node);
	if (l == NULL || (node != NULL && l->node == NULL))
		r = tesla_fail(err, -ENOMEM, "store %s: no memory", s->path);
	if (r != 0) {
		store_list_close(l);
		return r;
	}
	l->s = s;
	*ret = l;
	return 0;
}

int store_list_next(struct store_list *l, struct store_analyzer *ret, struct tesla_error *err)
{
	while (l->id < l->s->sets.n) {
		const struct set *set = set_by_id(&l->s->sets, ++l->id);
		int r;

		if (set == NULL || set->of != NULL || set->older != NULL ||
		    (l->node != NULL && strcmp(set->node, l->node) != 0))
			continue;
		r = describe(l, set, ret, err);
		return r == 0 ? 1 : r;
	}
	return 0;
}

void store_list_close(struct store_list *l)
{
	if (l == NULL)
		return;
	free(l->node);
	free(l->parts);
	free(l->variables);
	free(l);
}
