/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a form, and a node's answers: what is kept of them is a record, and JSON. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "central/lectura.h"
#include "central/local_time.h"
#include "central/v2_live.h"

static const char model_text[] =
	"<model name=\"M\" manufacturer=\"m\"><description>d</description>"
	"<variable name=\"A\" unit=\"W\" description=\"a\" type=\"int16\" factor=\"0.001\">"
	"<element label=\"1\" address=\"1\"/><element label=\"2\" address=\"2\"/></variable>"
	"<variable name=\"C\" unit=\"Wh\" kind=\"counter\" description=\"c\" type=\"uint32\">"
	"<element address=\"3\"/></variable></model>";

static void form(const struct model *m, const char *text)
{
	struct arena memory = { 0 };
	struct lectura l = { 0 };
	struct tesla_error err;

	if (lectura_read(text, m, &memory, &l, &err) == 0) {
		assert(l.n_variables >= 1 && l.n_variables <= 2);
		for (size_t i = 0; i < l.n_variables; i++)
			for (size_t e = 0; e < l.variables[i]->n_elements; e++)
				assert(!isnan(l.variables[i]->elements[e].value));
	}
	arena_release(&memory);
}

static void times(const char *text)
{
	int64_t t_s, again_s, found_ms[2];
	struct local_time t;
	char out[LOCAL_TIME_SIZE];

	if (local_time_parse(text, &t_s)) {
		assert(local_instants(NULL, t_s * 1000, found_ms) == 1 &&
		       found_ms[0] == t_s * 1000);
		local_time_print(t_s, out);
		assert(local_time_parse(out, &again_s) && again_s == t_s);
	}
	(void)local_date_parse(text, &t_s);
	(void)utc_time_parse(text, &t_s);
	(void)local_time_read(text, &t);
}

static void answer(const struct model *m, const char *text, size_t len, uint8_t what)
{
	struct live l = { .what = what % N_LIVE, .analyzer = 1, .model = m };
	struct tesla_error err;
	struct mp_doc doc, back;
	struct buf packed, out, json;

	buf_init(&packed, 1 << 20);
	buf_init(&out, 1 << 20);
	buf_init(&json, 4 << 20);
	if (json_read(text, len, &packed, &err) == 0 &&
	    mp_unpack(&doc, packed.pub.bytes, packed.pub.len, &err) == 0) {
		l.replies[0] = l.replies[1] = &doc.u.data;
		if (live_pack(&l, &out, &err) == 0) {
			mp_clean(out.pub.bytes, out.pub.len);
			if (mp_unpack(&back, out.pub.bytes, out.pub.len, &err) == 0) {
				(void)json_write(&json, &back.u.data, &err);
				mp_doc_release(&back);
			}
		}
		mp_doc_release(&doc);
	}
	buf_release(&packed);
	buf_release(&out);
	buf_release(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diags diags = { 0 };
	struct model *m;
	_cleanup_free_ char *text = size > 0 ? strndup((const char *)data + 1, size - 1) : NULL;

	if (text == NULL)
		return 0;
	m = model_parse("m.xml", model_text, strlen(model_text), &diags);
	assert(m != NULL);
	form(m, text);
	times(text);
	answer(m, text, strlen(text), data[0]);
	model_free(m);
	diags_release(&diags);
	return 0;
}
