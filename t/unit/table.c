/* SPDX-License-Identifier: Apache-2.0 */
/* Tables in their three forms, and numbers as text. */
#include "central/table.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mp.h"
#include "base/number.h"

static const struct table_column columns[] = {
	{ "end_ms", "end", TABLE_TIME },
	{ "n", NULL, TABLE_INT },
	{ "text", NULL, TABLE_TEXT },
	{ "value", NULL, TABLE_REAL },
};
static const int64_t times[] = { 0, 1796033730250, INT64_MIN };
static const int64_t ints[] = { 7, INT64_MIN, -300 };
static const char *const texts[] = { "a,\"b\"\n", NULL, "\xc3\xa1\\\x01" };
static const double reals[] = { 0.1, NAN, -INFINITY };
static const union table_cells cells[] = {
	{ .ints = times }, { .ints = ints }, { .texts = texts }, { .reals = reals }
};
static const struct table_label labels[] = { { "node", "n\"4", 0 }, { "analyzer", NULL, 12 } };

/* Rows in two pieces. */
static void write_all(struct table *t, struct buf *out)
{
	buf_init(out, 1 << 20);
	if (t->form == TABLE_CSV)
		table_csv_head(t, out);
	table_open(t, labels, N_ELEMENTS(labels), out);
	table_rows(t, cells, 0, 1, out);
	table_rows(t, cells, 1, 0, out);
	table_rows(t, cells, 1, 2, out);
	table_close(t, out);
	table_end(t->form, out);
	(void)buf_append(out, "", 1);
	cr_assert(!out->failed);
}

static const struct {
	enum table_form form;
	bool iso;
	const char *series, *text;
} cases[] = {
	{ TABLE_JSON, false, NULL,
	  "{\"node\":\"n\\\"4\",\"analyzer\":12,\"columns\":[\"end_ms\",\"n\",\"text\",\"value\"],"
	  "\"rows\":[[0,7,\"a,\\\"b\\\"\\u000a\",0.1],[1796033730250,null,null,null],"
	  "[null,-300,\"\xc3\xa1\\\\\\u0001\",null]]}" },
	{ TABLE_JSON, true, NULL,
	  "{\"node\":\"n\\\"4\",\"analyzer\":12,\"columns\":[\"end\",\"n\",\"text\",\"value\"],"
	  "\"rows\":[[\"1970-01-01T00:00:00Z\",7,\"a,\\\"b\\\"\\u000a\",0.1],"
	  "[\"2026-11-30T10:15:30.250Z\",null,null,null],"
	  "[null,-300,\"\xc3\xa1\\\\\\u0001\",null]]}" },
	{ TABLE_CSV, true, NULL,
	  "end,n,text,value\n1970-01-01T00:00:00Z,7,\"a,\"\"b\"\"\n\",0.1\n"
	  "2026-11-30T10:15:30.250Z,,,\n,-300,\xc3\xa1\\\x01,\n" },
	{ TABLE_CSV, false, "4/1/T,F",
	  "series,end_ms,n,text,value\n\"4/1/T,F\",0,7,\"a,\"\"b\"\"\n\",0.1\n"
	  "\"4/1/T,F\",1796033730250,,,\n\"4/1/T,F\",,-300,\xc3\xa1\\\x01,\n" },
};

Test(table, texts)
{
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct table t = { .form = cases[i].form,
				   .iso = cases[i].iso,
				   .columns = columns,
				   .n_columns = N_ELEMENTS(columns),
				   .series = cases[i].series };
		struct buf out;

		write_all(&t, &out);
		cr_expect_str_eq((char *)out.pub.bytes, cases[i].text, "case %zu: %s", i,
				 (char *)out.pub.bytes);
		buf_release(&out);
	}
}

/* What is packed, value by value, as JSON. */
Test(table, msgpack)
{
	static const char *const want[] = {
		"{\"node\":\"n\\\"4\",\"analyzer\":12,\"columns\":[\"end_ms\",\"n\",\"text\","
		"\"value\"]}",
		"{\"end_ms\":[0],\"n\":[7],\"text\":[\"a,\\\"b\\\"\\n\"],\"value\":[0.1]}",
		"{\"end_ms\":[1796033730250,null],\"n\":[null,-300],\"text\":[null,"
		"\"\xc3\xa1\\\\\\u0001\"],\"value\":[null,null]}",
		"{\"end\":true}",
	};
	struct table t = { .form = TABLE_MSGPACK,
			   .iso = true,
			   .columns = columns,
			   .n_columns = N_ELEMENTS(columns) };
	msgpack_unpacked u;
	struct buf out, text;
	size_t at = 0;

	write_all(&t, &out);
	msgpack_unpacked_init(&u);
	for (size_t i = 0; i < N_ELEMENTS(want); i++) {
		struct tesla_error err;

		cr_assert_eq(msgpack_unpack_next(&u, (char *)out.pub.bytes, out.pub.len - 1, &at),
			     MSGPACK_UNPACK_SUCCESS, "value %zu", i);
		buf_init(&text, 10000);
		cr_assert_eq(json_write(&text, &u.data, &err), 0, "%s", err.text);
		(void)buf_append(&text, "", 1);
		cr_expect_str_eq((char *)text.pub.bytes, want[i]);
		buf_release(&text);
	}
	cr_expect_eq(at, out.pub.len - 1);
	msgpack_unpacked_destroy(&u);
	buf_release(&out);
}

Test(table, without_rows)
{
	struct table t = { .form = TABLE_JSON, .columns = columns, .n_columns = 1 };
	struct buf out;

	buf_init(&out, 1000);
	table_open(&t, NULL, 0, &out);
	table_close(&t, &out);
	(void)buf_append(&out, "", 1);
	cr_expect_str_eq((char *)out.pub.bytes, "{\"columns\":[\"end_ms\"],\"rows\":[]}");
	buf_release(&out);
}

/* Without room the buf says so, and nothing is written beyond it. */
Test(table, no_room)
{
	for (size_t max = 0; max < 300; max++) {
		struct table t = { .form = (enum table_form)(max % 3),
				   .columns = columns,
				   .n_columns = N_ELEMENTS(columns) };
		struct buf out;

		buf_init(&out, max);
		table_open(&t, labels, N_ELEMENTS(labels), &out);
		table_rows(&t, cells, 0, 3, &out);
		table_close(&t, &out);
		cr_expect(out.pub.len <= max);
		buf_release(&out);
	}
}

Test(number, as_printf_has_it)
{
	static const double odd[] = { 0,
				      1,
				      -1,
				      0.1,
				      230.1,
				      1e15,
				      1e14 + 0.5,
				      1e-4,
				      1e-5,
				      1.00001,
				      1e300,
				      5e-324,
				      1 / 3.,
				      0.1 + 0.2,
				      123456789,
				      1e6,
				      999999.5,
				      0.00123,
				      1e16,
				      1e22,
				      -0.5,
				      2e-7,
				      9007199254740993.,
				      999999999999999.,
				      0.999999 };
	char text[NUMBER_TEXT], want[64];

	srand48(1);
	for (size_t i = 0; i < 200000; i++) {
		double scale = pow(10, floor(drand48() * 12)), v;
		size_t len;

		v = i < N_ELEMENTS(odd) ? odd[i]
		    : i % 3 == 0	? mrand48() / scale
		    : i % 3 == 1	? (drand48() - 0.5) * scale
					: rint(drand48() * 1e6) / 1e3;
		len = number_text(v, text);
		for (int digits = 1; digits <= 17; digits++) {
			(void)snprintf(want, sizeof want, "%.*g", digits < 15 ? 15 : digits, v);
			if (strtod(want, NULL) == v)
				break;
		}
		cr_assert(strcmp(text, want) == 0 && len == strlen(text), "%s, not %s", text, want);
	}
	cr_expect_eq(number_text(-0.0, text), 4);
	cr_expect_str_eq(text, "-0.0");
}

Test(number, ints)
{
	static const int64_t cases_of[] = { 0, 7, -7, 10, INT64_MAX, INT64_MIN, INT64_MIN + 1 };
	char text[NUMBER_TEXT], want[32];

	for (size_t i = 0; i < N_ELEMENTS(cases_of); i++) {
		(void)snprintf(want, sizeof want, "%lld", (long long)cases_of[i]);
		cr_expect_eq(number_int_text(cases_of[i], text), strlen(want));
		cr_expect_str_eq(text, want);
	}
}
