/* SPDX-License-Identifier: Apache-2.0 */
/* A record as bytes: there and back, and all that may be wrong with what comes back. */
#include "base/record.h"

#include <errno.h>
#include <fenv.h>
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"

static bool same(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static const struct tesla_record_element volts[] = {
	{ .value = 230.0625,
	  .min = 229.9,
	  .max = 231,
	  .increase = NAN,
	  .covered_ms = 900000,
	  .count = 900,
	  .quality = TESLA_GOOD },
	{ .value = NAN, .min = NAN, .max = NAN, .increase = NAN, .quality = TESLA_ERROR },
};
static const struct tesla_record_element energy[] = {
	{ .value = 4294967296.5,
	  .min = NAN,
	  .max = NAN,
	  .increase = 12,
	  .covered_ms = 899000,
	  .count = 15,
	  .quality = TESLA_SUSPECT },
	{ .value = -3,
	  .min = NAN,
	  .max = NAN,
	  .increase = NAN,
	  .count = UINT32_MAX,
	  .quality = TESLA_GOOD },
};
static const struct tesla_record_element bits[] = {
	{ .value = 64, .min = NAN, .max = NAN, .increase = NAN, .count = 1, .quality = TESLA_GOOD },
};
static const struct tesla_record_variable variables[] = {
	{ "TPF", "V", TESLA_GAUGE, 10, 2, volts },
	{ "CEA", "Wh", TESLA_COUNTER, 0.001, 2, energy },
	{ "ERR", "", TESLA_STATUS, 1, 1, bits },
};
static const struct tesla_record_variable *const rows[] = { &variables[0], &variables[1],
							    &variables[2] };
static const struct record sample = { .analyzer = 7,
				      .start_ms = 1790000100000,
				      .end_ms = 1790001000000,
				      .model = "PM710",
				      .identity = "Schneider PM710 12345",
				      .n_variables = 3,
				      .variables = rows };

static void expect_same(const struct record *a, const struct record *b)
{
	cr_assert(a->analyzer == b->analyzer && a->start_ms == b->start_ms &&
		  a->end_ms == b->end_ms && a->n_variables == b->n_variables);
	cr_expect_str_eq(a->model, b->model);
	for (size_t v = 0; v < a->n_variables; v++) {
		const struct tesla_record_variable *x = a->variables[v], *y = b->variables[v];

		cr_expect_str_eq(x->name, y->name);
		cr_expect_str_eq(x->unit, y->unit);
		cr_assert(x->kind == y->kind && x->n_elements == y->n_elements);
		cr_expect_eq(x->predecessor_factor, y->predecessor_factor);
		for (size_t i = 0; i < x->n_elements; i++) {
			const struct tesla_record_element *e = &x->elements[i];
			const struct tesla_record_element *f = &y->elements[i];

			cr_expect(same(e->value, f->value) && same(e->min, f->min) &&
					  same(e->max, f->max) && same(e->increase, f->increase),
				  "%s %zu", x->name, i);
			cr_expect(e->covered_ms == f->covered_ms && e->count == f->count &&
					  e->quality == f->quality,
				  "%s %zu", x->name, i);
		}
	}
}

Test(record, there_and_back)
{
	struct arena memory = { 0 };
	struct tesla_error err = { 0 };
	struct record back, nobody = sample;
	struct buf b;

	buf_init(&b, RECORD_BYTES_MAX);
	cr_assert_eq(record_encode(&sample, &b), 0);
	cr_assert_eq(record_parse(b.pub.bytes, b.pub.len, &memory, &back, &err), 0, "%s", err.text);
	expect_same(&sample, &back);
	cr_expect_str_eq(back.identity, sample.identity);
	buf_clear(&b);
	nobody.identity = NULL;
	nobody.n_variables = 0;
	cr_assert_eq(record_encode(&nobody, &b), 0);
	cr_assert_eq(record_parse(b.pub.bytes, b.pub.len, &memory, &back, &err), 0, "%s", err.text);
	cr_expect_null(back.identity);
	arena_release(&memory);
	buf_release(&b);
}

Test(record, one_too_large_adds_nothing)
{
	struct tesla_record_element elements[64] = { 0 };
	struct tesla_record_variable v = { "LONG", "V", TESLA_GAUGE, 1, 64, elements };
	const struct tesla_record_variable *many[500];
	struct record r = sample;
	struct buf b;

	for (size_t i = 0; i < N_ELEMENTS(elements); i++)
		elements[i].value = elements[i].min = elements[i].max = 0.1;
	for (size_t i = 0; i < N_ELEMENTS(many); i++)
		many[i] = &v;
	r.variables = many;
	r.n_variables = N_ELEMENTS(many);
	buf_init(&b, 8 * RECORD_BYTES_MAX);
	cr_assert_eq(buf_append(&b, "before", 6), 0);
	cr_expect_eq(record_encode(&r, &b), -EMSGSIZE, "beyond a record's bytes");
	cr_expect(b.pub.len == 6 && !b.failed);
	buf_release(&b);
	buf_init(&b, 20);
	cr_assert_eq(buf_append(&b, "before", 6), 0);
	cr_expect_eq(record_encode(&sample, &b), -EMSGSIZE, "beyond the buffer");
	cr_expect(b.pub.len == 6 && !b.failed);
	buf_release(&b);
}

/* Every number as long as it gets: a double, or one of 33 bits and more. */
Test(record, no_record_is_longer_than_was_said)
{
	static const enum tesla_variable_kind kinds[] = { TESLA_GAUGE, TESLA_COUNTER,
							  TESLA_STATUS };
	char identity[RECORD_IDENTITY_MAX + 1], name[33], unit[300];
	struct tesla_record_element e[64];

	memset(identity, 'x', sizeof identity);
	memset(name, 'x', sizeof name);
	memset(unit, 'x', sizeof unit);
	identity[sizeof identity - 1] = name[sizeof name - 1] = unit[sizeof unit - 1] = '\0';
	for (size_t i = 0; i < N_ELEMENTS(e); i++)
		e[i] = (struct tesla_record_element){ 0.1,	0.1,	    0.1,	  0.1,
						      90000000, UINT32_MAX, TESLA_SUSPECT };
	for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
		const struct tesla_record_variable v = { name, unit, kinds[i], 0.001, 64, e },
						   *list[20];
		const struct tesla_variable said = {
			.name = name, .unit = unit, .kind = kinds[i], .n_elements = 64
		};
		struct record r = { INT64_MAX, 253402300700000, 253402300799999,
				    name,      identity,	N_ELEMENTS(list),
				    list };
		struct buf b;

		for (size_t k = 0; k < N_ELEMENTS(list); k++)
			list[k] = &v;
		buf_init(&b, RECORD_BYTES_MAX);
		cr_assert_eq(record_encode(&r, &b), 0);
		cr_expect_eq(b.pub.len,
			     record_head_bytes(name) +
				     N_ELEMENTS(list) * record_variable_bytes(&said),
			     "%zu bytes", b.pub.len);
		buf_release(&b);
	}
}

Test(record, more_bytes_than_a_record_has)
{
	_cleanup_free_ char *bytes = calloc(RECORD_BYTES_MAX + 1, 1);
	struct tesla_error err;
	struct arena memory = { 0 };
	struct record r;

	cr_expect_eq(record_parse(bytes, RECORD_BYTES_MAX + 1, &memory, &r, &err), -EMSGSIZE);
	cr_expect_str_eq(err.text, "record of 262145 bytes: at most 262144");
}

/* ---- what may be wrong, written as text: n is nil, N NaN, I infinite, M a map, 'x a text ---- */

static void pack_text(msgpack_packer *pk, const char **at);

static size_t count_items(const char *at)
{
	size_t n = *at != ']';

	for (int depth = 0; depth >= 0; at++) {
		if (*at == '[')
			depth++;
		else if (*at == ']')
			depth--;
		else if (*at == ',' && depth == 0)
			n++;
	}
	return n;
}

static void pack_list(msgpack_packer *pk, const char **at)
{
	size_t n = count_items(++*at);

	(void)msgpack_pack_array(pk, n);
	for (; n > 0; n--) {
		pack_text(pk, at);
		*at += **at == ',';
	}
	cr_assert_eq(**at, ']');
	++*at;
}

static void pack_scalar(msgpack_packer *pk, const char **at)
{
	size_t len = strcspn(*at, ",]");
	char *end;

	if (**at == 'n') {
		(void)msgpack_pack_nil(pk);
	} else if (**at == 'N') {
		(void)msgpack_pack_double(pk, NAN);
	} else if (**at == 'I') {
		(void)msgpack_pack_double(pk, INFINITY);
	} else if (**at == 'M') {
		(void)msgpack_pack_map(pk, 0);
	} else if (**at == '\'') { /* a text; 0 in it is a NUL */
		char text[32];

		for (size_t i = 0; i + 1 < len && i < sizeof text; i++)
			text[i] = (*at)[i + 1] == '0' ? '\0' : (*at)[i + 1];
		(void)msgpack_pack_str(pk, len - 1);
		(void)msgpack_pack_str_body(pk, text, len - 1);
	} else if (memchr(*at, '.', len) != NULL) {
		(void)msgpack_pack_double(pk, strtod(*at, &end));
	} else {
		(void)msgpack_pack_int64(pk, strtoll(*at, &end, 10));
	}
	*at += len;
}

static void pack_text(msgpack_packer *pk, const char **at)
{
	if (**at == '[')
		pack_list(pk, at);
	else
		pack_scalar(pk, at);
}

#define HEAD "[1,7,1000,2000,'PM,n,"
#define GAUGE(e) HEAD "[['TPF,'V,1,10,[" e "]]]]"
#define COUNTER(e) HEAD "[['X,'V,1,10,[[3,0,0,n,n,n]]],['CEA,'Wh,2,1,[" e "]]]]"
#define STATUS(e) HEAD "[['ERR,',3,1,[" e "]]]]"

static const struct {
	const char *text, *why; /* NULL: it is good */
} wrong[] = {
	{ GAUGE("[0,1,1000,2.5,2,3]"), NULL },
	{ GAUGE("[1,0,0,n,n,n]"), NULL },
	{ COUNTER("[2,1,1000,2.5,0]"), NULL },
	{ COUNTER("[0,1,1000,2.5,n]"), NULL },
	{ STATUS("[0,1,1000,2.5]"), NULL },
	{ HEAD "[]]", NULL },
	{ "n", "record: it is nil: expected an array of 7" },
	{ "'record", "record: it is a text of 6 bytes" },
	{ "[1,2,3]", "record: it is an array of 3: expected an array of 7" },
	{ "[2,7,1000,2000,'PM,n,[]]", "record: version is 2: expected a whole number from 1 to 1" },
	{ "[1,0,1000,2000,'PM,n,[]]", "record: analyzer is 0: expected a whole number from 1 to" },
	{ "[1,1.5,1000,2000,'PM,n,[]]", "record: analyzer is 1.5: expected" },
	{ "[1,7,-86400001,2000,'PM,n,[]]", "record: start_ms is -86400001" },
	{ "[1,7,1000,253402300800000,'PM,n,[]]", "record: end_ms is 253402300800000" },
	{ "[1,7,1000,1000,'PM,n,[]]", "end_ms is 1000: expected a whole number from 1001 to" },
	{ "[1,7,1000,2000,',n,[]]", "model is a text of 0 bytes: expected a text that is not" },
	{ "[1,7,1000,2000,'P0M,n,[]]", "model is a text of 3 bytes: expected a text without NUL" },
	{ "[1,7,1000,2000,'PM,5,[]]", "identity is 5: expected a text" },
	{ "[1,7,1000,2000,'PM,',[]]", "identity is a text of 0 bytes" },
	{ "[1,7,1000,2000,'PM,n,M]", "the list of variables is of another type" },
	{ HEAD "[5]]", "record, variable 1: it is 5: expected an array of 5" },
	{ HEAD "[[',n,1,1,[]]]]", "variable 1: name is a text of 0 bytes" },
	{ HEAD "[['TPF,n,1,1,[]]]]", "variable 1 (TPF): unit is nil" },
	{ HEAD "[['TPF,'V,0,1,[]]]]",
	  "variable 1 (TPF): kind is 0: expected a whole number from 1" },
	{ HEAD "[['TPF,'V,4,1,[]]]]", "kind is 4" },
	{ HEAD "[['TPF,'V,1,N,[]]]]", "factor is nan: expected a finite number" },
	{ HEAD "[['TPF,'V,1,n,[]]]]", "factor is nil: expected a finite number" },
	{ HEAD "[['TPF,'V,1,0,[]]]]", "factor is 0: expected 1e-09 to 1e+09 in absolute value" },
	{ HEAD "[['TPF,'V,1,0.0000000009,[]]]]", "expected 1e-09 to 1e+09 in absolute value" },
	{ HEAD "[['TPF,'V,1,-1000000001,[]]]]", "factor is -1000000001: expected 1e-09" },
	{ HEAD "[['TPF,'V,1,1,[]]]]", "elements is an array of 0: expected an array of 1 to 64" },
	{ GAUGE("[0,1,1,2,2,2],[0,1,1000,2.5,2]"),
	  "variable 1 (TPF), element 2: it is an array of 5: expected an array of 6" },
	{ COUNTER("[0,1,1000,2.5,2,3]"),
	  "variable 2 (CEA), element 1: it is an array of 6: expected an array of 5" },
	{ STATUS("[0,1,1000,2.5,2]"), "it is an array of 5: expected an array of 4" },
	{ GAUGE("[4,1,1000,n,n,n]"), "quality is 4: expected a whole number from 0 to 3" },
	{ GAUGE("[0,-1,1000,2,2,2]"), "count is -1" },
	{ GAUGE("[0,4294967296,1000,2,2,2]"), "count is 4294967296" },
	{ GAUGE("[0,1,1001,2,2,2]"), "covered_ms is 1001: expected a whole number from 0 to 1000" },
	{ GAUGE("[0,1,-1,2,2,2]"), "covered_ms is -1" },
	{ GAUGE("[0,1,1000,n,2,2]"), "value is nil: expected a finite number" },
	{ GAUGE("[0,1,1000,I,2,2]"), "value is inf: expected a finite number" },
	{ GAUGE("[1,1,1000,2,n,n]"), "value is 2: expected nil, by the element's quality" },
	{ GAUGE("[0,1,1000,2,n,n]"), NULL }, /* not known */
	{ GAUGE("[0,1,1000,2,n,2]"), "min is nil" },
	{ GAUGE("[0,1,1000,n,n,n]"), "value is nil" },
	{ GAUGE("[0,1,1000,2,2,N]"), "max is nan" },
	{ GAUGE("[0,1,1000,2,2.5,3]"), "min is 2.5: expected at most the value" },
	{ GAUGE("[0,1,1000,2,1.5,1]"), "max is 1: expected at least the value" },
	{ GAUGE("[3,1,1000,n,n,3]"), "max is 3: expected nil" },
	{ COUNTER("[0,1,1000,2,-0.5]"), "increase is -0.5: expected 0 or more" },
	{ COUNTER("[3,1,1000,n,1]"), "increase is 1: expected nil" },
	{ COUNTER("[0,1,1000,2,'x]"), "increase is a text of 1 bytes: expected a finite number" },
};

Test(record, what_is_wrong_is_said)
{
	for (size_t i = 0; i < N_ELEMENTS(wrong); i++) {
		struct arena memory = { 0 };
		struct tesla_error err = { 0 };
		struct record r = { .analyzer = -1 };
		const char *at = wrong[i].text;
		msgpack_packer pk;
		struct buf b;
		int rc;

		buf_init(&b, 1000);
		mp_writer(&pk, &b);
		pack_text(&pk, &at);
		rc = record_parse(b.pub.bytes, b.pub.len, &memory, &r, &err);
		cr_expect_eq(rc, wrong[i].why ? -EBADMSG : 0, "%s: %s", wrong[i].text, err.text);
		if (wrong[i].why != NULL) {
			cr_expect_not_null(strstr(err.text, wrong[i].why), "%s: %s", wrong[i].text,
					   err.text);
			cr_expect_eq(r.analyzer, -1, "%s: untouched", wrong[i].text);
		}
		buf_release(&b);
		arena_release(&memory);
	}
}

/* What comes of 58392626 Wh; no factor makes a number that an integer does not hold. */
static const struct {
	double factor, value;
} factors[] = {
	{ 1, 58392626 },
	{ 0.001, 58392.626 },
	{ 10, 583926260 },
	{ -0.001, -58392.626 },
	{ 1e-9, 0.058392626 },
	{ 1e-19, 5.8392626e-12 },
	{ 1e-300, 5.8392626e-293 },
	{ 1e300, 5.8392626e307 },
};

Test(record, predecessor_values)
{
	for (size_t i = 0; i < N_ELEMENTS(factors); i++) {
		const struct tesla_record_variable v = { .predecessor_factor = factors[i].factor };
		double value;

		(void)feclearexcept(FE_INVALID);
		value = tesla_predecessor_value(&v, 58392626);
		cr_expect_eq(fetestexcept(FE_INVALID), 0, "%g: a cast out of range",
			     factors[i].factor);
		cr_expect(fabs(value - factors[i].value) <= fabs(value) * 1e-15, "%g: %.17g",
			  factors[i].factor, value);
	}
	cr_expect_eq(tesla_predecessor_value(&variables[1], 58392626), 58392.626);
}

/* As many as a model may have, and one more. */
Test(record, bounds_of_lists)
{
	for (unsigned more = 0; more < 2; more++) {
		struct arena memory = { 0 };
		struct tesla_error err = { 0 };
		struct tesla_record_element e[65] = { 0 };
		struct tesla_record_variable v = { "S", "", TESLA_STATUS, 1, 64 + more, e };
		struct tesla_record_variable one = { "S", "", TESLA_STATUS, 1, 1, e };
		const struct tesla_record_variable *list[501] = { &v };
		struct record r = sample, back;
		struct buf b;

		for (size_t i = 1; i < N_ELEMENTS(list); i++)
			list[i] = &one;
		r.variables = list;
		r.n_variables = 500;
		buf_init(&b, RECORD_BYTES_MAX);
		cr_assert_eq(record_encode(&r, &b), 0);
		cr_expect_eq(record_parse(b.pub.bytes, b.pub.len, &memory, &back, &err),
			     more ? -EBADMSG : 0, "%s", err.text);
		buf_clear(&b);
		v.n_elements = 1;
		r.n_variables += more;
		cr_assert_eq(record_encode(&r, &b), 0);
		cr_expect_eq(record_parse(b.pub.bytes, b.pub.len, &memory, &back, &err),
			     more ? -EBADMSG : 0, "%s", err.text);
		buf_release(&b);
		arena_release(&memory);
	}
}
