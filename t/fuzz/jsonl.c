/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of any bytes: refused with a sentence, or a record that is written and read as the same. */
#include "central/jsonl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void expect_same(const struct record *a, const struct record *b)
{
	struct buf x, y;
	int r;

	buf_init(&x, RECORD_BYTES_MAX);
	buf_init(&y, RECORD_BYTES_MAX);
	r = record_encode(a, &x);
	assert(r == 0 || r == -EMSGSIZE);
	assert(record_encode(b, &y) == r);
	assert(x.pub.len == y.pub.len);
	assert(x.pub.len == 0 || memcmp(x.pub.bytes, y.pub.bytes, x.pub.len) == 0);
	buf_release(&x);
	buf_release(&y);
}

static void again(const struct jsonl_record *r, struct arena *memory)
{
	struct tesla_error err = { 0 };
	struct jsonl_record read;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int rc;

	assert(out != NULL);
	rc = jsonl_write(out, r->node != NULL ? r->node : "n", &r->record, &err);
	(void)fclose(out);
	assert(rc == 0 && len > 0 && text[len - 1] == '\n');
	rc = jsonl_read(text, len - 1, memory, &read, &err);
	assert(rc == 0 && read.node != NULL);
	assert(r->node == NULL || strcmp(read.node, r->node) == 0);
	expect_same(&r->record, &read.record);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct arena memory = { 0 };
	struct tesla_error err = { 0 };
	struct jsonl_record r;
	char *copy = malloc(len > 0 ? len : 1); /* nothing behind it */

	memcpy(copy, bytes, len);
	if (jsonl_read(copy, len, &memory, &r, &err) == 0)
		again(&r, &memory);
	else
		assert(err.text[0] != '\0');
	arena_release(&memory);
	free(copy);
	return 0;
}
