/* SPDX-License-Identifier: Apache-2.0 */
/* A model file made into the rows of <tesla/plugin.h>.  What may stand where: model_tables.c. */
#include "base/model.h"

#include <inttypes.h>
#include <math.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/model_build.h"
#include "base/nearest.h"

static const uint16_t registers_of[] = {
	[TESLA_INT16] = 1, [TESLA_UINT16] = 1, [TESLA_INT32] = 2,   [TESLA_UINT32] = 2,
	[TESLA_INT64] = 4, [TESLA_UINT64] = 4, [TESLA_FLOAT32] = 2, [TESLA_FLOAT64] = 4,
	[TESLA_BCD16] = 1, [TESLA_BCD32] = 2,  [TESLA_BCD64] = 4,   [TESLA_DECIMAL] = 0,
};

uint16_t model_registers(enum tesla_raw type)
{
	return registers_of[type];
}

static bool name_ok(const char *name)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	static const char later[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
	size_t len = strlen(name);

	return strspn(name, first) > 0 && strspn(name, later) == len && len <= 32;
}

static void name_check(struct build *b, const xmlNode *node, const char *name)
{
	if (name != NULL && *name != '\0' && !name_ok(name))
		xml_error(b->x, b->d, node,
			  "<%s>: name is \"%.60s\": expected a letter, then letters, digits and "
			  "\"_\", at most 32",
			  (const char *)node->name, name);
}

/* ---- ranges that must not be read ---- */

static void forbidden_add(struct build *b, const xmlNode *node)
{
	struct m_forbidden_row row = { .function = b->base.function, .first = -1, .last = -1 };

	xml_read(node, m_forbidden.attrs, &row, b->a);
	if (row.first > row.last && row.last >= 0)
		xml_error(b->x, b->d, node,
			  "<forbidden>: first is %" PRId64 ", last is %" PRId64 ": expected first "
			  "not beyond last",
			  row.first, row.last);
	b->forbidden[b->m->n_forbidden++] =
		(struct model_range){ (uint16_t)row.function, (uint16_t)row.first,
				      (uint16_t)row.last };
}

/* A register that is read at all must be readable: within the address space and not forbidden. */
void model_address_check(struct build *b, const xmlNode *node, unsigned function, unsigned address,
			 unsigned count)
{
	unsigned last = address + count - 1;

	if (last > 65535)
		xml_error(b->x, b->d, node, "<%s>: %u registers from address %u go beyond 65535",
			  (const char *)node->name, count, address);
	for (size_t i = 0; i < b->m->n_forbidden; i++) {
		const struct model_range *f = &b->forbidden[i];

		if (f->function == function && f->first <= last && f->last >= address)
			xml_error(b->x, b->d, node,
				  "<%s>: address %u is in a forbidden range, %u to %u",
				  (const char *)node->name, address, f->first, f->last);
	}
	if (b->m->pub.max_registers > 0 && count > b->m->pub.max_registers)
		xml_error(b->x, b->d, node,
			  "<%s> takes %u registers: expected at most max-registers, which is %u",
			  (const char *)node->name, count, b->m->pub.max_registers);
}

/* ---- scale registers ---- */

static const struct tesla_scale *scale_find(const struct build *b, const char *name)
{
	for (size_t i = 0; i < b->m->pub.n_scales; i++)
		if (b->scales[i].name != NULL && strcmp(b->scales[i].name, name) == 0)
			return &b->scales[i];
	return NULL;
}

static void scale_add(struct build *b, const xmlNode *node, const struct tesla_scale **rows)
{
	struct m_scale_row row = { .function = b->base.function, .min = -10, .max = 10 };
	size_t i = b->m->pub.n_scales;

	xml_read(node, m_scale.attrs, &row, b->a);
	name_check(b, node, row.name);
	if (row.name != NULL && scale_find(b, row.name) != NULL)
		xml_error(b->x, b->d, node,
			  "<scale>: the name %.60s stands for another one already", row.name);
	if (row.min > row.max)
		xml_error(b->x, b->d, node,
			  "<scale>: min is %" PRId64 ", max is %" PRId64
			  ": expected min not beyond max",
			  row.min, row.max);
	model_address_check(b, node, (unsigned)row.function, (unsigned)row.address, 1);
	b->scales[i] = (struct tesla_scale){
		row.name,	  (uint16_t)row.function, (uint16_t)row.address,
		(int16_t)row.min, (int16_t)row.max,	  (unsigned)i
	};
	rows[i] = &b->scales[i];
	b->m->pub.n_scales++;
}

static const struct tesla_scale *scale_named(struct build *b, const xmlNode *node, const char *attr,
					     const char *name)
{
	const struct tesla_scale *found = name ? scale_find(b, name) : NULL;
	struct nearest near;
	char known[200];

	if (name == NULL || found != NULL)
		return found;
	nearest_init(&near, name);
	for (size_t i = 0; i < b->m->pub.n_scales; i++)
		if (b->scales[i].name != NULL)
			nearest_add(&near, b->scales[i].name);
	nearest_text(&near, known, sizeof known);
	xml_error(b->x, b->d, node, "<%s>: %s %.60s is not defined: nearest <scale>: %s",
		  (const char *)node->name, attr, name, known);
	return NULL;
}

/* ---- elements ---- */

struct m_command { /* text NULL: registers */
	const char *text;
	uint16_t digits, field;
};

/* "0x8000" are raw bits; a decimal is the number itself, cut to the width of the type. */
static bool sentinel_parse(const char *text, unsigned bits, uint64_t *ret)
{
	bool hex = strncmp(text, "0x", 2) == 0 || strncmp(text, "0X", 2) == 0,
	     negative = *text == '-';
	const char *digits = text + (hex ? 2 : negative);
	size_t len = strlen(digits);
	uint64_t limit = UINT64_MAX >> (64 - bits), v;

	if (len == 0 || len > 19 ||
	    digits[strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789")] != '\0')
		return false;
	if (hex && len > 16)
		return false;
	v = strtoull(digits, NULL, hex ? 16 : 10);
	if (v > (negative ? limit / 2 + 1 : limit))
		return false;
	*ret = (negative ? 0 - v : v) & limit;
	return true;
}

static void sentinel_set(struct build *b, const xmlNode *node, const char *text,
			 struct tesla_register *r)
{
	if (text == NULL)
		return;
	r->has_sentinel = sentinel_parse(text, 16u * r->count, &r->sentinel);
	if (!r->has_sentinel)
		xml_error(b->x, b->d, node,
			  "<%s>: sentinel is \"%.60s\": expected raw bits such as 0x8000, or a "
			  "decimal, within %u bits",
			  (const char *)node->name, text, 16u * r->count);
}

/* Where the raw count of a register begins from 0 again; 0: nothing is known. */
static double register_range(const struct tesla_register *r)
{
	switch (r->type) {
	case TESLA_FLOAT32:
	case TESLA_FLOAT64:
		return 0;
	case TESLA_BCD16:
	case TESLA_BCD32:
	case TESLA_BCD64:
		return pow(10, 4.0 * r->count);
	case TESLA_DECIMAL:
		return pow(10, r->digits);
	default:
		return ldexp(1, 16 * r->count);
	}
}

/* A register of fewer digits than its modulus would begin from 0 again before it. */
static void modulus_set(struct build *b, const xmlNode *node, enum tesla_variable_kind kind,
			double modulus, struct tesla_register *r)
{
	double range = register_range(r);

	r->has_modulus = modulus >= 0;
	r->modulus = r->has_modulus ? modulus : 0;
	if (r->has_modulus && kind != TESLA_COUNTER)
		xml_error(b->x, b->d, node,
			  "<%s>: modulus is given, but its variable is no counter: expected "
			  "kind=\"counter\"",
			  (const char *)node->name);
	if (r->has_modulus && range > 0 && modulus > range)
		xml_error(b->x, b->d, node,
			  "<%s>: modulus is %.17g: expected at most %.17g, as that is its range",
			  (const char *)node->name, modulus, range);
	/* Not 2^width. */
	if (!r->has_modulus && kind == TESLA_COUNTER && range > 0 &&
	    (r->type >= TESLA_BCD16 && r->type <= TESLA_DECIMAL)) {
		r->has_modulus = true;
		r->modulus = range;
	}
}

/* "3" or "4-7": which bits of the register the value is. */
static bool bits_parse(const char *text, unsigned width, uint64_t *mask)
{
	char *end;
	unsigned long first, last;

	if (*text < '0' || *text > '9')
		return false;
	first = last = strtoul(text, &end, 10);
	if (*end == '-' && end[1] >= '0' && end[1] <= '9')
		last = strtoul(end + 1, &end, 10);
	if (*end != '\0' || first > last || last >= width)
		return false;
	*mask = (UINT64_MAX >> (63 - (last - first))) << first;
	return true;
}

static void bits_set(struct build *b, const xmlNode *node, const char *text,
		     struct tesla_register *r)
{
	bool is_unsigned =
		r->type == TESLA_UINT16 || r->type == TESLA_UINT32 || r->type == TESLA_UINT64;

	if (text == NULL)
		return;
	if (!is_unsigned)
		xml_error(b->x, b->d, node,
			  "<%s>: bits are given: expected type uint16, uint32 or uint64",
			  (const char *)node->name);
	else if (!bits_parse(text, 16u * r->count, &r->mask))
		xml_error(b->x, b->d, node,
			  "<%s>: bits is \"%.60s\": expected such as 3 or 0-7, within %u bits",
			  (const char *)node->name, text, 16u * r->count);
}

/* What an element of registers says beside its number. */
static void place_fill(struct build *b, const xmlNode *node, const struct m_element_row *row,
		       struct tesla_register *r)
{
	const struct m_layer *l = &row->layer;

	if (row->address < 0) {
		xml_error(b->x, b->d, node, "<element> has no attribute address");
		return;
	}
	r->function = (uint16_t)l->function;
	r->address = (uint16_t)row->address;
	r->order = (enum tesla_word_order)l->order;
	r->bytes_swapped = l->bytes == TESLA_LITTLE;
	r->scale_register = scale_named(b, node, "scale-register", l->scale_register);
	sentinel_set(b, node, l->sentinel, r);
	bits_set(b, node, l->bits, r);
	model_address_check(b, node, r->function, r->address, r->count);
}

/* A field of a command's reply: nothing of registers is said of it. */
static void field_fill(struct build *b, const xmlNode *node, const struct m_element_row *row,
		       const struct m_command *c, struct tesla_register *r)
{
	const struct m_layer *l = &row->layer;

	if (row->address >= 0 || l->sentinel != NULL || l->bits != NULL ||
	    l->scale_register != NULL || l->type >= 0)
		xml_error(b->x, b->d, node,
			  "<element>: its variable is read by a command: expected neither address, "
			  "type, bits, sentinel nor scale-register");
	r->command = c->text;
	r->digits = c->digits;
	r->field = c->field;
}

static void register_fill(struct build *b, const xmlNode *node, const struct m_element_row *row,
			  const struct m_command *c, struct tesla_register *r)
{
	const struct m_layer *l = &row->layer;

	r->label = row->label;
	r->type = c->text ? TESLA_DECIMAL : (enum tesla_raw)(l->type + 1);
	r->count = registers_of[r->type];
	r->scale = l->scale;
	r->offset = l->offset;
	r->has_max = l->max >= 0;
	r->max = r->has_max ? l->max : 0;
	if (c->text != NULL)
		field_fill(b, node, row, c, r);
	else
		place_fill(b, node, row, r);
	if (l->scale == 0)
		xml_error(b->x, b->d, node, "<element>: scale is 0: expected another number");
}

static void label_check(struct build *b, const xmlNode *node, const struct tesla_variable *v,
			size_t n, const char *label)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v->elements[i]->label, label) == 0) {
			xml_error(
				b->x, b->d, node,
				"<element>: label is \"%.60s\", as that of another element of %s: "
				"expected different ones",
				label, v->name);
			return;
		}
}

static void elements_fill(struct build *b, const xmlNode *variable, const struct m_variable_row *of,
			  struct tesla_variable *v)
{
	struct m_command command = { of->command, (uint16_t)of->digits, 0 };
	size_t n = xml_count(variable, &m_element), i = 0;
	struct tesla_register *registers = arena_alloc(b->a, n, sizeof *registers);
	const struct tesla_register **rows = arena_alloc(b->a, n, sizeof(*rows));

	v->elements = rows;
	if (registers == NULL || rows == NULL)
		return;
	for (xmlNode *node = xml_child(variable, &m_element); node != NULL;
	     node = xml_next(node, &m_element)) {
		struct m_element_row row = { .label = "", .address = -1, .layer = of->layer };

		xml_read(node, m_element.attrs, &row, b->a);
		if (row.layer.type < 0 && of->command == NULL) {
			xml_error(b->x, b->d, node,
				  "<element> has no attribute type, nor has its <variable>");
			row.layer.type = TESLA_UINT16 - 1;
		}
		label_check(b, node, v, i, row.label);
		command.field = (uint16_t)i;
		register_fill(b, node, &row, &command, &registers[i]);
		modulus_set(b, node, v->kind, row.layer.modulus, &registers[i]);
		rows[i] = &registers[i];
		v->n_elements = ++i;
	}
}

/* ---- variables ---- */

static void values_fill(struct build *b, const xmlNode *variable, struct tesla_variable *v)
{
	size_t n = xml_count(variable, &m_value);
	struct tesla_value *values = arena_alloc(b->a, n, sizeof *values);
	const struct tesla_value **rows = arena_alloc(b->a, n, sizeof(*rows));

	v->values = rows;
	if (values == NULL || rows == NULL || n == 0)
		return;
	if (v->kind != TESLA_STATUS)
		xml_error(b->x, b->d, variable,
			  "<variable>: it has <value>, but is no status: expected kind=\"status\"");
	for (xmlNode *node = xml_child(variable, &m_value); node != NULL;
	     node = xml_next(node, &m_value)) {
		struct m_value_row row = { .text = "" };
		size_t i = v->n_values;

		xml_read(node, m_value.attrs, &row, b->a);
		for (size_t k = 0; k < i; k++)
			if (values[k].number == row.number)
				xml_error(b->x, b->d, node,
					  "<value>: number is %" PRId64
					  ", which has a text already",
					  row.number);
		values[i] = (struct tesla_value){ row.number, row.text };
		rows[i] = &values[i];
		v->n_values++;
	}
}

static void variable_check(struct build *b, const xmlNode *node, const struct m_variable_row *row)
{
	if (fabs(row->factor) < MODEL_FACTOR_MIN || fabs(row->factor) > MODEL_FACTOR_MAX)
		xml_error(b->x, b->d, node,
			  "<variable>: factor is %g: expected %g to %g, or the same below 0",
			  row->factor, MODEL_FACTOR_MIN, MODEL_FACTOR_MAX);
	if (row->rating > 0 && row->kind + 1 != TESLA_COUNTER)
		xml_error(b->x, b->d, node,
			  "<variable>: rating is given, but it is no counter: expected "
			  "kind=\"counter\"");
	if (row->rating == 0 && row->rating_register != NULL)
		xml_error(b->x, b->d, node,
			  "<variable>: rating-register is given, but no rating: expected both");
	if ((row->command != NULL) != (row->digits > 0))
		xml_error(b->x, b->d, node, "<variable>: expected command and digits, or neither");
}

static void variable_add(struct build *b, const xmlNode *node, struct tesla_variable *v)
{
	struct m_variable_row row = {
		.unit = "", .description = "", .factor = 1, .layer = b->base
	};

	xml_read(node, m_variable.attrs, &row, b->a);
	name_check(b, node, row.name);
	if (row.name != NULL && model_variable(b->m, row.name) != NULL)
		xml_error(b->x, b->d, node,
			  "<variable>: the name %.60s stands for another one already", row.name);
	variable_check(b, node, &row);
	*v = (struct tesla_variable){
		.name = row.name ? row.name : "",
		.unit = row.unit,
		.description = row.description,
		.kind = (enum tesla_variable_kind)(row.kind + 1),
		.predecessor_factor = row.factor,
		.rating = row.rating,
		.rating_scale = scale_named(b, node, "rating-register", row.rating_register),
	};
	elements_fill(b, node, &row, v);
	values_fill(b, node, v);
}

static void variables_fill(struct build *b, const xmlNode *root)
{
	size_t n = xml_count(root, &m_variable);
	struct tesla_variable *variables = arena_alloc(b->a, n, sizeof *variables);
	const struct tesla_variable **rows = arena_alloc(b->a, n, sizeof(*rows));

	b->m->pub.variables = rows;
	if (variables == NULL || rows == NULL || n > MODEL_VARIABLES_MAX)
		return;
	for (xmlNode *node = xml_child(root, &m_variable); node != NULL;
	     node = xml_next(node, &m_variable)) {
		size_t i = b->m->pub.n_variables;

		variable_add(b, node, &variables[i]);
		rows[i] = &variables[i];
		b->m->pub.n_variables++;
	}
}

static void scales_fill(struct build *b, const xmlNode *root)
{
	size_t n = xml_count(root, &m_scale);
	const struct tesla_scale **rows = arena_alloc(b->a, n, sizeof(*rows));

	b->scales = arena_alloc(b->a, n, sizeof *b->scales);
	b->m->pub.scales = rows;
	if (b->scales == NULL || rows == NULL)
		return;
	for (xmlNode *node = xml_child(root, &m_scale); node != NULL;
	     node = xml_next(node, &m_scale))
		scale_add(b, node, rows);
}

static void ranges_fill(struct build *b, const xmlNode *root)
{
	b->forbidden = arena_alloc(b->a, xml_count(root, &m_forbidden), sizeof *b->forbidden);
	b->m->forbidden = b->forbidden;
	if (b->forbidden == NULL)
		return;
	for (xmlNode *node = xml_child(root, &m_forbidden); node != NULL;
	     node = xml_next(node, &m_forbidden))
		forbidden_add(b, node);
}

/* ---- the model ---- */

static void model_read(struct build *b, const xmlNode *root)
{
	struct m_model_row row = {
		.proven = true,
		.turnaround_ms = -1,
		.late_max_ms = -1,
		.layer = { .function = 3, .type = -1, .scale = 1, .max = -1, .modulus = -1 },
	};
	struct model *m = b->m;

	xml_read(root, m_model.attrs, &row, b->a);
	m->pub.size = sizeof m->pub;
	m->pub.name = row.name;
	m->pub.manufacturer = row.manufacturer;
	m->pub.scales_every_sweep = row.scale_read == 1;
	m->proven = row.proven;
	m->pub.max_registers = (uint32_t)row.max_registers;
	m->turnaround_us = row.turnaround_ms < 0 ? -1 : row.turnaround_ms * 1000;
	m->pause_ms = row.pause_ms;
	m->late_max_ms = row.late_max_ms;
	m->file = arena_strdup(b->a, xml_file(b->x));
	m->description = xml_text(xml_child(root, &m_description), b->a);
	b->base = row.layer;
	m->sunspec = (uint16_t)row.sunspec;
	ranges_fill(b, root);
	model_recognise_read(b, root);
	model_texts_read(b, root);
	scales_fill(b, root);
	variables_fill(b, root);
}

struct model *model_parse(const char *file, const char *text, size_t len, struct diags *diags)
{
	struct model *m = calloc(1, sizeof *m);
	struct xml *x = xml_parse(file, text, len, diags);
	size_t before = diags->n_errors;

	if (m != NULL && x != NULL) {
		struct build b = { .m = m, .a = &m->memory, .x = x, .d = diags };

		xml_check(x, &m_model, diags);
		if (xml_named(xml_root(x), &m_model))
			model_read(&b, xml_root(x));
	}
	if (m == NULL || m->memory.failed)
		diags_error(diags, file, 0, 0, "cannot be read: no memory is left");
	if (x == NULL || diags->n_errors > before) {
		model_free(m);
		m = NULL;
	}
	xml_free(x);
	return m;
}

void model_free(struct model *m)
{
	if (m == NULL)
		return;
	arena_release(&m->memory);
	free(m);
}

size_t model_n_texts(const struct model *m)
{
	return m->n_texts + (m->sunspec != 0);
}

const char *model_text_label(const struct model *m, size_t i)
{
	return i < m->n_texts ? m->texts[i].label : "serial";
}

const struct tesla_variable *model_variable(const struct model *m, const char *name)
{
	for (size_t i = 0; i < m->pub.n_variables; i++)
		if (strcmp(m->pub.variables[i]->name, name) == 0)
			return m->pub.variables[i];
	return NULL;
}
