/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node sends with its token, taken apart: a short body in the loop's thread, a long one in
 * libuv's pool.  The request is held meanwhile.
 */
#ifndef CENTRAL_BODY_H
#define CENTRAL_BODY_H

#include "central/call.h"
#include "central/pool.h"

struct body { /* within a struct of the handler's */
	struct call *call;
	char *node; /* that of the token */
	/* Of the handler: */
	const char *what; /* it has, for sentences: "records" */
	/* In any thread; *said is the node that it names, NULL: none. */
	int (*read)(struct body *b, const msgpack_object *o, const char **said,
		    struct tesla_error *err);
	/* In the loop's: it was read, and names no other node.  The call is to be answered. */
	void (*done)(struct body *b);
	/* In its place, when the call was answered already: there is nothing to be done. */
	void (*over)(struct body *b);
	/* Of this file: */
	struct pool_job pool;
	enum call_form form;
	int result;
	struct tesla_error error;
	const char *said;
};

/* Takes it: `done` or `over` is called, perhaps within the call.  b->node is freed with it. */
void body_take(struct body *b, struct call *c);
void body_release(struct body *b);

#endif
