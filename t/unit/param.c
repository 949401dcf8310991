/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters by table: texts, bounds, units. */
#include "base/param.h"

#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"

struct conf {
	int64_t count, wait_ms;
	double ratio;
	bool on;
	const char *text;
	int colour;
};

static const char *const colours[] = { "red", "green", NULL };
static const struct tesla_param rows[] = {
	TESLA_P_INT("count", struct conf, count, .min = 1, .max = 10, .dflt = "3"),
	TESLA_P_REAL("ratio", struct conf, ratio, .dflt = "0.5"),
	TESLA_P_BOOL("on", struct conf, on, .dflt = "yes"),
	TESLA_P_STR("text", struct conf, text, .flags = TESLA_REQUIRED),
	TESLA_P_CHOICE("colour", struct conf, colour, .choices = colours, .dflt = "green"),
	TESLA_P_MS("wait", struct conf, wait_ms, .min = 10, .max = 60000, .unit = "s",
		   .dflt = "0.02"),
	TESLA_P_END
};

static const struct {
	const char *name, *text;
	int r;
	double stored;
	const char *why;
} cases[] = {
	{ "count", "7", 0, 7, NULL },
	{ "count", " 7\t", 0, 7, NULL },
	{ "count", "1e1", 0, 10, NULL },
	{ "count", "11", -ERANGE, 0, "count is \"11\": expected 1 to 10" },
	{ "count", "0", -ERANGE, 0, "expected 1 to 10" },
	{ "count", "2.5", -EINVAL, 0, "count is \"2.5\": expected a whole number" },
	{ "count", "", -EINVAL, 0, "expected a whole number" },
	{ "count", "7x", -EINVAL, 0, "expected a whole number" },
	{ "count", "0x7", -EINVAL, 0, "expected a whole number" },
	{ "ratio", "-1.5e2", 0, -150, NULL },
	{ "ratio", "nan", -EINVAL, 0, "expected a number" },
	{ "ratio", "inf", -EINVAL, 0, "expected a number" },
	{ "ratio", "0x1p3", -EINVAL, 0, "expected a number" },
	{ "ratio", "1e999", -EINVAL, 0, "expected a number" },
	{ "on", "TRUE", 0, 1, NULL },
	{ "on", "off", 0, 0, NULL },
	{ "on", "2", -EINVAL, 0, "on is \"2\": expected true or false" },
	{ "text", "", -EINVAL, 0, "text is empty" },
	{ "colour", "Red", 0, 0, NULL },
	{ "colour", "blue", -EINVAL, 0, "expected one of red, green" },
	{ "wait", "0.5", 0, 500, NULL },
	{ "wait", "20ms", 0, 20, NULL },
	{ "wait", "1 min", 0, 60000, NULL },
	{ "wait", "1 h", -ERANGE, 0, "wait is \"1 h\": expected 0.01 to 60 s" },
	{ "wait", "1 m", -EINVAL, 0, "expected seconds, such as 0.5, or 500 ms, 10 min" },
	{ "wait", "-1", -EINVAL, 0, "expected seconds" },
	{ "wait", "5 s s", -EINVAL, 0, "expected seconds" },
};

static double stored(const struct conf *c, const struct tesla_param *row)
{
	switch (row->type) {
	case TESLA_T_INT:
		return (double)c->count;
	case TESLA_T_REAL:
		return c->ratio;
	case TESLA_T_BOOL:
		return c->on;
	case TESLA_T_CHOICE:
		return c->colour;
	default:
		return (double)c->wait_ms;
	}
}

Test(param, set)
{
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		const struct tesla_param *row = param_find(rows, cases[i].name);
		struct conf c = { .colour = -1 };
		struct tesla_error err = { 0 };
		int r = param_set(row, cases[i].text, &c, &err);

		cr_expect_eq(r, cases[i].r, "%s=\"%s\": %d", cases[i].name, cases[i].text, r);
		cr_expect_eq(param_set(row, cases[i].text, NULL, &err), r,
			     "checking alone says the same");
		if (cases[i].why != NULL)
			cr_expect_not_null(strstr(err.text, cases[i].why), "%s", err.text);
		else
			cr_expect_eq(stored(&c, row), cases[i].stored, "%s=\"%s\"", cases[i].name,
				     cases[i].text);
	}
}

Test(param, defaults_and_find)
{
	struct conf c = { 0 };
	struct tesla_error err;

	cr_expect_eq(param_defaults(rows, &c, &err), 0);
	cr_expect(c.count == 3 && c.ratio == 0.5 && c.on && c.text == NULL && c.colour == 1 &&
		  c.wait_ms == 20);
	cr_expect_null(param_find(rows, "Count"));
	cr_expect_null(param_find(NULL, "count"));
	cr_expect_eq(param_defaults(NULL, NULL, &err), 0);
}

static const struct {
	const char *text;
	double unit_ms;
	int r;
	int64_t ms;
} durations[] = {
	{ "15", 60000, 0, 900000 },   { "15 s", 60000, 0, 15000 },
	{ "1.5 h", 1, 0, 5400000 },   { "90 d", 1, 0, 7776000000 },
	{ "0", 1000, 0, 0 },	      { ".5", 1000, 0, 500 },
	{ "1e3 ms", 1, 0, 1000 },     { "1e12 ms", 1, 0, 1000000000000 },
	{ "1e13 ms", 1, -EINVAL, 0 }, { "1e10 h", 1, -EINVAL, 0 },
	{ "h", 1, -EINVAL, 0 },	      { "", 1, -EINVAL, 0 },
	{ "1 H", 1, -EINVAL, 0 },
};

Test(param, duration_parse)
{
	for (size_t i = 0; i < N_ELEMENTS(durations); i++) {
		int64_t ms = 0;

		cr_expect_eq(duration_parse_ms(durations[i].text, durations[i].unit_ms, &ms),
			     durations[i].r, "%s", durations[i].text);
		cr_expect_eq(ms, durations[i].ms, "%s", durations[i].text);
	}
}

static const struct {
	int64_t ms;
	const char *text;
} formats[] = {
	{ 0, "0 s" }, { 500, "0.5 s" }, { 90000, "90 s" }, { 900000, "15 min" }, { 7200000, "2 h" },
};

Test(param, duration_format)
{
	for (size_t i = 0; i < N_ELEMENTS(formats); i++) {
		char text[32];

		duration_format(formats[i].ms, text, sizeof text);
		cr_expect_str_eq(text, formats[i].text);
	}
}
