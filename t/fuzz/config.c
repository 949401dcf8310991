/* SPDX-License-Identifier: Apache-2.0 */
/* config.xml of any bytes: refused with a message, or whole. */
#include "daemon/config.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_analyzer(const struct config *c, const struct conf_analyzer *a)
{
	assert(a->id > 0 && a->address <= 255);
	assert(a->on >= c->lines && a->on < c->lines + c->n_lines);
	assert(a->model != NULL && a->driver != NULL && a->data != NULL);
	assert(a->n_variables > 0 && a->record_ms > 0);
	for (size_t i = 0; i < a->n_variables; i++)
		assert(a->variables[i].variable != NULL && a->variables[i].interval_ms > 0);
}

static void check_config(const struct config *c)
{
	assert(c->node_id != NULL && c->node_name != NULL && c->node_location != NULL);
	for (size_t i = 0; i < c->n_lines; i++)
		assert(c->lines[i].id > 0 && c->lines[i].name != NULL);
	for (size_t i = 0; i < c->n_analyzers; i++)
		check_analyzer(c, &c->analyzers[i]);
	for (size_t i = 0; i < c->n_exporters; i++)
		assert(c->exporters[i].id != NULL && c->exporters[i].n_analyzers > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char *const dirs[] = { MODELS, NULL };
	struct diags d = { 0 };
	struct config *c = config_parse("fuzz.xml", (const char *)bytes, len, dirs, &d);

	assert((c == NULL) == (d.n_errors > 0));
	if (c != NULL)
		check_config(c);
	config_free(c);
	diags_release(&d);
	return 0;
}
