/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of any bytes: refused with a message, or items that a plugin can read without care. */
#include "host/batch.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/mp.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* [[7, "V", "V"], [8, "P", "W"]] under "variables" */
static const char table[] = "\x81\xa9variables\x92\x93\x07\xa1V\xa1V\x93\x08\xa1P\xa1W";

static struct variables *variables_make(void)
{
	struct variables *v = NULL;
	struct tesla_error err;
	struct mp_doc doc;

	assert(mp_unpack(&doc, table, sizeof table - 1, &err) == 0);
	assert(variables_decode(&doc.u.data, &v, &err) == 0);
	mp_doc_release(&doc);
	return v;
}

static bool has_value(enum tesla_quality q)
{
	return q == TESLA_GOOD || q == TESLA_SUSPECT;
}

static void check_reading(const struct tesla_reading *r)
{
	assert(strlen(r->variable) == 1 && strlen(r->unit) == 1 && r->n_elements > 0);
	for (size_t i = 0; i < r->n_elements; i++)
		assert(has_value(r->elements[i].quality) == isfinite(r->elements[i].value));
}

static void check_variable(const struct tesla_record_variable *v)
{
	assert(*v->name != '\0' && strlen(v->unit) < SIZE_MAX && v->n_elements > 0);
	assert(v->kind >= TESLA_GAUGE && v->kind <= TESLA_STATUS);
	for (size_t i = 0; i < v->n_elements; i++) {
		const struct tesla_record_element *e = &v->elements[i];

		assert(has_value(e->quality) == isfinite(e->value));
		assert(!isinf(e->min) && !isinf(e->max) && !isinf(e->increase));
	}
}

static void check_item(const struct tesla_item *item)
{
	assert(item->kind >= TESLA_SWEEP && item->kind <= TESLA_HEARTBEAT);
	assert(item->kind == TESLA_RECORD || item->n_variables == 0);
	assert(item->kind != TESLA_RECORD || (item->n_readings == 0 && *item->model != '\0'));
	assert(item->kind != TESLA_STATUS_CHANGE || item->state != NULL);
	for (size_t i = 0; i < item->n_readings; i++)
		check_reading(item->readings[i]);
	for (size_t i = 0; i < item->n_variables; i++)
		check_variable(item->variables[i]);
}

/* Every record has an answer, and each that is no item is rejected with a reason. */
static void check_answers(const struct answers *a, size_t n_items)
{
	size_t next = 0;

	assert(a->n <= BATCH_RECORDS_MAX && n_items <= a->n);
	for (size_t i = 0; i < a->n; i++) {
		bool shown = next < n_items && a->place[next] == i;

		next += shown;
		assert(a->list[i].delivery == (shown ? TESLA_RETRY : TESLA_REJECT));
		assert(shown || a->list[i].why.text[0] != '\0');
	}
	assert(next == n_items);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct tesla_error err = { 0 };
	struct variables *v;
	struct batch *b;
	struct mp_doc doc;

	if (mp_unpack(&doc, bytes, len, &err) != 0)
		return 0;
	v = variables_make();
	if (batch_decode(&doc.u.data, v, &b, &err) == 0) {
		mp_doc_release(&doc); /* nothing of it is used any more */
		for (size_t i = 0; i < b->pub.n_items; i++)
			check_item(b->pub.items[i]);
		if (b->answers != NULL)
			check_answers(b->answers, b->pub.n_items);
		batch_free(b);
	} else {
		mp_doc_release(&doc);
		assert(err.text[0] != '\0');
	}
	variables_unref(v);
	return 0;
}
