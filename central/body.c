/* SPDX-License-Identifier: Apache-2.0 */
/* From bytes to what a handler makes of them. */
#include "central/body.h"

#include <stdlib.h>
#include <string.h>

#define INLINE_BYTES ((size_t)32 << 10) /* what is taken apart in the loop's thread */

static void on_work(struct pool_job *job)
{
	struct body *b = job->arg;
	struct buf packed;
	struct mp_doc doc;

	buf_init(&packed, CALL_ANSWER_MAX);
	b->result = body_unpack(request_body(b->call->request), b->form, &packed, &doc, &b->error);
	if (b->result == 0) {
		b->result = b->read(b, &doc.u.data, &b->said, &b->error);
		mp_doc_release(&doc);
	}
	buf_release(&packed);
	b->error.code = b->result;
}

static void on_done(struct pool_job *job)
{
	struct body *b = job->arg;
	bool other = b->result == 0 && b->said != NULL && strcmp(b->said, b->node) != 0;

	if (b->result == 0 && !other) {
		b->done(b);
		return;
	}
	if (other)
		call_error(b->call, 403, "the token is of node %s, the %s are of node %.80s",
			   b->node, b->what, b->said);
	else
		call_fail(b->call, &b->error);
	b->over(b);
}

void body_take(struct body *b, struct call *c)
{
	b->call = c;
	if (call_body_form(c, &b->form) != 0) {
		call_error(c, 415,
			   "Content-Type: expected application/json or application/msgpack");
		b->over(b);
		return;
	}
	b->node = strdup(c->who.node);
	if (b->node == NULL) {
		call_busy(c);
		b->over(b);
		return;
	}
	if (!c->form_said)
		c->form = b->form;
	request_hold(c->request);
	b->pool = (struct pool_job){ .work = on_work, .done = on_done, .arg = b };
	if (request_body(c->request)->pub.len <= INLINE_BYTES) {
		on_work(&b->pool);
		on_done(&b->pool);
	} else {
		pool_submit(c->app, &b->pool);
	}
}

void body_release(struct body *b)
{
	free(b->node);
	b->node = NULL;
}
