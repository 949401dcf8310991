/* SPDX-License-Identifier: Apache-2.0 */
/* What the store's numbers are called in Prometheus. */
#include "central/prom.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"

#define TEXT_MAX (64u << 10) /* of all labels of a series */

/* As Prometheus' users write units: words, in the plural.  Another one as it is. */
static const struct {
	const char *unit, *word;
} units[] = {
	{ "V", "volts" },	{ "A", "amperes" },	 { "Hz", "hertz" },
	{ "W", "watts" },	{ "var", "vars" },	 { "VA", "volt_amperes" },
	{ "Wh", "watt_hours" }, { "varh", "var_hours" }, { "VAh", "volt_ampere_hours" },
	{ "%", "percent" },	{ "degC", "celsius" },	 { "deg", "degrees" },
	{ "s", "seconds" },
};

/* Not as a label: sum(tesla_PAT_watts) would add minima to means. */
static const struct stat {
	enum tesla_variable_kind kind;
	enum store_field field;
	const char *suffix;
} stats[] = {
	{ TESLA_GAUGE, STORE_VALUE, "" },
	{ TESLA_GAUGE, STORE_MIN, "_min" },
	{ TESLA_GAUGE, STORE_MAX, "_max" },
	{ TESLA_COUNTER, STORE_VALUE, "_total" },
	{ TESLA_COUNTER, STORE_INCREASE, "_increase" },
	{ TESLA_STATUS, STORE_VALUE, "" },
};

static const struct stat *find_stat(enum tesla_variable_kind kind, enum store_field field)
{
	for (size_t i = 0; i < N_ELEMENTS(stats); i++)
		if (stats[i].kind == kind && stats[i].field == field)
			return &stats[i];
	return NULL;
}

bool prom_offers(enum tesla_variable_kind kind, enum store_field field)
{
	return find_stat(kind, field) != NULL;
}

static const char *unit_word(const char *unit)
{
	for (size_t i = 0; i < N_ELEMENTS(units); i++)
		if (strcmp(units[i].unit, unit) == 0)
			return units[i].word;
	return unit;
}

void prom_labels_init(struct prom_labels *l)
{
	l->n = 0;
	buf_init(&l->text, TEXT_MAX);
}

void prom_labels_release(struct prom_labels *l)
{
	l->n = 0;
	buf_release(&l->text);
}

static void add(struct prom_labels *l, const char *text)
{
	(void)buf_append(&l->text, text, strlen(text)); /* failures are kept in it */
}

/* Letters, digits and underscores; the label `variable` tells apart what becomes the same. */
static void add_name(struct prom_labels *l, const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_";
	size_t from = l->text.pub.len;

	add(l, text);
	for (size_t i = from; i < l->text.pub.len; i++)
		if (strchr(letters, l->text.pub.bytes[i]) == NULL)
			l->text.pub.bytes[i] = '_';
}

static void add_metric(struct prom_labels *l, const struct prom_series *s)
{
	const struct stat *stat = find_stat(s->kind, s->field);

	assert(stat != NULL);
	add(l, "tesla_");
	add_name(l, s->variable);
	if (s->unit[0] != '\0') {
		add(l, "_");
		add_name(l, unit_word(s->unit));
	}
	add(l, stat->suffix);
}

/* Values lie one behind the other, each with a NUL; the memory may still move. */
static void end_value(struct prom_labels *l, const char *name)
{
	assert(l->n < PROM_LABELS_MAX);
	l->at[l->n++] = (struct prom_label){ .name = name };
	(void)buf_append(&l->text, "", 1);
}

static void add_label(struct prom_labels *l, const char *name, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	add(l, value);
	end_value(l, name);
}

static void point_at_values(struct prom_labels *l)
{
	char *at = (char *)l->text.pub.bytes;

	for (size_t i = 0; i < l->n; i++) {
		size_t len = strlen(at);

		(void)utf8_clean(at, len, UTF8_ANY); /* Prometheus refuses an answer with others */
		l->at[i].value = at;
		at += len + 1;
	}
}

int prom_labels_set(struct prom_labels *l, const struct prom_series *s, struct tesla_error *err)
{
	char analyzer[24];

	(void)snprintf(analyzer, sizeof analyzer, "%" PRId64, s->analyzer);
	l->n = 0;
	buf_clear(&l->text);
	add_metric(l, s);
	end_value(l, "__name__");
	add_label(l, "analyzer", analyzer);
	add_label(l, "element", s->element);
	add_label(l, "model", s->model);
	add_label(l, "node", s->node);
	add_label(l, "variable", s->variable);
	if (l->text.failed) {
		l->n = 0;
		return tesla_fail(err, -ENOMEM, "no memory for the labels of a series");
	}
	point_at_values(l);
	return 0;
}
