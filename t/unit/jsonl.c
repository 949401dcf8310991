/* SPDX-License-Identifier: Apache-2.0 */
/* Records as JSON lines: what was written reads back as it was, every number to the bit. */
#include "central/jsonl.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define RANDOM_NUMBERS 20000

static const double edges[] = {
	0.0,
	-0.0,
	1,
	-1,
	0.1,
	230.1,
	1e15,
	1e22,
	-1e23,
	9007199254740993.0,
	9223372036854775807.0, /* 2^63, more than an integer has */
	-9223372036854775808.0,
	18446744073709551616.0,
	DBL_MAX,
	-DBL_MAX,
	DBL_MIN,
	-DBL_MIN,
	DBL_EPSILON,
	0x1p-1074, /* the least there is, 4.9e-324 */
	-0x1p-1074,
	0x1.fffffffffffffp-1023, /* the greatest that is denormal */
	0x0.0000000000003p-1022,
};

/* A status may have any finite number. */
static void there_and_back(double v)
{
	const struct tesla_record_element element = {
		.value = v, .min = NAN, .max = NAN, .increase = NAN, .count = 1, .covered_ms = 1000
	};
	const struct tesla_record_variable variable = { .name = "V",
							.unit = "",
							.kind = TESLA_STATUS,
							.predecessor_factor = 1,
							.n_elements = 1,
							.elements = &element };
	const struct tesla_record_variable *const list[] = { &variable };
	const struct record r = {
		.analyzer = 1, .end_ms = 1000, .model = "M", .n_variables = 1, .variables = list
	};
	struct arena memory = { 0 };
	struct tesla_error err = { 0 };
	_cleanup_free_ char *line = NULL;
	struct jsonl_record got;
	size_t len = 0;
	FILE *out = open_memstream(&line, &len);

	cr_assert_eq(jsonl_write(out, "4", &r, &err), 0, "%a: %s", v, err.text);
	(void)fclose(out);
	cr_assert_eq(jsonl_read(line, len - 1, &memory, &got, &err), 0, "%a: %s: %s", v, line,
		     err.text);
	cr_assert_str_eq(got.node, "4");
	cr_expect_eq(memcmp(&got.record.variables[0]->elements[0].value, &v, sizeof v), 0,
		     "%a came back as %a: %s", v, got.record.variables[0]->elements[0].value, line);
	arena_release(&memory);
}

Test(jsonl, edges)
{
	for (size_t i = 0; i < N_ELEMENTS(edges); i++)
		there_and_back(edges[i]);
}

/* Any bits that are a number: of every exponent some. */
Test(jsonl, any_number)
{
	uint64_t z = 38;

	for (size_t i = 0; i < RANDOM_NUMBERS; i++) {
		double v;

		z = z * UINT64_C(6364136223846793005) + 1442695040888963407;
		memcpy(&v, &z, sizeof v);
		if (isfinite(v))
			there_and_back(v);
	}
}

static const struct {
	const char *value, *why;
} refused[] = {
	{ "1e999", "value" }, { "-1e999", "value" }, { "\"1\"", "value" },
	{ "true", "value" },  { "[1]", "value" },
};

Test(jsonl, what_is_no_number)
{
	for (size_t i = 0; i < N_ELEMENTS(refused); i++) {
		struct arena memory = { 0 };
		struct tesla_error err = { 0 };
		struct jsonl_record got;
		char line[400];
		int len = snprintf(line, sizeof line,
				   "{\"analyzer\":1,\"start_ms\":0,\"end_ms\":1000,\"model\":\"M\","
				   "\"identity\":null,\"variables\":{\"V\":{\"unit\":\"\","
				   "\"kind\":\"status\",\"value\":[%s],\"count\":[1],"
				   "\"covered_ms\":[1],\"quality\":[0]}}}",
				   refused[i].value);

		cr_expect_neq(jsonl_read(line, (size_t)len, &memory, &got, &err), 0, "%s",
			      refused[i].value);
		cr_expect(strstr(err.text, refused[i].why) != NULL, "%s: %s", refused[i].value,
			  err.text);
		arena_release(&memory);
	}
}
