/* SPDX-License-Identifier: Apache-2.0 */
/* Records of any bytes: refused with a sentence, or the same again after another round. */
#include "base/record.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool same(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static void expect_same_element(const struct tesla_record_element *a,
				const struct tesla_record_element *b)
{
	assert(same(a->value, b->value) && same(a->min, b->min) && same(a->max, b->max));
	assert(same(a->increase, b->increase) && a->covered_ms == b->covered_ms);
	assert(a->count == b->count && a->quality == b->quality);
}

static void expect_same_variable(const struct tesla_record_variable *a,
				 const struct tesla_record_variable *b)
{
	assert(strcmp(a->name, b->name) == 0 && strcmp(a->unit, b->unit) == 0);
	assert(a->kind == b->kind && a->n_elements == b->n_elements);
	assert(a->predecessor_factor == b->predecessor_factor);
	for (size_t i = 0; i < a->n_elements; i++)
		expect_same_element(&a->elements[i], &b->elements[i]);
}

static void expect_same(const struct record *a, const struct record *b)
{
	assert(a->analyzer == b->analyzer && a->start_ms == b->start_ms && a->end_ms == b->end_ms);
	assert(strcmp(a->model, b->model) == 0 && a->n_variables == b->n_variables);
	assert((a->identity == NULL) == (b->identity == NULL));
	assert(a->identity == NULL || strcmp(a->identity, b->identity) == 0);
	for (size_t i = 0; i < a->n_variables; i++)
		expect_same_variable(a->variables[i], b->variables[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct arena memory = { 0 };
	struct tesla_error err = { 0 };
	struct record first, second;
	struct buf b;
	int r;

	buf_init(&b, RECORD_BYTES_MAX);
	if (record_parse(bytes, len, &memory, &first, &err) == 0) {
		r = record_encode(&first, &b); /* its words may be longer than those that came */
		assert(r == 0 || r == -EMSGSIZE);
		if (r == 0) {
			r = record_parse(b.pub.bytes, b.pub.len, &memory, &second, &err);
			assert(r == 0);
			expect_same(&first, &second);
		}
	} else {
		assert(err.text[0] != '\0');
	}
	buf_release(&b);
	arena_release(&memory);
	return 0;
}
