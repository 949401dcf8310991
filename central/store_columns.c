/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking columns.  A batch becomes blocks at once, which go as one entry into the write-ahead file,
 * and from there into the tables as they are: a row of its own would take fifty times as much.
 */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/bytes.h"
#include "central/store_internal.h"

struct batch {
	struct store *s;
	struct finder *finder;
	const struct store_columns *columns;
	struct arena memory;
	const struct set *set;
	/* rows that are new, by number; all: all are, and rows is not used */
	uint32_t *rows;
	size_t n;
	bool all;
	int64_t *times;	 /* of those */
	double *scratch; /* a column of them */
	struct codec_writer *writer;
	struct buf entry;
};

static int no_memory(const struct batch *b, struct tesla_error *err)
{
	return tesla_fail(err, -ENOMEM, "store %s: no memory", b->s->path);
}

/* ---- whether they are records ---- */

static int check_times(const struct store_columns *c, struct tesla_error *err)
{
	if (c->n_rows == 0 || c->n_rows > UINT32_MAX)
		return tesla_fail(err, -EINVAL, "columns: %zu rows: expected 1 or more", c->n_rows);
	if (c->window_ms < 1 || c->window_ms > ROW_TIME_MAX_MS)
		return tesla_fail(err, -EINVAL, "columns: the window has no length");
	if (c->end_ms[0] - c->window_ms < ROW_TIME_MIN_MS ||
	    c->end_ms[c->n_rows - 1] > ROW_TIME_MAX_MS)
		return tesla_fail(err, -EINVAL, "columns: a window is none");
	for (size_t i = 1; i < c->n_rows; i++)
		if (c->end_ms[i] <= c->end_ms[i - 1])
			return tesla_fail(err, -EINVAL,
					  "columns: row %zu is not later than the one before",
					  i + 1);
	return 0;
}

static double number_at(const double *column, size_t row)
{
	return column != NULL ? column[row] : NAN;
}

static bool is_whole(double v, double max)
{
	return isnan(v) || (v >= 0 && v <= max && floor(v) == v);
}

/* NULL, or what is wrong with a row of an element; as of records, but what is absent is unknown. */
static const char *row_fault(const struct store_column_element *e, size_t i, double window_ms)
{
	double v = number_at(e->fields[STORE_VALUE], i), min = number_at(e->fields[STORE_MIN], i),
	       max = number_at(e->fields[STORE_MAX], i),
	       increase = number_at(e->fields[STORE_INCREASE], i),
	       quality = number_at(e->fields[STORE_QUALITY], i);
	const double *qualities = e->fields[STORE_QUALITY];

	if (isinf(v))
		return "its value is no number";
	if (qualities != NULL && (isnan(quality) || !is_whole(quality, TESLA_ERROR)))
		return "its quality is none";
	if (qualities != NULL &&
	    (quality == TESLA_GOOD || quality == TESLA_SUSPECT) == (bool)isnan(v))
		return "its quality and its value contradict each other";
	if (!isnan(min) != !isnan(max) || (!isnan(min) && !(min <= v && v <= max)) || isinf(min) ||
	    isinf(max))
		return "its value is not between min and max";
	if (!isnan(increase) && !(increase >= 0 && isfinite(increase) && !isnan(v)))
		return "its increase is less than nothing, or there is no value";
	if (!is_whole(number_at(e->fields[STORE_COVERED_MS], i), window_ms))
		return "covered_ms is more than its window, or less than nothing";
	if (!is_whole(number_at(e->fields[STORE_COUNT], i), UINT32_MAX))
		return "its count is none";
	return NULL;
}

/* The same for all rows of a column that has values and perhaps qualities, which most have. */
static bool is_plain(const struct store_column_element *e, size_t n)
{
	const double *v = e->fields[STORE_VALUE];
	uint64_t infinite = 0;

	for (size_t f = STORE_MIN; f < STORE_N_FIELDS; f++)
		if (e->fields[f] != NULL)
			return false;
	for (size_t i = 0; i < n && v != NULL; i++)
		infinite |= v[i] > DBL_MAX || v[i] < -DBL_MAX;
	return infinite == 0;
}

/* What an element of that kind does not have. */
static bool has_foreign_field(enum tesla_variable_kind kind, const struct store_column_element *e)
{
	bool known[STORE_N_FIELDS] = { false };
	const enum store_field *fields;
	size_t n = row_fields(kind, &fields);

	for (size_t k = 0; k < n; k++)
		known[fields[k]] = true;
	for (size_t f = 0; f < STORE_N_FIELDS; f++)
		if (e->fields[f] != NULL && !known[f])
			return true;
	return false;
}

static int check_element(const struct store_columns *c, const struct store_column_variable *v,
			 size_t element, struct tesla_error *err)
{
	const struct store_column_element *e = &v->elements[element];

	if (has_foreign_field(v->kind, e))
		return tesla_fail(err, -EINVAL,
				  "columns: %.40s, element %zu: a field that none of its kind has",
				  v->name, element + 1);
	if (is_plain(e, c->n_rows))
		return 0;
	for (size_t i = 0; i < c->n_rows; i++) {
		const char *fault = row_fault(e, i, (double)c->window_ms);

		if (fault != NULL)
			return tesla_fail(err, -EINVAL, "columns: %.40s, element %zu, row %zu: %s",
					  v->name, element + 1, i + 1, fault);
	}
	return 0;
}

static int check_values(const struct store_columns *c, struct tesla_error *err)
{
	int r = 0;

	for (size_t i = 0; i < c->n_variables && r == 0; i++)
		for (size_t e = 0; e < c->variables[i].n_elements && r == 0; e++)
			r = check_element(c, &c->variables[i], e, err);
	return r;
}

/* ---- their form: that of a record without values ---- */

static bool make_form(struct batch *b, struct record *ret)
{
	const struct store_columns *c = b->columns;
	struct tesla_record_variable *all = arena_alloc(&b->memory, c->n_variables, sizeof *all);
	const struct tesla_record_variable **rows =
		arena_alloc(&b->memory, c->n_variables, sizeof *rows);

	for (size_t i = 0; i < c->n_variables && all != NULL && rows != NULL; i++) {
		const struct store_column_variable *v = &c->variables[i];
		struct tesla_record_element *elements =
			arena_alloc(&b->memory, v->n_elements, sizeof *elements);

		if (elements == NULL)
			return false;
		for (size_t e = 0; e < v->n_elements; e++)
			elements[e] = (struct tesla_record_element){ .value = NAN,
								     .min = NAN,
								     .max = NAN,
								     .increase = NAN,
								     .quality = TESLA_UNAVAILABLE };
		all[i] = (struct tesla_record_variable){ v->name,	v->unit,
							 v->kind,	v->predecessor_factor,
							 v->n_elements, elements };
		rows[i] = &all[i];
	}
	*ret = (struct record){ .analyzer = c->analyzer,
				.start_ms = c->end_ms[0] - c->window_ms,
				.end_ms = c->end_ms[0],
				.model = c->model,
				.identity = c->identity,
				.n_variables = c->n_variables,
				.variables = rows };
	return !b->memory.failed;
}

/* ---- which rows are new ---- */

static int find_new(struct batch *b, struct who *who, struct tesla_error *err)
{
	const struct store_columns *c = b->columns;

	b->n = 0;
	for (size_t i = 0; i < c->n_rows; i++) {
		int there = who != NULL ? is_there(b->finder, who, c->end_ms[i], err) : 0;

		if (there < 0)
			return there;
		if (there == 0)
			b->rows[b->n++] = (uint32_t)i;
	}
	b->all = b->n == c->n_rows;
	for (size_t i = 0; i < b->n; i++)
		b->times[i] = c->end_ms[b->rows[i]];
	return 0;
}

/* ---- blocks of them ---- */

/* As many rows from `from` on as can be in one block: none that another block is between. */
static int part_rows(struct batch *b, size_t from, size_t *ret, struct tesla_error *err)
{
	const struct who *who = b->set->who;
	int64_t first = b->times[from], until = week_of(first) + WEEK_MS - 1;
	size_t max = set_rows_max(b->s, b->set), n = 1;
	int r;

	if (who->known && first <= who->newest_ms) {
		r = find_span(b->finder, b->set, first, err);
		if (r != 0)
			return r;
		if (b->finder->to_ms < until)
			until = b->finder->to_ms;
		if (b->finder->in_block) /* it goes into rows, some at a time */
			max = LOOSE_CELLS / b->set->n_columns + 1;
	}
	while (n < max && from + n < b->n && b->times[from + n] <= until)
		n++;
	*ret = n;
	return 0;
}

static const double *gather(struct batch *b, const double *column, size_t from, size_t n)
{
	if (column == NULL || b->all)
		return column != NULL ? column + from : NULL;
	for (size_t i = 0; i < n; i++)
		b->scratch[i] = column[b->rows[from + i]];
	return b->scratch;
}

/* Qualities that were not said. */
static const double *qualities_of(struct batch *b, const double *values, size_t from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double v = values != NULL ? values[b->all ? from + i : b->rows[from + i]] : NAN;

		b->scratch[i] = isnan(v) ? TESLA_UNAVAILABLE : TESLA_GOOD;
	}
	return b->scratch;
}

static int add_element(struct batch *b, enum tesla_variable_kind kind,
		       const struct store_column_element *e, size_t from, size_t n,
		       struct tesla_error *err)
{
	const enum store_field *fields;
	size_t n_fields = row_fields(kind, &fields);
	int r = 0;

	for (size_t k = 0; k < n_fields && r == 0; k++) {
		const double *column = e->fields[fields[k]];

		r = codec_add(b->writer,
			      fields[k] == STORE_QUALITY && column == NULL
				      ? qualities_of(b, e->fields[STORE_VALUE], from, n)
				      : gather(b, column, from, n),
			      err);
	}
	return r;
}

static int add_part(struct batch *b, size_t from, size_t n, struct tesla_error *err)
{
	const struct store_columns *c = b->columns;
	int r = codec_begin(b->writer, b->times + from, n, b->set->n_columns, err);

	for (size_t i = 0; i < n; i++)
		b->scratch[i] = (double)c->window_ms;
	if (r == 0)
		r = codec_add(b->writer, b->scratch, err);
	for (size_t i = 0; i < c->n_variables && r == 0; i++)
		for (size_t e = 0; e < c->variables[i].n_elements && r == 0; e++)
			r = add_element(b, c->variables[i].kind, &c->variables[i].elements[e], from,
					n, err);
	return r == 0 ? codec_end(b->writer, &b->entry, err) : r;
}

static int make_entry(struct batch *b, struct tesla_error *err)
{
	uint8_t head[BLOCKS_HEAD] = { 0 };
	size_t from = 0, n = 0;
	int r;

	put_u32(head + 4, b->set->id);
	buf_init(&b->entry, b->s->conf.wal_bytes / 8);
	r = buf_append(&b->entry, head, sizeof head);
	for (; from < b->n && r == 0; from += n) {
		r = part_rows(b, from, &n, err);
		if (r == 0)
			r = add_part(b, from, n, err);
	}
	return r == -EMSGSIZE ? tesla_fail(err, -EINVAL,
					   "columns: %zu rows take more than %zu bytes: send fewer "
					   "at once",
					   b->n, b->s->conf.wal_bytes / 8)
			      : r;
}

static int lay_entry(struct batch *b, struct tesla_error *err)
{
	struct who *who = b->set->who;
	uint8_t *at = pending_lay(b->s, b->entry.pub.len);

	if (at == NULL)
		return no_memory(b, err);
	memcpy(at, b->entry.pub.bytes, b->entry.pub.len);
	pending_note_blocks(b->s, who);
	who->known = true; /* a new one has nothing else */
	if (b->times[b->n - 1] > who->newest_ms)
		who->newest_ms = b->times[b->n - 1];
	return 0;
}

/* ---- a batch ---- */

static int batch_reserve(struct batch *b, struct tesla_error *err)
{
	size_t n = b->columns->n_rows;

	b->rows = malloc(n * sizeof *b->rows);
	b->times = malloc(n * sizeof *b->times);
	b->scratch = malloc(n * sizeof *b->scratch);
	return b->rows != NULL && b->times != NULL && b->scratch != NULL ? 0 : no_memory(b, err);
}

static void batch_release(struct batch *b)
{
	free(b->rows);
	free(b->times);
	free(b->scratch);
	buf_release(&b->entry);
	arena_release(&b->memory);
}

/* Of a form that is known nothing but numbers has to be looked at. */
static int check(struct batch *b, struct record *form, struct tesla_error *err)
{
	int r = check_node(b->columns->node, err);

	if (r == 0)
		r = check_times(b->columns, err);
	if (r == 0 && !make_form(b, form))
		r = no_memory(b, err);
	if (r == 0) {
		b->set = set_look_up(&b->s->sets,
				     who_look_up(&b->s->sets, b->columns->node, form->analyzer),
				     form);
		r = b->set != NULL ? 0 : record_check(form, err);
	}
	return r == 0 ? check_values(b->columns, err) : r;
}

/* -EINVAL: it is rejected.  Other failures are of the disk, whatever they are called. */
static int take_new(struct batch *b, const struct record *form, struct tesla_error *err)
{
	struct store_record r = { b->columns->node, form };
	int rc = 0;

	if (b->set == NULL)
		rc = set_add(b->s, &r, &b->set, err);
	if (rc == 0)
		rc = make_entry(b, err);
	return rc == 0 ? lay_entry(b, err) : rc;
}

static int take(struct batch *b, struct store_verdict *v, struct tesla_error *err)
{
	struct record form;
	int r = check(b, &form, err);

	if (r == -EINVAL)
		return verdict_reject(v, err);
	if (r == 0)
		r = batch_reserve(b, err);
	if (r == 0)
		r = find_new(b, who_look_up(&b->s->sets, b->columns->node, form.analyzer), err);
	if (r != 0)
		return r;
	if (b->n > 0)
		r = take_new(b, &form, err);
	if (r != 0)
		return r == -EINVAL ? verdict_reject(v, err) : r;
	v->n_stored = b->n;
	v->n_duplicates = b->columns->n_rows - b->n;
	v->outcome = b->n > 0 ? STORE_STORED : STORE_DUPLICATE;
	return 0;
}

static int take_all(struct finder *f, const struct store_columns *batches, size_t n,
		    struct store_verdict *verdicts, struct tesla_error *err)
{
	struct codec_writer *writer = codec_writer_new();
	struct pending *p = &f->s->pending;
	int r = writer != NULL ? 0 : tesla_fail(err, -ENOMEM, "store %s: no memory", f->s->path);

	for (size_t i = 0; i < n && r == 0; i++) {
		struct batch b = {
			.s = f->s, .finder = f, .columns = &batches[i], .writer = writer
		};

		r = take(&b, &verdicts[i], err);
		batch_release(&b);
		if (r == 0 && p->bytes.pub.len - p->written >= f->s->conf.wal_bytes / 4) {
			finder_pause(f);
			r = pending_write(f->s, err);
		}
	}
	codec_writer_free(writer);
	return r;
}

int store_append_columns(struct store *s, const struct store_columns *batches, size_t n,
			 struct store_verdict *verdicts, struct tesla_error *err)
{
	struct finder f;
	int r;

	memset(verdicts, 0, n * sizeof *verdicts);
	finder_init(&f, s);
	r = take_all(&f, batches, n, verdicts, err);
	finder_release(&f);
	return verdicts_end(s, r, verdicts, n, err);
}
