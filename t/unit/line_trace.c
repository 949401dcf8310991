/* SPDX-License-Identifier: Apache-2.0 */
/* What a host tells of a line that is traced: frames, and what they mean. */
#include "host/trace.h"
#include "line_fixture.h"

struct rig {
	struct world *w;
	struct trace trace;
	struct action act;
	struct buf none;
};

static void rig_init(struct rig *r, bool traced)
{
	*r = (struct rig){ .w = world_new(1) };
	r->w->line->traced = traced;
	r->act = (struct action){ .act = ACT_READ,
				  .a = r->w->line->analyzers[0],
				  .what = { .function = 3, .address = 10, .count = 2 } };
	buf_init(&r->none, 0);
}

static void served(struct rig *r)
{
	trace_serve(&r->trace, r->w->line, &r->act);
}

static void shown(struct rig *r, enum tesla_frame_kind kind, const char *bytes)
{
	trace_frame(&r->trace, kind, bytes, strlen(bytes));
}

static void over(struct rig *r, enum tesla_status status, int code, const char *why)
{
	const struct tesla_reply reply = { .status = status, .code = code, .data = &r->none.pub };
	struct tesla_error err;

	(void)tesla_fail(&err, -EIO, "%s", why);
	trace_end(&r->trace, r->w->line, &r->act, &reply, &err);
}

static size_t field(char *text, size_t size, const msgpack_object *o)
{
	if (o->type == MSGPACK_OBJECT_STR)
		return (size_t)snprintf(text, size, "%.*s", (int)o->via.str.size, o->via.str.ptr);
	if (o->type == MSGPACK_OBJECT_BIN)
		return (size_t)snprintf(text, size, "%.*s", (int)o->via.bin.size, o->via.bin.ptr);
	if (o->type == MSGPACK_OBJECT_ARRAY)
		return (size_t)snprintf(text, size, "%d/%d/%d", (int)o->via.array.ptr[0].via.u64,
					(int)o->via.array.ptr[1].via.u64,
					(int)o->via.array.ptr[2].via.u64);
	if (o->type == MSGPACK_OBJECT_NIL)
		return (size_t)snprintf(text, size, "-");
	return (size_t)snprintf(text, size, "%d", (int)o->via.i64);
}

/* All frames that wait, each as "kind analyzer asked bytes cut word code text;". */
static const char *seen(struct rig *r)
{
	static char text[20000];
	struct gather *g = &r->w->h.gather;
	size_t at = 0, offset = 0;
	msgpack_unpacked u;

	*text = '\0';
	msgpack_unpacked_init(&u);
	for (size_t n = 0; n < g->n_frames; n++) {
		cr_assert_eq(msgpack_unpack_next(&u, (const char *)g->frames.pub.bytes,
						 g->frames.pub.len, &offset),
			     MSGPACK_UNPACK_SUCCESS);
		cr_assert_eq(u.data.via.array.size, 10);
		cr_expect_eq(u.data.via.array.ptr[0].via.i64, 1, "the line");
		for (int i = 2; i < 10; i++) {
			at += field(text + at, sizeof text - at, &u.data.via.array.ptr[i]);
			text[at++] = i < 9 ? ' ' : ';';
		}
	}
	text[at] = '\0';
	msgpack_unpacked_destroy(&u);
	gather_flush(g);
	return text;
}

Test(line_trace, a_reply_is_told_with_its_meaning)
{
	struct rig r;

	rig_init(&r, true);
	served(&r);
	shown(&r, TESLA_FRAME_SENT, "ask");
	cr_expect_str_eq(seen(&r), "1 100 3/10/2 ask 0 - 0 -;");
	shown(&r, TESLA_FRAME_LATE, "old");
	shown(&r, TESLA_FRAME_RECEIVED, "an");
	shown(&r, TESLA_FRAME_RECEIVED, "swer");
	over(&r, TESLA_REPLY_EXCEPTION, 2, "exception 2");
	cr_expect_str_eq(seen(&r),
			 "4 0 - old 0 - 0 -;2 100 3/10/2 answer 0 exception 2 exception 2;");
	/* Of a text, of nobody, of a good one, and of none. */
	r.act.what.command = "RVI";
	served(&r);
	shown(&r, TESLA_FRAME_RECEIVED, "x");
	over(&r, TESLA_REPLY_OK, 0, "");
	r.act.act = ACT_IDENTIFY;
	served(&r);
	shown(&r, TESLA_FRAME_SENT, "who");
	over(&r, TESLA_REPLY_TIMEOUT, 0, "no answer");
	cr_expect_str_eq(seen(&r), "2 100 RVI x 0 ok 0 -;1 100 - who 0 - 0 -;"
				   "0 100 -  0 timeout 0 no answer;");
	world_free(r.w);
}

/* In an event loop others are served between request and time-out. */
Test(line_trace, what_is_of_another_transaction_is_not_told_of_this_one)
{
	struct rig r;
	struct action other;

	rig_init(&r, true);
	other = r.act;
	trace_serve(&r.trace, r.w->line, &other);
	shown(&r, TESLA_FRAME_RECEIVED, "other");
	over(&r, TESLA_REPLY_TIMEOUT, 0, "no answer");
	cr_expect_str_eq(seen(&r), "0 100 3/10/2  0 timeout 0 no answer;");
	world_free(r.w);
}

Test(line_trace, a_driver_that_shows_nothing)
{
	struct rig r;

	rig_init(&r, true);
	served(&r);
	over(&r, TESLA_REPLY_OK, 0, "");
	cr_expect_str_eq(seen(&r), "0 100 3/10/2  0 ok 0 the driver does not show its frames;");
	world_free(r.w);
}

Test(line_trace, what_happens_to_the_line)
{
	struct rig r;

	rig_init(&r, true);
	trace_junk(r.w->line, "noise", 5);
	trace_event(r.w->line, "broken", "the far end hung up");
	cr_expect_str_eq(seen(&r), "3 0 - noise 0 - 0 -;0 0 -  0 broken 0 the far end hung up;");
	r.w->line->state = LINE_FAILED;
	trace_event(r.w->line, "failed", NULL);
	cr_expect_str_eq(seen(&r), "0 0 -  0 failed 0 -;");
	world_free(r.w);
}

Test(line_trace, nobody_looks)
{
	struct rig r;

	rig_init(&r, false);
	served(&r);
	shown(&r, TESLA_FRAME_SENT, "ask");
	shown(&r, TESLA_FRAME_RECEIVED, "answer");
	trace_junk(r.w->line, "noise", 5);
	trace_event(r.w->line, "open", NULL);
	over(&r, TESLA_REPLY_OK, 0, "");
	cr_expect_eq(r.w->h.gather.n_frames, 0);
	cr_expect_eq(r.w->h.gather.frames.cap, 0, "nothing is allocated");
	world_free(r.w);
}

Test(line_trace, what_is_too_long_and_what_is_too_much)
{
	static char long_one[TRACE_BYTES_MAX + 20];
	struct rig r;
	const char *text;
	size_t n = 0;

	rig_init(&r, true);
	memset(long_one, 'x', sizeof long_one - 1);
	served(&r);
	shown(&r, TESLA_FRAME_RECEIVED, long_one);
	shown(&r, TESLA_FRAME_RECEIVED, "more");
	over(&r, TESLA_REPLY_OK, 0, "");
	text = seen(&r);
	cr_expect_not_null(strstr(text, "x 23 ok 0 -;"), "%s", text + TRACE_BYTES_MAX);
	cr_expect_eq(strlen(text), strlen("2 100 3/10/2  23 ok 0 -;") + TRACE_BYTES_MAX);
	do {
		n = r.w->h.gather.n_frames;
		trace_junk(r.w->line, long_one, TRACE_BYTES_MAX);
	} while (r.w->h.gather.n_frames > n);
	trace_junk(r.w->line, long_one, TRACE_BYTES_MAX);
	cr_expect_eq(r.w->line->trace_lost, 2);
	gather_flush(&r.w->h.gather);
	trace_junk(r.w->line, "here", 4);
	cr_expect_str_eq(seen(&r), "0 0 -  0 lost 2 -;3 0 - here 0 - 0 -;");
	world_free(r.w);
}
