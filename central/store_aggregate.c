/* SPDX-License-Identifier: Apache-2.0 */
/* Aggregates.  A value's weight in the mean is the time in which it was measured. */
#include "central/store_aggregate.h"

#include <math.h>

#define LAST_AT_MIN (-1125899906842624.0) /* -2^50: a time within a window */

void aggregate_init(struct aggregate *a)
{
	*a = (struct aggregate){
		.min = NAN, .max = NAN, .last = NAN, .increase = NAN, .last_ms = INT64_MIN
	};
}

static double lesser(double a, double b) /* NAN is none */
{
	return isnan(a) || b < a ? b : a;
}

static double greater(double a, double b)
{
	return isnan(a) || b > a ? b : a;
}

static double sum_of_both(double a, double b)
{
	return isnan(a) ? b : isnan(b) ? a : a + b;
}

static void take_last(struct aggregate *a, double v, int64_t ms)
{
	if (ms < a->last_ms)
		return;
	a->last = v;
	a->last_ms = ms;
}

/* ---- rows as they came ---- */

static void add_values(struct aggregate *a, const struct cells *c, size_t from, size_t n)
{
	const double *values = c->at[CELL_VALUE] + from, *lengths = c->at[CELL_LENGTH] + from;
	const double *covered = c->at[CELL_COVERED] + from, *qualities = c->at[CELL_QUALITY] + from;
	double sum = 0, weighted = 0, weight = 0, all_covered = 0;
	bool gauge = c->kind == TESLA_GAUGE;
	size_t n_values = 0, n_suspect = 0;

	for (size_t i = 0; i < n; i++) {
		double v = values[i], t = covered[i] > 0 ? covered[i] : 0;
		double w = gauge && t > 0 ? t : lengths[i];

		all_covered += t;
		if (isnan(v))
			continue;
		n_values++;
		n_suspect += qualities[i] == TESLA_SUSPECT;
		sum += v;
		weighted += v * w;
		weight += w;
	}
	a->n_rows += n_values;
	a->suspect = a->suspect || n_suspect > 0;
	a->sum += sum;
	a->weighted += weighted;
	a->weight += weight;
	a->covered_ms += all_covered;
}

static void add_extremes(struct aggregate *a, const double *min, const double *max, size_t n)
{
	double least = a->min, most = a->max;

	for (size_t i = 0; i < n; i++) {
		least = min[i] < least || isnan(least) ? min[i] : least;
		most = max[i] > most || isnan(most) ? max[i] : most;
	}
	a->min = least;
	a->max = most;
}

static void add_last(struct aggregate *a, const struct cells *c, size_t from, size_t n)
{
	for (size_t i = from + n; i > from; i--)
		if (!isnan(c->at[CELL_VALUE][i - 1])) {
			take_last(a, c->at[CELL_VALUE][i - 1], c->end_ms[i - 1]);
			break;
		}
}

static void add_rows(struct aggregate *a, const struct cells *c, size_t from, size_t n)
{
	const double *min = c->at[CELL_MIN], *max = c->at[CELL_MAX];

	add_values(a, c, from, n);
	add_last(a, c, from, n);
	if (min != NULL && max != NULL)
		add_extremes(a, min + from, max + from, n);
	for (size_t i = from; i < from + n && c->at[CELL_INCREASE] != NULL; i++)
		a->increase = sum_of_both(a->increase, c->at[CELL_INCREASE][i]);
}

/* ---- rows of a block, by its header ---- */

/* Every row has it, and the same. */
static bool is_one(const struct codec_summary *s, size_t n_rows)
{
	return s->count == n_rows && s->min == s->max;
}

bool aggregate_block(struct aggregate *a, enum tesla_variable_kind kind, size_t n_rows,
		     const struct codec_summary *const at[N_CELLS])
{
	const struct codec_summary *value = at[CELL_VALUE], *covered = at[CELL_COVERED];
	const struct codec_summary *quality = at[CELL_QUALITY], *length = at[CELL_LENGTH];
	bool by_cover = kind == TESLA_GAUGE && covered->max > 0;
	double weight = by_cover ? covered->max : length->max;

	/* An error may hide what is suspect; a weight of one value is not that of another. */
	if (!is_one(by_cover ? covered : length, n_rows) || covered->count != n_rows ||
	    quality->count != n_rows || !(quality->max <= TESLA_SUSPECT) || !(covered->min >= 0))
		return false;
	a->any = true;
	a->covered_ms += covered->sum;
	if (value->count == 0)
		return true;
	a->suspect = a->suspect || quality->max == TESLA_SUSPECT;
	a->n_rows += value->count;
	a->sum += value->sum;
	a->weighted += value->sum * weight;
	a->weight += (double)value->count * weight;
	if (at[CELL_MIN] != NULL && at[CELL_MAX] != NULL) {
		a->min = lesser(a->min, at[CELL_MIN]->min);
		a->max = greater(a->max, at[CELL_MAX]->max);
	}
	if (at[CELL_INCREASE] != NULL)
		a->increase = sum_of_both(a->increase, at[CELL_INCREASE]->sum);
	return true;
}

/* ---- rows of a roll-up ---- */

static double cell(const struct cells *c, enum cell which, size_t row)
{
	return c->at[which] != NULL ? c->at[which][row] : NAN;
}

static void add_rolled(struct aggregate *a, const struct cells *c, size_t i)
{
	double rows = cell(c, CELL_ROWS, i), sum = cell(c, CELL_SUM, i),
	       mean = cell(c, CELL_MEAN, i), weight = cell(c, CELL_WEIGHT, i);

	if (cell(c, CELL_COVERED, i) > 0)
		a->covered_ms += cell(c, CELL_COVERED, i);
	if (!(rows > 0 && rows <= 0x1p50))
		return;
	a->n_rows += (uint64_t)rows;
	a->suspect = a->suspect || cell(c, CELL_QUALITY, i) == TESLA_SUSPECT;
	a->sum += sum;
	a->weighted += (isnan(mean) ? sum / rows : mean) * weight;
	a->weight += weight;
	a->min = lesser(a->min, cell(c, CELL_MIN, i));
	a->max = greater(a->max, cell(c, CELL_MAX, i));
	a->increase = sum_of_both(a->increase, cell(c, CELL_INCREASE, i));
	if (c->at[CELL_LAST_AT] != NULL && c->at[CELL_LAST_AT][i] <= 0 &&
	    c->at[CELL_LAST_AT][i] >= LAST_AT_MIN)
		take_last(a, cell(c, CELL_VALUE, i),
			  c->end_ms[i] + (int64_t)c->at[CELL_LAST_AT][i]);
}

/* ---- both ---- */

void aggregate_add(struct aggregate *a, const struct cells *c, size_t from, size_t n)
{
	a->any = a->any || n > 0;
	if (!c->rolled)
		add_rows(a, c, from, n);
	for (size_t i = from; i < from + n && c->rolled; i++)
		add_rolled(a, c, i);
}

double aggregate_mean(const struct aggregate *a)
{
	if (a->n_rows == 0)
		return NAN;
	return a->weight > 0 ? a->weighted / a->weight : a->sum / (double)a->n_rows;
}

/*
 * What adding up made of decimal numbers, as the decimal number that it is: it then takes few bytes
 * in a block.  Only where nothing but rounding can have made the difference.
 */
static double tidy(double v)
{
	static const double powers[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6 };

	for (size_t i = 0; i < sizeof powers / sizeof *powers && fabs(v) < 0x1p50 / powers[i];
	     i++) {
		double near = round(v * powers[i]) / powers[i];

		if (fabs(near - v) <= fabs(v) * 0x1p-49)
			return near;
	}
	return v;
}

void aggregate_cells(const struct aggregate *a, int64_t end_ms, double cells[N_CELLS])
{
	double mean = aggregate_mean(a), simple = a->sum / (double)a->n_rows;

	for (size_t i = 0; i < N_CELLS; i++)
		cells[i] = NAN;
	cells[CELL_COVERED] = a->covered_ms;
	cells[CELL_ROWS] = (double)a->n_rows;
	cells[CELL_QUALITY] = a->suspect       ? TESLA_SUSPECT
			      : a->n_rows == 0 ? TESLA_ERROR
					       : TESLA_GOOD;
	if (a->n_rows == 0)
		return;
	cells[CELL_VALUE] = a->last;
	cells[CELL_LAST_AT] = (double)(a->last_ms - end_ms);
	cells[CELL_MIN] = a->min;
	cells[CELL_MAX] = a->max;
	cells[CELL_SUM] = tidy(a->sum);
	cells[CELL_WEIGHT] = a->weight;
	cells[CELL_INCREASE] = isnan(a->increase) ? NAN : tidy(a->increase);
	if (!(fabs(mean - simple) <= fabs(mean) * 0x1p-48))
		cells[CELL_MEAN] = mean;
}
