/* SPDX-License-Identifier: Apache-2.0 */
/* Moments, steps, names of series and aggregates, which come in a URL; what is taken reads back. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "central/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void moment(const char *text)
{
	char back[MOMENT_TEXT];
	struct tesla_error err;
	int64_t ms, again;

	if (moment_parse(text, NULL, &ms, &err) != 0)
		return;
	assert(ms >= -MOMENT_MAX_MS && ms <= MOMENT_MAX_MS);
	assert(moment_text(ms, back) == strlen(back));
	assert(moment_parse(back, NULL, &again, &err) == 0 && again == ms);
}

static void step(const char *text)
{
	struct step_calendar c = { 0 };
	struct tesla_error err;
	struct store_steps s;

	if (step_parse(text, &c.step, &err) != 0)
		return;
	s = step_steps(&c, 0, 1000);
	assert(s.step_ms > 0 || s.next(s.arg, 1793350800000) > 1793350800000);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	enum aggregate_column columns[N_AGGREGATES];
	struct series_name name;
	struct tesla_error err;
	char *text = malloc(size + 1);
	size_t n;

	if (text == NULL)
		return 0;
	memcpy(text, bytes, size);
	text[size] = '\0';
	moment(text);
	step(text);
	if (series_parse(text, &name, &err) == 0)
		assert(name.element >= 1 && name.node[0] != '\0' && name.variable[0] != '\0');
	if (aggregates_parse(text, columns, &n, &err) == 0)
		assert(n >= 1 && n <= N_AGGREGATES);
	free(text);
	return 0;
}
