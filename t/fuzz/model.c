/* SPDX-License-Identifier: Apache-2.0 */
/* A model file of any bytes: refused with a message, or a model that can be read without care. */
#include "base/model.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_element(const struct tesla_register *r)
{
	assert(r->label != NULL && r->type >= TESLA_INT16 && r->type <= TESLA_DECIMAL);
	assert(r->scale != 0);
	assert((r->command != NULL) == (r->type == TESLA_DECIMAL));
	if (r->command != NULL) {
		assert(r->digits >= 1 && r->count == 0);
		return;
	}
	assert(r->count >= 1 && r->count <= 4 && r->address + r->count <= 65536);
	assert(r->function == 3 || r->function == 4);
}

static void check_text(const struct model_text *t)
{
	assert(t->label != NULL && t->count >= 1 && t->address + t->count <= 65536);
}

static void check_model(const struct model *m)
{
	assert(m->pub.name != NULL && m->pub.manufacturer != NULL && m->pub.n_variables > 0);
	for (size_t i = 0; i < m->pub.n_scales; i++)
		assert(m->pub.scales[i]->index == i &&
		       m->pub.scales[i]->min <= m->pub.scales[i]->max);
	for (size_t i = 0; i < m->n_texts; i++)
		check_text(&m->texts[i]);
	for (size_t i = 0; i < m->pub.n_variables; i++) {
		const struct tesla_variable *v = m->pub.variables[i];

		assert(model_variable(m, v->name) == v && v->n_elements > 0);
		for (size_t k = 0; k < v->n_elements; k++)
			check_element(v->elements[k]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct diags d = { 0 };
	struct model *m = model_parse("fuzz.xml", (const char *)bytes, len, &d);

	assert((m == NULL) == (d.n_errors > 0));
	if (m != NULL)
		check_model(m);
	model_free(m);
	diags_release(&d);
	return 0;
}
