/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: which column has what, a record as a row and back. */
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "central/store_aggregate.h"
#include "central/store_internal.h"

/* ---- columns: the length of the window, then what each element of a variable has ---- */

static const struct fields {
	size_t n;
	enum store_field at[6];
} fields_of[] = {
	[TESLA_GAUGE] = { 6,
			  { STORE_VALUE, STORE_MIN, STORE_MAX, STORE_COVERED_MS, STORE_COUNT,
			    STORE_QUALITY } },
	[TESLA_COUNTER] = { 5,
			    { STORE_VALUE, STORE_INCREASE, STORE_COVERED_MS, STORE_COUNT,
			      STORE_QUALITY } },
	[TESLA_STATUS] = { 4, { STORE_VALUE, STORE_COVERED_MS, STORE_COUNT, STORE_QUALITY } },
};

size_t row_fields(enum tesla_variable_kind kind, const enum store_field **ret)
{
	*ret = fields_of[kind].at;
	return fields_of[kind].n;
}

/* The number of `field` in an element. */
static double *member(struct tesla_record_element *e, enum store_field field)
{
	switch (field) {
	case STORE_VALUE:
		return &e->value;
	case STORE_MIN:
		return &e->min;
	case STORE_MAX:
		return &e->max;
	case STORE_INCREASE:
		return &e->increase;
	default:
		return NULL; /* a whole number */
	}
}

static bool has_value(const struct tesla_record_element *e)
{
	return e->quality == TESLA_GOOD || e->quality == TESLA_SUSPECT;
}

static double get_field(const struct tesla_record_element *e, enum store_field field)
{
	bool counted = !has_value(e) || e->count > 0 || e->covered_ms > 0;

	switch (field) {
	case STORE_VALUE:
		return e->value;
	case STORE_MIN:
		return e->min;
	case STORE_MAX:
		return e->max;
	case STORE_INCREASE:
		return e->increase;
	case STORE_COVERED_MS:
		return counted ? (double)e->covered_ms : NAN; /* it was not said */
	case STORE_COUNT:
		return counted ? e->count : NAN;
	default:
		return e->quality;
	}
}

/* Whole numbers of a damaged block may be anything. */
static void set_field(struct tesla_record_element *e, enum store_field field, double v)
{
	double *real = member(e, field);

	if (real != NULL)
		*real = v;
	else if (!(v >= 0 && v <= 0x1p52))
		return;
	else if (field == STORE_COVERED_MS)
		e->covered_ms = (int64_t)v;
	else if (field == STORE_COUNT && v <= UINT32_MAX)
		e->count = (uint32_t)v;
	else if (field == STORE_QUALITY && v <= TESLA_ERROR)
		e->quality = (enum tesla_quality)v;
}

bool set_column(const struct set *set, const struct store_query *q, size_t *ret)
{
	for (size_t i = 0; i < set->n_variables; i++) {
		const struct set_variable *v = &set->variables[i];
		const struct fields *f = &fields_of[v->kind];

		if (strcmp(v->name, q->variable) != 0 || q->element >= v->n_elements)
			continue;
		for (size_t k = 0; k < f->n; k++) {
			if (f->at[k] == q->field) {
				*ret = v->first_column + q->element * f->n + k;
				return true;
			}
		}
	}
	return false;
}

/* False: more than a block has. */
bool set_count_columns(struct set *set)
{
	set->n_columns = 1;
	for (size_t i = 0; i < set->n_variables; i++) {
		struct set_variable *v = &set->variables[i];

		v->first_column = set->n_columns;
		set->n_columns +=
			v->n_elements * (set->of_id != 0 ? N_CELLS - 1 : fields_of[v->kind].n);
	}
	return set->n_columns <= CODEC_COLUMNS_MAX;
}

/* ---- what of a record its set does not say ---- */

/* NULL, or what is wrong with it; as base/record.h has it. */
static const char *element_fault(enum tesla_variable_kind kind, const struct record *r,
				 const struct tesla_record_element *e)
{
	if (e->quality < TESLA_GOOD || e->quality > TESLA_ERROR)
		return "its quality is none";
	if (e->covered_ms < 0 || e->covered_ms > r->end_ms - r->start_ms)
		return "covered_ms is more than its window, or less than nothing";
	if (has_value(e) ? !isfinite(e->value) : !isnan(e->value))
		return "its quality and its value contradict each other";
	if (kind == TESLA_GAUGE && isnan(e->min) != isnan(e->max))
		return "of its min and max one is not known: expected both or none";
	if (kind == TESLA_GAUGE && has_value(e) && !(isnan(e->min) && isnan(e->max)) &&
	    !(isfinite(e->min) && isfinite(e->max) && e->min <= e->value && e->value <= e->max))
		return "its value is not between min and max";
	if (kind == TESLA_GAUGE && !has_value(e) && !(isnan(e->min) && isnan(e->max)))
		return "its quality and its min or max contradict each other";
	if (kind == TESLA_COUNTER && !isnan(e->increase) &&
	    !(has_value(e) && isfinite(e->increase) && e->increase >= 0))
		return "its increase is less than nothing, or there is no value";
	return NULL;
}

int row_check(const struct set *set, const struct record *r, struct tesla_error *err)
{
	if (r->start_ms < ROW_TIME_MIN_MS || r->end_ms > ROW_TIME_MAX_MS ||
	    r->start_ms >= r->end_ms)
		return tesla_fail(err, -EINVAL, "a record of analyzer %lld: its window is none",
				  (long long)r->analyzer);
	for (size_t i = 0; i < set->n_variables; i++) {
		const struct tesla_record_variable *v = r->variables[i];

		for (size_t e = 0; e < v->n_elements; e++) {
			const char *fault = element_fault(v->kind, r, &v->elements[e]);

			if (fault != NULL)
				return tesla_fail(
					err, -EINVAL,
					"a record of analyzer %lld: %.40s, element %zu: %s",
					(long long)r->analyzer, v->name, e + 1, fault);
		}
	}
	return 0;
}

/* ---- rows ---- */

void row_of_record(const struct set *set, const struct record *r, double *numbers)
{
	*numbers++ = (double)(r->end_ms - r->start_ms);
	for (size_t i = 0; i < r->n_variables; i++) {
		const struct tesla_record_variable *v = r->variables[i];
		const struct fields *f = &fields_of[v->kind];

		assert(v->n_elements == set->variables[i].n_elements);
		for (size_t e = 0; e < v->n_elements; e++)
			for (size_t k = 0; k < f->n; k++)
				*numbers++ = get_field(&v->elements[e], f->at[k]);
	}
}

static void fill_elements(const struct set_variable *v, const double *numbers,
			  struct tesla_record_element *elements)
{
	const struct fields *f = &fields_of[v->kind];

	for (size_t e = 0; e < v->n_elements; e++) {
		elements[e] = (struct tesla_record_element){ .value = NAN,
							     .min = NAN,
							     .max = NAN,
							     .increase = NAN,
							     .quality = TESLA_ERROR };
		for (size_t k = 0; k < f->n; k++)
			set_field(&elements[e], f->at[k], numbers[v->first_column + e * f->n + k]);
	}
}

bool row_record(const struct set *set, int64_t end_ms, const double *numbers, struct arena *memory,
		struct record *ret)
{
	struct tesla_record_variable *all = arena_alloc(memory, set->n_variables, sizeof *all);
	const struct tesla_record_variable **rows =
		arena_alloc(memory, set->n_variables, sizeof *rows);
	double length = numbers[0] >= 0 && numbers[0] <= 0x1p52 ? numbers[0] : 0;

	for (size_t i = 0; i < set->n_variables && all != NULL && rows != NULL; i++) {
		const struct set_variable *v = &set->variables[i];
		struct tesla_record_element *elements =
			arena_alloc(memory, v->n_elements, sizeof *elements);

		if (elements == NULL)
			break;
		fill_elements(v, numbers, elements);
		all[i] = (struct tesla_record_variable){ v->name,   v->unit,	   v->kind,
							 v->factor, v->n_elements, elements };
		rows[i] = &all[i];
	}
	*ret = (struct record){ .analyzer = set->analyzer,
				.start_ms = end_ms - (int64_t)length,
				.end_ms = end_ms,
				.model = set->model,
				.identity = set->identity,
				.n_variables = set->n_variables,
				.variables = rows };
	return !memory->failed;
}
