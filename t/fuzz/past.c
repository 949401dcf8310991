/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of the predecessor's history, of any bytes: the first says of which form.  Whatever is in
 * them, what comes of it is a record by base/record.h.
 */
#include "central/past.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct sink {
	struct arena memory;
};

static int take(void *arg, const char *node, const struct record *r, uint64_t at,
		struct tesla_error *err)
{
	struct sink *sink = arg;
	struct record read;
	struct buf b;

	(void)at;
	assert(node[0] != '\0' && r->analyzer >= 0 && r->n_variables > 0);
	buf_init(&b, RECORD_BYTES_MAX);
	if (record_encode(r, &b) == 0)
		assert(record_parse(b.pub.bytes, b.pub.len, &sink->memory, &read, err) == 0);
	buf_release(&b);
	arena_release(&sink->memory);
	return 0;
}

static void refuse(void *arg, uint64_t at, const char *why)
{
	(void)arg;
	(void)at;
	assert(why[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct sink sink = { 0 };
	struct tesla_error err = { 0 };
	struct past_conf conf = { .node = "n",
				  .analyzer = "1",
				  .model = "PM710",
				  .models = MODELS,
				  .local = true,
				  .memory = &sink.memory,
				  .take = take,
				  .refuse = refuse,
				  .arg = &sink };
	struct zone *zone = NULL;
	struct past *p;
	FILE *file;
	int r;

	if (len < 2)
		return 0;
	assert(zone_open("Europe/Madrid", &zone, &err) == 0);
	conf.zone = zone;
	p = past_new(&conf);
	file = fmemopen((void *)(uintptr_t)(bytes + 1), len - 1, "r");
	assert(p != NULL && file != NULL);
	switch (bytes[0] % 3) {
	case 0:
		r = past_read_csv(p, file, &err);
		break;
	case 1:
		r = past_read_rest(p, file, &err);
		break;
	default:
		r = past_read_day(p, file, "1/20261025.txt", &err);
	}
	assert(r == 0 || err.text[0] != '\0');
	(void)past_end(p, &err);
	(void)fclose(file);
	past_free(p);
	zone_free(zone);
	arena_release(&sink.memory);
	return 0;
}
