/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events, as text. */
#include "central/sse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define GAP_ROOM 100 /* of the message that says how many were missed */

int sse_message(struct buf *out, const char *event, uint64_t id, struct buf *packed,
		struct tesla_error *err)
{
	struct mp_doc doc;
	char head[100];
	int n, r;

	if (packed->failed)
		return tesla_fail(err, -ENOMEM, "no memory for a message");
	mp_clean(packed->pub.bytes, packed->pub.len);
	n = id != 0 ? snprintf(head, sizeof head, "event: %s\nid: %" PRIu64 "\ndata: ", event, id)
		    : snprintf(head, sizeof head, "event: %s\ndata: ", event);
	r = buf_append(out, head, (size_t)n);
	if (r != 0 || mp_unpack(&doc, packed->pub.bytes, packed->pub.len, err) != 0)
		return r != 0 ? tesla_fail(err, r, "no memory for a message") : err->code;
	r = json_write(out, &doc.u.data, err);
	mp_doc_release(&doc);
	return r == 0 ? buf_append(out, "\n\n", 2) : r;
}

/* ---- what is asked for ---- */

static bool list_has(const char *list, const char *text)
{
	size_t len = strlen(text);

	while (list != NULL && *list != '\0') {
		size_t n = strcspn(list, ",");

		if (n == len && memcmp(list, text, n) == 0)
			return true;
		list += n + (list[n] == ',');
	}
	return list == NULL;
}

bool sse_filter_takes(const struct sse_filter *f, const char *node, int64_t analyzer,
		      const char *variable)
{
	char number[24];

	if (!list_has(f->nodes, node))
		return false;
	(void)snprintf(number, sizeof number, "%" PRId64, analyzer);
	if (analyzer != 0 && !list_has(f->analyzers, number))
		return false;
	return variable == NULL || list_has(f->variables, variable);
}

void sse_filter_release(struct sse_filter *f)
{
	free(f->nodes);
	free(f->analyzers);
	free(f->variables);
	*f = (struct sse_filter){ 0 };
}

/* ---- what waits ---- */

void sse_init(struct sse *s)
{
	*s = (struct sse){ 0 };
	buf_init(&s->waiting, SSE_FIRST_MAX + GAP_ROOM);
}

void sse_release(struct sse *s)
{
	buf_release(&s->waiting);
}

bool sse_add(struct sse *s, const struct buf *message, size_t room)
{
	if (s->missed == 0 && s->waiting.pub.len + message->pub.len <= room &&
	    buf_append(&s->waiting, message->pub.bytes, message->pub.len) == 0)
		return true;
	s->missed++;
	s->missed_all++;
	return false;
}

bool sse_take(struct sse *s, struct buf *piece)
{
	char gap[GAP_ROOM];
	int n;

	if (s->missed > 0) {
		n = snprintf(gap, sizeof gap, "event: gap\ndata: {\"missed\":%" PRIu64 "}\n\n",
			     s->missed);
		if (buf_append(&s->waiting, gap, (size_t)n) == 0)
			s->missed = 0;
	}
	if (s->waiting.pub.len == 0)
		return false;
	*piece = s->waiting;
	buf_init(&s->waiting, piece->max);
	return true;
}
