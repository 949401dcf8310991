/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request that found its route: who asks, what the path says, in which form the answer is
 * wanted.  Answers are made as MessagePack, and printed as JSON for those who want that.
 */
#ifndef CENTRAL_CALL_H
#define CENTRAL_CALL_H

#include "base/mp.h"
#include "central/app.h"

#define CALL_ARGS_MAX 8
#define CALL_ANSWER_MAX ((size_t)16 << 20)

enum call_form { CALL_JSON, CALL_MSGPACK, CALL_CSV, N_CALL_FORMS };
extern const char *const call_types[N_CALL_FORMS];

struct call {
	TAILQ_ENTRY(call) listed;
	struct app *app;
	struct request *request;
	const struct route *route;
	const char *args[CALL_ARGS_MAX]; /* what stands for each {} of the pattern */
	struct auth_principal who;	 /* good until the registry is refreshed: copy it */
	char who_text[80];
	enum call_form form; /* of the answer, by Accept; JSON when nothing is said */
	bool form_said;
	/* A handler's own, for as long as it takes. */
	void *work;
	void (*work_over)(struct call *c); /* the request is over, and so is this call */
	void (*stop)(struct call *c);	   /* of a lasting one: the server ends */
};

/* ---- answers ---- */

/* `packed` is a MessagePack value, taken and empty then. */
void call_answer(struct call *c, unsigned status, struct buf *packed);
void call_answer_ok(struct call *c, struct buf *packed);
/* {"error": "..."}; the text is a sentence for who called. */
__attribute__((format(printf, 3, 4))) void call_error(struct call *c, unsigned status,
						      const char *fmt, ...);
/* Of an errno: 400 -EINVAL, 404 -ENOENT, 409 -EEXIST, 503 for the disk, and so on. */
void call_fail(struct call *c, const struct tesla_error *err);
/* The store or the disk failed it, however that is answered: it is counted, and logged. */
void call_failed(struct call *c, const char *sentence);
/* 503, Retry-After: too many wait. */
void call_busy(struct call *c);

/* ---- what was sent ---- */

/* The body, JSON or MessagePack by its type, as MessagePack in `packed`.  -EBADMSG, -ENOMEM. */
int call_body_form(const struct call *c, enum call_form *ret);
int body_unpack(const struct buf *body, enum call_form form, struct buf *packed, struct mp_doc *doc,
		struct tesla_error *err);

/* Whole numbers and times of a query; `dflt` where there is none.  -EINVAL with its name. */
int call_query_int(const struct call *c, const char *name, int64_t dflt, int64_t *ret,
		   struct tesla_error *err);

/* The node that the path names, itself or by an analyzer's row; NULL: none that there is. */
const char *call_node(const struct call *c);
#endif
