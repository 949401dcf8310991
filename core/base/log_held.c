/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for later. */
#include "base/log_held.h"

#include <string.h>

#define BYTES_MAX (256u << 10)

static void hold(void *arg, int level, const char *text)
{
	struct log_held *h = arg;
	size_t len = strlen(text) + 1;
	uint8_t *to = buf_reserve(&h->lines, 1 + len);

	if (to == NULL) {
		h->n_more++;
		return;
	}
	to[0] = (uint8_t)(level < 0 ? LOG_LEVEL_ERROR : level); /* a host may say anything */
	memcpy(to + 1, text, len);
	buf_advance(&h->lines, 1 + len);
}

void log_held_init(struct log_held *h, int level)
{
	*h = (struct log_held){ .log = { .level = level, .sink = hold, .arg = h } };
	buf_init(&h->lines, BYTES_MAX);
}

void log_held_release(struct log_held *h)
{
	buf_release(&h->lines);
}

void log_held_pass(struct log_held *h, const struct log *to)
{
	for (size_t at = 0; at < h->lines.pub.len;) {
		const char *text = (const char *)h->lines.pub.bytes + at + 1;

		log_msg(to, h->lines.pub.bytes[at], "%s", text);
		at += 1 + strlen(text) + 1;
	}
	if (h->n_more > 0)
		log_msg(to, LOG_LEVEL_WARNING, "%u more lines are left out", h->n_more);
	h->n_more = 0;
	buf_clear(&h->lines);
}
