/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of POST /api/v1/readings of any bytes, as JSON and as MessagePack, into a live table. */
#include "central/readings.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "central/live.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Whatever was taken can be said again as JSON, but for what is no UTF-8. */
static void say(const struct tesla_client_reading *r)
{
	const struct reading_form form = { .node = "4", .labels = true, .stale = true };
	struct tesla_error err;
	struct buf packed, text;
	struct mp_doc doc;
	msgpack_packer pk;

	buf_init(&packed, (size_t)1 << 20);
	buf_init(&text, (size_t)4 << 20);
	mp_writer(&pk, &packed);
	reading_pack(&pk, r, &form);
	mp_clean(packed.pub.bytes, packed.pub.len);
	assert(mp_unpack(&doc, packed.pub.bytes, packed.pub.len, &err) == 0);
	assert(json_write(&text, &doc.u.data, &err) == 0);
	mp_doc_release(&doc);
	buf_release(&packed);
	buf_release(&text);
}

static void take(const void *bytes, size_t len)
{
	struct live *live = live_new(20);
	struct live_node *node = live_node(live, "4");
	struct tesla_error err = { 0 };
	struct readings in;
	struct mp_doc doc;

	if (mp_unpack(&doc, bytes, len, &err) == 0) {
		if (readings_read(&doc.u.data, &in, &err) != 0)
			assert(err.text[0] != '\0');
		for (size_t i = 0; i < in.n; i++) {
			(void)live_put(live, node, &in.list[i].pub, 0);
			say(&in.list[i].pub);
		}
		for (size_t i = 0; i < in.n_states; i++)
			(void)live_state(node, in.states[i].analyzer, in.states[i].state,
					 in.states[i].reason, in.states[i].t_ms);
		readings_release(&in);
		mp_doc_release(&doc);
	}
	live_free(live);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct tesla_error err = { 0 };
	uint8_t *copy = malloc(len > 0 ? len : 1); /* nothing behind it */
	struct buf packed;

	memcpy(copy, bytes, len);
	take(copy, len);
	buf_init(&packed, (size_t)16 << 20);
	if (json_read(copy, len, &packed, &err) == 0)
		take(packed.pub.bytes, packed.pub.len);
	buf_release(&packed);
	free(copy);
	return 0;
}
