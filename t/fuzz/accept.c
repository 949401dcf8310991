/* SPDX-License-Identifier: Apache-2.0 */
/* A client's header Accept -> the format of its answer. */
#include <stdlib.h>
#include <string.h>

#include "base/metrics_accept.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *text = malloc(len + 1);

	if (text == NULL)
		return 0;
	memcpy(text, bytes, len);
	text[len] = '\0';
	(void)metrics_content_type(metrics_accept(text));
	free(text);
	return 0;
}
