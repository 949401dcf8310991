/* SPDX-License-Identifier: Apache-2.0 */
/* What a server answers to a batch: the first byte says how many records and which form. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugins/export/clientRest/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct answer_result results[16];
	struct tesla_error err;
	size_t n;

	if (len == 0)
		return 0;
	n = 1 + data[0] % 16;
	memset(results, 0xff, sizeof results);
	if (answer_parse(data[0] & 0x80 ? FORMAT_JSON : FORMAT_MSGPACK, (const char *)data + 1,
			 len - 1, results, n, &err) != 0) {
		assert(err.code < 0 && err.text[0] != '\0');
		return 0;
	}
	/* Taken: each of them has a verdict, and a reason that ends and can be printed. */
	for (size_t i = 0; i < n; i++) {
		assert(results[i].delivery >= TESLA_RETRY && results[i].delivery <= TESLA_REJECT);
		for (const char *c = results[i].reason; *c != '\0'; c++)
			assert(*c >= ' ' && *c <= '~');
	}
	return 0;
}
