/* SPDX-License-Identifier: Apache-2.0 */
/* Records in the form of docs/api-v1.md. */
#include "records.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "rest.h"
#include "text.h"
#include "verdict.h"

#define IDENTITY_SIZE 256

static bool has_value(const struct tesla_record_element *e)
{
	return e->quality == TESLA_GOOD || e->quality == TESLA_SUSPECT;
}

static bool is_sound(const struct tesla_record_variable *v)
{
	for (size_t i = 0; i < v->n_elements; i++)
		if (has_value(&v->elements[i]) && !isfinite(v->elements[i].value))
			return false;
	return true;
}

bool record_is_sound(const struct tesla_item *item, struct tesla_verdict *v)
{
	if (item->kind != TESLA_RECORD) {
		verdict_reject(v, -EINVAL, "an item of kind %d, expected a record",
			       (int)item->kind);
		return false;
	}
	for (size_t i = 0; i < item->n_variables; i++)
		if (!is_sound(item->variables[i])) {
			verdict_reject(v, -EINVAL, "%.60s: not a number", item->variables[i]->name);
			return false;
		}
	return true;
}

bool record_fits(size_t bytes, struct tesla_verdict *v)
{
	if (bytes <= RECORD_BYTES_MAX)
		return true;
	verdict_reject(v, -EMSGSIZE, "too long: %zu bytes, at most %zu", bytes, RECORD_BYTES_MAX);
	return false;
}

/* ---- one variable: a column per property, an entry per element ---- */

static const struct column {
	const char *key;
	enum tesla_variable_kind only; /* 0: every kind has it */
	size_t offset;
} columns[] = {
	{ "value", 0, offsetof(struct tesla_record_element, value) },
	{ "min", TESLA_GAUGE, offsetof(struct tesla_record_element, min) },
	{ "max", TESLA_GAUGE, offsetof(struct tesla_record_element, max) },
	{ "increase", TESLA_COUNTER, offsetof(struct tesla_record_element, increase) },
};
#define N_COLUMNS (sizeof columns / sizeof *columns)
#define N_OTHERS 5u /* unit, kind, count, covered_ms, quality */

static bool has_column(const struct tesla_record_variable *v, const struct column *c)
{
	return c->only == 0 || c->only == v->kind;
}

static double element_real(const struct tesla_record_element *e, const struct column *c)
{
	double value;

	memcpy(&value, (const char *)e + c->offset, sizeof value);
	return has_value(e) ? value : NAN;
}

static void column_write(struct writer *w, const struct tesla_record_variable *v,
			 const struct column *c)
{
	writer_text(w, c->key);
	writer_array(w, v->n_elements);
	for (size_t i = 0; i < v->n_elements; i++)
		writer_real(w, element_real(&v->elements[i], c));
	writer_array_end(w);
}

static void counts_write(struct writer *w, const struct tesla_record_variable *v)
{
	const struct tesla_record_element *e = v->elements;

	writer_text(w, "count");
	writer_array(w, v->n_elements);
	for (size_t i = 0; i < v->n_elements; i++)
		writer_integer(w, e[i].count);
	writer_array_end(w);
	writer_text(w, "covered_ms");
	writer_array(w, v->n_elements);
	for (size_t i = 0; i < v->n_elements; i++)
		writer_integer(w, e[i].covered_ms);
	writer_array_end(w);
	writer_text(w, "quality");
	writer_array(w, v->n_elements);
	for (size_t i = 0; i < v->n_elements; i++)
		writer_integer(w, (int)e[i].quality);
	writer_array_end(w);
}

static const char *kind_name(enum tesla_variable_kind kind)
{
	static const char *const names[] = {
		[TESLA_GAUGE] = "gauge", [TESLA_COUNTER] = "counter", [TESLA_STATUS] = "status"
	};

	return kind >= TESLA_GAUGE && kind <= TESLA_STATUS ? names[kind] : NULL;
}

static void variable_write(struct writer *w, const struct tesla_record_variable *v)
{
	size_t n = N_OTHERS;

	for (size_t i = 0; i < N_COLUMNS; i++)
		n += has_column(v, &columns[i]);
	writer_map(w, n);
	writer_text(w, "unit");
	writer_text(w, v->unit ? v->unit : "");
	writer_text(w, "kind");
	writer_text(w, kind_name(v->kind));
	for (size_t i = 0; i < N_COLUMNS; i++)
		if (has_column(v, &columns[i]))
			column_write(w, v, &columns[i]);
	counts_write(w, v);
	writer_map_end(w);
}

/* ---- records ---- */

/* What a meter says of itself may be any bytes: a text that is not UTF-8 would cost the record. */
static void identity_write(struct writer *w, const char *identity)
{
	char line[IDENTITY_SIZE];

	writer_text(w, "identity");
	if (identity != NULL)
		text_line(line, sizeof line, identity, strlen(identity));
	writer_text(w, identity ? line : NULL);
}

void record_write(struct writer *w, const struct tesla_item *record)
{
	writer_map(w, 6);
	writer_text(w, "analyzer");
	writer_integer(w, record->analyzer);
	writer_text(w, "start_ms");
	writer_integer(w, record->start_ms);
	writer_text(w, "end_ms");
	writer_integer(w, record->t_ms);
	writer_text(w, "model");
	writer_text(w, record->model);
	identity_write(w, record->identity);
	writer_text(w, "variables");
	writer_map(w, record->n_variables);
	for (size_t i = 0; i < record->n_variables; i++) {
		writer_text(w, record->variables[i]->name);
		variable_write(w, record->variables[i]);
	}
	writer_map_end(w);
	writer_map_end(w);
}

void records_write(struct writer *w, const char *node, const struct tesla_item *const *records,
		   size_t n)
{
	writer_map(w, 2);
	writer_text(w, "node");
	writer_text(w, node);
	writer_text(w, "records");
	writer_array(w, n);
	for (size_t i = 0; i < n; i++)
		record_write(w, records[i]);
	writer_array_end(w);
	writer_map_end(w);
}
