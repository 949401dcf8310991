/* SPDX-License-Identifier: Apache-2.0 */
/* Records and parameters for the tests of clientRest. */
#ifndef T_REST_FIXTURE_H
#define T_REST_FIXTURE_H

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "../../plugins/export/clientRest/conf.h"
#include "base/cleanup.h"
#include "base/param.h"

#define QUARTER_MS ((int64_t)15 * 60 * 1000)
#define END_MS ((int64_t)1793351700000) /* 2026-10-30T09:15:00Z */

#define GAUGE(v, q) \
	{ \
		(v), (v)-1, (v) + 1, NAN, 900000, 900, (q) \
	}
#define COUNTER(v, by, q) \
	{ \
		(v), NAN, NAN, (by), 900000, 15, (q) \
	}
#define ABSENT(q) \
	{ \
		NAN, NAN, NAN, NAN, 0, 0, (q) \
	}

/* A name, unit, kind, factor and up to three elements; `name` NULL: there is none. */
struct made_variable {
	const char *name, *unit;
	enum tesla_variable_kind kind;
	double factor;
	size_t n;
	struct tesla_record_element elements[3];
};

struct made_record {
	struct tesla_item item;
	struct tesla_record_variable variables[4];
	const struct tesla_record_variable *list[4];
};

/* `rows` lives as long as the record. */
static inline void record_make(struct made_record *r, const struct made_variable *rows, size_t n)
{
	*r = (struct made_record){ .item = { .kind = TESLA_RECORD,
					     .analyzer = 1,
					     .start_ms = END_MS - QUARTER_MS,
					     .t_ms = END_MS,
					     .model = "PM710",
					     .variables = r->list } };
	for (size_t i = 0; i < n && rows[i].name != NULL; i++) {
		r->variables[i] = (struct tesla_record_variable){ rows[i].name, rows[i].unit,
								  rows[i].kind, rows[i].factor,
								  rows[i].n,	rows[i].elements };
		r->list[i] = &r->variables[i];
		r->item.n_variables++;
	}
}

static const struct made_variable plain_rows[] = {
	{ "TPF", "V", TESLA_GAUGE, 1, 2, { GAUGE(230.5, TESLA_GOOD), GAUGE(231, TESLA_GOOD) } },
};

struct setting {
	const char *name, *value;
};

/* The plugin's own table, its defaults, and what a user sets. */
static inline void conf_make(struct conf *c, const struct setting *settings, size_t n)
{
	struct tesla_error err = { 0 };

	*c = (struct conf){ 0 };
	cr_assert_eq(tesla_plugin.conf_size, sizeof *c);
	cr_assert_eq(param_defaults(tesla_plugin.params, c, &err), 0, "%s", err.text);
	for (size_t i = 0; i < n && settings[i].name != NULL; i++) {
		const struct tesla_param *row = param_find(tesla_plugin.params, settings[i].name);

		cr_assert_not_null(row, "%s", settings[i].name);
		cr_assert_eq(param_set(row, settings[i].value, c, &err), 0, "%s", err.text);
	}
}

#endif
