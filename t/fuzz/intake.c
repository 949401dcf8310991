/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of any bytes, as JSON and as MessagePack: refused with a sentence, or records. */
#include "central/intake.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void take(const void *bytes, size_t len)
{
	struct tesla_error err = { 0 };
	struct intake in = { 0 };
	struct mp_doc doc;

	if (mp_unpack(&doc, bytes, len, &err) != 0) {
		assert(err.text[0] != '\0');
		return;
	}
	if (intake_read(&doc.u.data, &in, &err) != 0)
		assert(err.text[0] != '\0');
	for (size_t i = 0; i < in.n_records && in.verdicts != NULL; i++)
		assert(in.records[i].record != NULL || in.verdicts[i].outcome == STORE_REJECTED ||
		       err.text[0] != '\0');
	intake_release(&in);
	mp_doc_release(&doc);
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
	else
		assert(err.text[0] != '\0');
	buf_release(&packed);
	free(copy);
	return 0;
}
