/* SPDX-License-Identifier: Apache-2.0 */
/* Maps that were sent, tables that are wanted, changes that wait for a disk. */
#include "central/api_help.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/pool.h"

#define SENT_MAX ((size_t)1 << 20)

/* ---- queries ---- */

int call_table(const struct call *c, struct table *t, struct tesla_error *err)
{
	static const enum table_form forms[N_CALL_FORMS] = {
		[CALL_JSON] = TABLE_JSON,
		[CALL_MSGPACK] = TABLE_MSGPACK,
		[CALL_CSV] = TABLE_CSV,
	};
	const char *times = request_query(c->request, "times");

	t->form = forms[c->form];
	t->iso = t->form == TABLE_CSV;
	if (times == NULL)
		return 0;
	t->iso = strcmp(times, "iso") == 0;
	if (!t->iso && strcmp(times, "ms") != 0)
		return tesla_fail(err, -EINVAL, "times is \"%.40s\": expected ms or iso", times);
	return 0;
}

int call_limit(const struct call *c, size_t *ret, struct tesla_error *err)
{
	int64_t limit;

	if (call_query_int(c, "limit", PAGE_DEFAULT, &limit, err) != 0)
		return -EINVAL;
	if (limit < 1 || limit > PAGE_MAX)
		return tesla_fail(err, -EINVAL, "limit is %lld: expected 1 to %d", (long long)limit,
				  PAGE_MAX);
	*ret = (size_t)limit;
	return 0;
}

/* ---- what was sent ---- */

static void buf_wipe(struct buf *b)
{
	if (b->cap > 0)
		sodium_memzero(b->pub.bytes, b->cap);
}

static void texts_release(struct sent *s)
{
	buf_wipe(&s->packed);
	buf_wipe(s->body);
	buf_release(&s->packed);
}

int sent_read(struct call *c, struct sent *ret, struct tesla_error *err)
{
	enum call_form form;
	int r;

	ret->body = request_body(c->request);
	buf_init(&ret->packed, SENT_MAX);
	/* At once: what it would have grown out of could not be wiped. */
	if (ret->body->pub.len < SENT_MAX)
		(void)buf_reserve(&ret->packed, ret->body->pub.len);
	if (call_body_form(c, &form) != 0)
		r = tesla_fail(err, -EINVAL,
			       "Content-Type: expected application/json or application/msgpack");
	else
		r = body_unpack(ret->body, form, &ret->packed, &ret->doc, err);
	if (r != 0) {
		texts_release(ret);
		return r;
	}
	ret->map = &ret->doc.u.data;
	if (ret->map->type == MSGPACK_OBJECT_MAP)
		return 0;
	sent_release(ret);
	return tesla_fail(err, -EINVAL, "expected a map in the body");
}

void sent_release(struct sent *s)
{
	mp_doc_release(&s->doc);
	texts_release(s);
}

static bool is_one_of(const msgpack_object_str *text, const char *const *keys)
{
	for (; *keys != NULL; keys++)
		if (strlen(*keys) == text->size && memcmp(*keys, text->ptr, text->size) == 0)
			return true;
	return false;
}

int sent_check(const struct sent *s, const char *const *keys, struct tesla_error *err)
{
	for (uint32_t i = 0; i < s->map->via.map.size; i++) {
		const msgpack_object *key = &s->map->via.map.ptr[i].key;

		if (key->type != MSGPACK_OBJECT_STR)
			return tesla_fail(err, -EINVAL, "a key that is no text");
		if (!is_one_of(&key->via.str, keys))
			return tesla_fail(err, -EINVAL, "\"%.*s\" is nothing that may be set here",
					  (int)(key->via.str.size < 40 ? key->via.str.size : 40),
					  key->via.str.ptr);
	}
	return 0;
}

bool sent_has(const struct sent *s, const char *key)
{
	return mp_get(s->map, key) != NULL;
}

/* No copy of it is anywhere else: it may be a password. */
static const char *text_of(const msgpack_object *o, struct arena *memory)
{
	const msgpack_object_str *text = &o->via.str;
	char *copy;

	if (o->type != MSGPACK_OBJECT_STR || memchr(text->ptr, '\0', text->size) != NULL)
		return NULL;
	copy = arena_alloc(memory, (size_t)text->size + 1, 1);
	if (copy != NULL)
		memcpy(copy, text->ptr, text->size);
	return copy;
}

int sent_text(const struct sent *s, const char *key, struct arena *memory, const char **ret,
	      struct tesla_error *err)
{
	const msgpack_object *o = mp_get(s->map, key);
	const char *text;

	if (o == NULL)
		return 0;
	text = o->type == MSGPACK_OBJECT_NIL ? "" : text_of(o, memory);
	if (text == NULL)
		return tesla_fail(err, -EINVAL, "%s: expected a text", key);
	*ret = text;
	return 0;
}

int sent_texts(const struct sent *s, const char *key, struct arena *memory, const char **ret,
	       struct tesla_error *err)
{
	const msgpack_object *list;
	size_t n, len = 0;
	char *all;

	if (mp_get(s->map, key) == NULL)
		return 0;
	if (mp_get(s->map, key)->type != MSGPACK_OBJECT_ARRAY)
		return tesla_fail(err, -EINVAL, "%s: expected a list of texts", key);
	list = mp_array(s->map, key, &n);
	for (size_t i = 0; i < n; i++)
		len += list[i].type == MSGPACK_OBJECT_STR ? list[i].via.str.size + 1u : 0;
	all = arena_alloc(memory, len + 1, 1);
	if (all == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	len = 0;
	for (size_t i = 0; i < n; i++) {
		const msgpack_object_str *text = &list[i].via.str;

		if (list[i].type != MSGPACK_OBJECT_STR || text->size == 0 ||
		    memchr(text->ptr, '\0', text->size) != NULL ||
		    memchr(text->ptr, ',', text->size) != NULL)
			return tesla_fail(err, -EINVAL,
					  "%s: expected texts without a comma in the list", key);
		if (len > 0)
			all[len++] = ',';
		memcpy(all + len, text->ptr, text->size);
		len += text->size;
	}
	all[len] = '\0';
	*ret = all;
	return 0;
}

/* ---- changes ---- */

struct changing { /* beside the change, which its owner sees */
	struct change change;
	struct pool_job pool;
};

struct change *change_new(struct call *c, size_t arg_size)
{
	struct changing *ch = calloc(1, sizeof *ch);

	if (ch != NULL)
		ch->change.arg = arena_alloc(&ch->change.memory, 1, arg_size);
	if (ch == NULL || ch->change.arg == NULL) {
		free(ch);
		call_busy(c);
		return NULL;
	}
	ch->change.call = c;
	ch->change.now_ms = app_wall_ms(c->app);
	(void)snprintf(ch->change.who, sizeof ch->change.who, "%s", c->who_text);
	(void)snprintf(ch->change.from, sizeof ch->change.from, "%s", request_peer(c->request));
	return &ch->change;
}

void change_free(struct change *ch)
{
	arena_wipe(&ch->memory);
	free(ch);
}

void change_drop(struct change *ch, const struct tesla_error *err)
{
	call_fail(ch->call, err);
	change_free(ch);
}

static void on_work(struct pool_job *job)
{
	struct change *ch = job->arg;
	const struct registry_actor by = { ch->who, ch->from, ch->now_ms };

	ch->result = ch->make(ch, job->app->registry_db, &by, &ch->error);
}

static void on_done(struct pool_job *job)
{
	struct change *ch = job->arg;
	struct call *c = ch->call;

	app_refresh(job->app);
	if (ch->result != 0) {
		ch->error.code = ch->result;
		call_fail(c, &ch->error);
		if (ch->failed != NULL)
			ch->failed(ch, c);
	} else if (ch->answer != NULL) {
		ch->answer(ch, c);
	} else {
		struct buf none;

		buf_init(&none, 0);
		request_answer(c->request, 204, NULL, &none);
	}
	change_free(ch);
}

void change_submit(struct change *ch)
{
	request_hold(ch->call->request);
	change_submit_held(ch);
}

void change_submit_held(struct change *ch)
{
	struct changing *all = (struct changing *)(void *)ch;

	all->pool = (struct pool_job){ .work = on_work, .done = on_done, .arg = ch };
	pool_submit(ch->call->app, &all->pool);
}

/* ---- packing ---- */

void pack_texts(msgpack_packer *pk, const char *key, const struct registry_texts *texts)
{
	mp_str(pk, key);
	(void)msgpack_pack_array(pk, texts->n);
	for (size_t i = 0; i < texts->n; i++)
		mp_str(pk, texts->list[i]);
}

void pack_text_or_nil(msgpack_packer *pk, const char *key, const char *text)
{
	mp_key_str(pk, key, text[0] != '\0' ? text : NULL);
}
