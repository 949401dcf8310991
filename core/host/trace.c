/* SPDX-License-Identifier: Apache-2.0 */
/* What goes over a line that is traced. */
#include "host/trace.h"

#include <string.h>

#include "base/clock.h"

#define ENTRY_ROOM 768u /* more than an entry takes without its bytes */

struct entry {
	int64_t t_us;
	int kind; /* enum tesla_frame_kind; 0: no bytes, something happened */
	const struct action *act;
	const uint8_t *bytes;
	size_t len, cut;
	const char *word, *text;
	int code;
};

const char *status_word(enum tesla_status status)
{
	static const char *const words[] = {
		[TESLA_REPLY_NONE] = "none",	       [TESLA_REPLY_OK] = "ok",
		[TESLA_REPLY_TIMEOUT] = "timeout",     [TESLA_REPLY_GARBLED] = "garbled",
		[TESLA_REPLY_EXCEPTION] = "exception", [TESLA_REPLY_BROKEN] = "broken"
	};

	return (size_t)status < sizeof words / sizeof *words ? words[status] : "garbled";
}

/* What was asked: nil (who are you?), a command, or registers. */
static void asked_pack(msgpack_packer *pk, const struct action *act)
{
	if (act == NULL || act->act != ACT_READ) {
		(void)msgpack_pack_nil(pk);
	} else if (act->what.command != NULL) {
		mp_str(pk, act->what.command);
	} else {
		(void)msgpack_pack_array(pk, 3);
		(void)msgpack_pack_uint16(pk, act->what.function);
		(void)msgpack_pack_uint16(pk, act->what.address);
		(void)msgpack_pack_uint16(pk, act->what.count);
	}
}

/* Whoever a look finds at an address of its own is no analyzer. */
static int64_t asked_of(const struct action *act)
{
	return act != NULL && act->address == act->a->address ? act->a->id : 0;
}

static void entry_pack(struct gather *g, const struct line *l, const struct entry *e)
{
	msgpack_packer pk;

	mp_writer(&pk, &g->frames);
	(void)msgpack_pack_array(&pk, 10);
	(void)msgpack_pack_int64(&pk, l->id);
	(void)msgpack_pack_int64(&pk, e->t_us);
	(void)msgpack_pack_int(&pk, e->kind);
	(void)msgpack_pack_int64(&pk, asked_of(e->act));
	asked_pack(&pk, e->act);
	(void)msgpack_pack_bin(&pk, e->len);
	(void)msgpack_pack_bin_body(&pk, e->bytes, e->len);
	(void)msgpack_pack_uint64(&pk, e->cut);
	mp_str(&pk, e->word);
	(void)msgpack_pack_int(&pk, e->code);
	mp_str(&pk, e->text);
	g->n_frames++;
}

static bool has_room(const struct gather *g, size_t len)
{
	return g->frames.pub.len + len + ENTRY_ROOM <= g->frames.max;
}

/* What does not fit until the next flush is counted, and that is told first of all. */
static void entry_add(struct line *l, const struct entry *e)
{
	struct gather *g = l->gather;
	struct entry lost = { .t_us = e->t_us, .word = "lost", .code = (int)l->trace_lost };

	if (!has_room(g, e->len + ENTRY_ROOM)) {
		l->trace_lost++;
		return;
	}
	if (l->trace_lost > 0)
		entry_pack(g, l, &lost);
	l->trace_lost = 0;
	entry_pack(g, l, e);
}

static struct entry entry_of(enum tesla_frame_kind kind, const void *bytes, size_t len)
{
	size_t shown = len < TRACE_BYTES_MAX ? len : TRACE_BYTES_MAX;

	return (struct entry){ .t_us = clock_wall_us(),
			       .kind = kind,
			       .bytes = bytes,
			       .len = shown,
			       .cut = len - shown };
}

void trace_serve(struct trace *t, struct line *l, const struct action *act)
{
	t->line = l;
	t->act = act;
	t->len = t->cut = 0;
}

/* A driver may have taken it piece by piece. */
static void received(struct trace *t, const void *bytes, size_t len)
{
	size_t room = TRACE_BYTES_MAX - t->len, n = len < room ? len : room;

	if (n > 0)
		memcpy(t->bytes + t->len, bytes, n);
	t->len += n;
	t->cut += len - n;
	t->t_us = clock_wall_us();
}

void trace_frame(struct trace *t, enum tesla_frame_kind kind, const void *bytes, size_t len)
{
	struct entry e;

	if (len == 0 || t->line == NULL || !t->line->traced)
		return;
	if (kind == TESLA_FRAME_RECEIVED && t->act != NULL) {
		received(t, bytes, len);
		return;
	}
	e = entry_of(kind, bytes, len);
	if (kind == TESLA_FRAME_SENT)
		e.act = t->act;
	entry_add(t->line, &e);
}

void trace_end(struct trace *t, struct line *l, const struct action *act,
	       const struct tesla_reply *reply, const struct tesla_error *err)
{
	struct entry e = { .act = act, .word = status_word(reply->status), .code = reply->code };

	if (!l->traced)
		return;
	if (t->line != l || t->act != act)
		trace_serve(t, l, act);
	e.t_us = t->len > 0 ? t->t_us : clock_wall_us();
	if (reply->status != TESLA_REPLY_OK)
		e.text = err->text;
	else if (t->len == 0)
		e.text = "the driver does not show its frames";
	if (t->len > 0) {
		e.kind = TESLA_FRAME_RECEIVED;
		e.bytes = t->bytes;
		e.len = t->len;
		e.cut = t->cut;
	}
	entry_add(l, &e);
	t->len = t->cut = 0;
}

void trace_junk(void *arg, const void *bytes, size_t len)
{
	struct line *l = arg;
	struct entry e;

	if (!l->traced)
		return;
	e = entry_of(TESLA_FRAME_JUNK, bytes, len);
	entry_add(l, &e);
}

void trace_event(struct line *l, const char *word, const char *text)
{
	const struct entry e = { .t_us = clock_wall_us(), .word = word, .text = text };

	if (l->traced)
		entry_add(l, &e);
}
