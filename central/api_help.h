/* SPDX-License-Identifier: Apache-2.0 */
/* What the handlers of /api/v1 share: tables, pages of lists, maps that were sent, changes. */
#ifndef CENTRAL_API_HELP_H
#define CENTRAL_API_HELP_H

#include "base/arena.h"
#include "central/call.h"
#include "central/table.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX 1000

/* In which form the call wants its table, and its times (times=iso, times=ms). */
int call_table(const struct call *c, struct table *t, struct tesla_error *err);

/* limit= of a list.  -EINVAL. */
int call_limit(const struct call *c, size_t *ret, struct tesla_error *err);

/* ---- what was sent: a map ---- */

struct sent {
	struct buf *body, packed;
	struct mp_doc doc;
	const msgpack_object *map;
};
/*
 * -EINVAL, -EBADMSG with a sentence; on success sent_release.  There may be passwords in it: either
 * way nothing of it stays in memory, the request's body neither; what was copied is the arena's.
 */
int sent_read(struct call *c, struct sent *ret, struct tesla_error *err);
void sent_release(struct sent *s);
/* Every key is one of these (which end with NULL), so that a mistake in one is said.  -EINVAL. */
int sent_check(const struct sent *s, const char *const *keys, struct tesla_error *err);
/* A text, in `memory`; *ret stays as it is where there is none.  -EINVAL: it is no text. */
int sent_text(const struct sent *s, const char *key, struct arena *memory, const char **ret,
	      struct tesla_error *err);
/* A list of texts as the registry takes it: separated by commas. */
int sent_texts(const struct sent *s, const char *key, struct arena *memory, const char **ret,
	       struct tesla_error *err);
bool sent_has(const struct sent *s, const char *key);

/* ---- changes: in libuv's pool, as they wait for a disk ---- */

struct change {
	struct arena memory; /* what it is made of; wiped with it */
	/* In the pool. */
	int (*make)(struct change *ch, struct registry_db *db, const struct registry_actor *by,
		    struct tesla_error *err);
	/* In the loop, once it is made and the registry is refreshed; NULL: 204. */
	void (*answer)(struct change *ch, struct call *c);
	/* The same where it failed, which is answered; NULL: there is nothing to do. */
	void (*failed)(struct change *ch, struct call *c);
	void *arg; /* in `memory` */
	/* api_help.c's */
	struct call *call;
	struct tesla_error error;
	int result;
	char who[80], from[PEER_TEXT + 20];
	int64_t now_ms;
};
/* NULL: no memory; it was said.  Then change_submit or change_drop. */
struct change *change_new(struct call *c, size_t arg_size);
void change_submit(struct change *ch);
void change_submit_held(struct change *ch);			    /* of a call that is held */
void change_drop(struct change *ch, const struct tesla_error *err); /* answered with it */
void change_free(struct change *ch);				    /* it was answered */

/* A list of texts; what is not written as "" is nil. */
void pack_texts(msgpack_packer *pk, const char *key, const struct registry_texts *texts);
void pack_text_or_nil(msgpack_packer *pk, const char *key, const char *text);

#endif
