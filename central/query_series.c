/* SPDX-License-Identifier: Apache-2.0 */
/* Names of series and of aggregates. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "central/query.h"

const char *const store_field_names[STORE_N_FIELDS] = {
	[STORE_VALUE] = "value",	   [STORE_MIN] = "min",	    [STORE_MAX] = "max",
	[STORE_INCREASE] = "increase",	   [STORE_COUNT] = "count", [STORE_QUALITY] = "quality",
	[STORE_COVERED_MS] = "covered_ms",
};

const char *const aggregate_names[N_AGGREGATES] = {
	[AGGREGATE_MEAN] = "mean",   [AGGREGATE_MIN] = "min",
	[AGGREGATE_MAX] = "max",     [AGGREGATE_SUM] = "sum",
	[AGGREGATE_LAST] = "last",   [AGGREGATE_INCREASE] = "increase",
	[AGGREGATE_COUNT] = "count", [AGGREGATE_COVERAGE] = "coverage",
};

static int name_find(const char *const *names, size_t n, const char *text, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(names[i]) == len && memcmp(names[i], text, len) == 0)
			return (int)i;
	return -1;
}

static int number_parse(const char *what, const char *text, int64_t *ret, struct tesla_error *err)
{
	char *end;

	errno = 0;
	*ret = strtoll(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0)
		return tesla_fail(err, -EINVAL, "%s is \"%.40s\": expected a whole number", what,
				  text);
	return 0;
}

static int text_take(const char *what, const char *text, char *ret, size_t size,
		     struct tesla_error *err)
{
	size_t len = strlen(text);

	if (len == 0 || len >= size)
		return tesla_fail(err, -EINVAL, "%s has %zu bytes: expected 1 to %zu", what, len,
				  size - 1);
	memcpy(ret, text, len + 1);
	if (utf8_clean(ret, len, UTF8_LINE) != len || memcmp(ret, text, len) != 0)
		return tesla_fail(err, -EINVAL, "%s has bytes that are no writing", what);
	return 0;
}

int series_parts(const char *const parts[5], struct series_name *ret, struct tesla_error *err)
{
	const char *field = parts[4] != NULL ? parts[4] : store_field_names[STORE_VALUE];
	int which, r;

	for (int i = 0; i < 3; i++)
		if (parts[i] == NULL)
			return tesla_fail(err, -EINVAL,
					  "expected node, analyzer and variable, or s=4/1/TPF");
	r = text_take("node", parts[0], ret->node, sizeof ret->node, err);
	if (r == 0)
		r = number_parse("analyzer", parts[1], &ret->analyzer, err);
	if (r == 0)
		r = text_take("variable", parts[2], ret->variable, sizeof ret->variable, err);
	if (r == 0)
		r = number_parse("element", parts[3] != NULL ? parts[3] : "1", &ret->element, err);
	if (r != 0)
		return r;
	which = name_find(store_field_names, STORE_N_FIELDS, field, strlen(field));
	if (ret->element < 1)
		return tesla_fail(err, -EINVAL, "element is 0: they count from 1");
	if (which < 0)
		return tesla_fail(err, -EINVAL,
				  "field is \"%.40s\": expected value, min, max, increase, "
				  "covered_ms, count or quality",
				  field);
	ret->field = (enum store_field)which;
	return 0;
}

int series_parse(const char *text, struct series_name *ret, struct tesla_error *err)
{
	char copy[SERIES_NODE_MAX + SERIES_VARIABLE_MAX + 64];
	const char *parts[5] = { NULL };
	char *rest = copy;
	size_t n = 0;

	if (text_take("s", text, copy, sizeof copy, err) != 0)
		return -EINVAL;
	while (rest != NULL && n < N_ELEMENTS(parts))
		parts[n++] = strsep(&rest, "/");
	if (rest != NULL)
		return tesla_fail(err, -EINVAL,
				  "s is \"%.80s\": expected node/analyzer/variable/element/field",
				  text);
	return series_parts(parts, ret, err);
}

int aggregates_parse(const char *text, enum aggregate_column ret[N_AGGREGATES], size_t *n,
		     struct tesla_error *err)
{
	bool seen[N_AGGREGATES] = { false };

	*n = 0;
	for (int i = 0; text == NULL && i < N_AGGREGATES; i++)
		ret[(*n)++] = (enum aggregate_column)i;
	while (text != NULL) {
		size_t len = strcspn(text, ",");
		int which = name_find(aggregate_names, N_AGGREGATES, text, len);

		if (which < 0 || seen[which])
			return tesla_fail(err, -EINVAL,
					  "aggregates: \"%.40s\": expected mean, min, max, sum, "
					  "last, increase, count, coverage, each once",
					  text);
		seen[which] = true;
		ret[(*n)++] = (enum aggregate_column)which;
		text = text[len] == ',' ? text + len + 1 : NULL;
	}
	return 0;
}

unsigned aggregates_wanted(const enum aggregate_column *columns, size_t n)
{
	static const unsigned bits[N_AGGREGATES] = {
		[AGGREGATE_MEAN] = STORE_MEAN,	  [AGGREGATE_MIN] = STORE_EXTREMES,
		[AGGREGATE_MAX] = STORE_EXTREMES, [AGGREGATE_SUM] = STORE_SUM,
		[AGGREGATE_LAST] = STORE_LAST,	  [AGGREGATE_INCREASE] = STORE_GAIN,
	};
	unsigned wanted = 0;

	for (size_t i = 0; i < n; i++)
		wanted |= bits[columns[i]];
	return wanted;
}
