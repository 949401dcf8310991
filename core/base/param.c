/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters by table: one text, one row, one member of a conf struct. */
#include "base/param.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

const struct tesla_param *param_find(const struct tesla_param *table, const char *name)
{
	for (const struct tesla_param *p = table; p != NULL && p->type != TESLA_T_END; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static const struct {
	const char *suffix;
	double ms;
} units[] = {
	{ "ms", 1 }, { "s", 1000 }, { "min", 60000 }, { "h", 3600000 }, { "d", 86400000 },
};

/* Decimal only: strtod alone would take "inf", "nan" and "0x10". */
static int number_parse(const char *text, double *ret, const char **rest)
{
	char *end, stop;

	text += strspn(text, " \t\r\n");
	stop = text[strspn(text, "+-.0123456789eE")];
	if (stop == 'x' || stop == 'X' || strcspn(text, "0123456789") > 2)
		return -EINVAL;
	*ret = strtod(text, &end);
	if (end == text || !isfinite(*ret))
		return -EINVAL;
	*rest = end + strspn(end, " \t\r\n");
	return 0;
}

int duration_parse_ms(const char *text, double unit_ms, int64_t *ret)
{
	double v;
	const char *rest;

	if (number_parse(text, &v, &rest) != 0 || v < 0)
		return -EINVAL;
	if (*rest != '\0') {
		size_t i = 0, len = strcspn(rest, " \t\r\n");

		while (i < N_ELEMENTS(units) &&
		       (strlen(units[i].suffix) != len || strncmp(rest, units[i].suffix, len) != 0))
			i++;
		if (i == N_ELEMENTS(units) || rest[len + strspn(rest + len, " \t\r\n")] != '\0')
			return -EINVAL;
		unit_ms = units[i].ms;
	}
	if (v * unit_ms > 1e12)
		return -EINVAL;
	*ret = llround(v * unit_ms);
	return 0;
}

void duration_format(int64_t ms, char *text, size_t size)
{
	if (ms != 0 && ms % 3600000 == 0)
		(void)snprintf(text, size, "%" PRId64 " h", ms / 3600000);
	else if (ms != 0 && ms % 60000 == 0)
		(void)snprintf(text, size, "%" PRId64 " min", ms / 60000);
	else
		(void)snprintf(text, size, "%.10g s", (double)ms / 1000);
}

static int bounds_check(const struct tesla_param *row, const char *text, double v, double per_unit,
			struct tesla_error *err)
{
	const char *unit = row->unit ? row->unit : "";

	if (row->min == 0 && row->max == 0)
		return 0;
	if (v >= row->min && v <= row->max)
		return 0;
	return tesla_fail(err, -ERANGE, "%s is \"%s\": expected %.10g to %.10g %s", row->name, text,
			  row->min / per_unit, row->max / per_unit, unit);
}

static int set_int(const struct tesla_param *row, const char *text, void *at,
		   struct tesla_error *err)
{
	double v;
	const char *rest;

	if (number_parse(text, &v, &rest) != 0 || *rest != '\0' || v != trunc(v) || fabs(v) > 9e15)
		return tesla_fail(err, -EINVAL, "%s is \"%s\": expected a whole number", row->name,
				  text);
	if (at != NULL)
		*(int64_t *)at = (int64_t)v;
	return bounds_check(row, text, v, 1, err);
}

static int set_real(const struct tesla_param *row, const char *text, void *at,
		    struct tesla_error *err)
{
	double v;
	const char *rest;

	if (number_parse(text, &v, &rest) != 0 || *rest != '\0')
		return tesla_fail(err, -EINVAL, "%s is \"%s\": expected a number", row->name, text);
	if (at != NULL)
		*(double *)at = v;
	return bounds_check(row, text, v, 1, err);
}

static int set_ms(const struct tesla_param *row, const char *text, void *at,
		  struct tesla_error *err)
{
	int64_t v;

	if (duration_parse_ms(text, 1000, &v) != 0)
		return tesla_fail(err, -EINVAL,
				  "%s is \"%s\": expected seconds, such as 0.5, or 500 ms, 10 min",
				  row->name, text);
	if (at != NULL)
		*(int64_t *)at = v;
	return bounds_check(row, text, (double)v, 1000, err);
}

static int set_bool(const struct tesla_param *row, const char *text, void *at,
		    struct tesla_error *err)
{
	static const struct {
		const char *word;
		bool v;
	} words[] = {
		{ "true", true },   { "yes", true }, { "on", true },   { "1", true },
		{ "false", false }, { "no", false }, { "off", false }, { "0", false },
	};

	for (size_t i = 0; i < N_ELEMENTS(words); i++) {
		if (strcasecmp(text, words[i].word) == 0) {
			if (at != NULL)
				*(bool *)at = words[i].v;
			return 0;
		}
	}
	return tesla_fail(err, -EINVAL, "%s is \"%s\": expected true or false", row->name, text);
}

static int set_str(const struct tesla_param *row, const char *text, void *at,
		   struct tesla_error *err)
{
	if ((row->flags & TESLA_REQUIRED) && *text == '\0')
		return tesla_fail(err, -EINVAL, "%s is empty", row->name);
	if (at != NULL)
		*(const char **)at = text;
	return 0;
}

static int set_choice(const struct tesla_param *row, const char *text, void *at,
		      struct tesla_error *err)
{
	char known[160] = "";
	size_t len = 0;

	for (int i = 0; row->choices[i] != NULL; i++) {
		if (strcasecmp(text, row->choices[i]) == 0) {
			if (at != NULL)
				*(int *)at = i;
			return 0;
		}
		if (len < sizeof known)
			len += (size_t)snprintf(known + len, sizeof known - len, "%s%s",
						i ? ", " : "", row->choices[i]);
	}
	return tesla_fail(err, -EINVAL, "%s is \"%s\": expected one of %s", row->name, text, known);
}

int param_set(const struct tesla_param *row, const char *text, void *conf, struct tesla_error *err)
{
	static int (*const set[])(const struct tesla_param *, const char *, void *,
				  struct tesla_error *) = {
		[TESLA_T_INT] = set_int, [TESLA_T_REAL] = set_real,	[TESLA_T_BOOL] = set_bool,
		[TESLA_T_STR] = set_str, [TESLA_T_CHOICE] = set_choice, [TESLA_T_MS] = set_ms,
	};

	if (row->type <= TESLA_T_END || row->type >= N_ELEMENTS(set))
		return tesla_fail(err, -EINVAL, "%s has a type that this version does not know",
				  row->name);
	return set[row->type](row, text, conf ? (char *)conf + row->offset : NULL, err);
}

int param_defaults(const struct tesla_param *table, void *conf, struct tesla_error *err)
{
	for (const struct tesla_param *p = table; p != NULL && p->type != TESLA_T_END; p++) {
		int r = p->dflt ? param_set(p, p->dflt, conf, err) : 0;

		if (r != 0)
			return r;
	}
	return 0;
}
