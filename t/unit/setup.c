/* SPDX-License-Identifier: Apache-2.0 */
/* What a host of lines is told: all of it at first, then what is new to it and nothing else. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "daemon/setup.h"
#include "hub_fixture.h"

#define DRIVER 0
#define DATA 1

struct bench {
	struct fixture x;
	char *texts[1];
	struct plugin plugins[2], *list[2];
	struct plugin_use uses[3];
	struct plugins p;
	struct pattern pattern;
	struct catalog catalog;
	struct ini ini; /* confine = no */
	struct setup s;
	struct told told;
	bool block;
};

static void bench_init(struct bench *b)
{
	*b = (struct bench){ .block = false };
	b->s.hub = fixture_hub(&b->x);
	cr_assert(ne(ptr, b->s.hub, NULL));
	b->texts[0] = fixture_text("<model/>");
	b->x.config.model_texts = b->texts;
	b->plugins[DRIVER] = (struct plugin){ .kind = TESLA_DRIVER,
					      .name = fixture_text("drv"),
					      .path = fixture_text("/drv.so"),
					      .stamp = fixture_text("drv 1") };
	b->plugins[DATA] = (struct plugin){ .kind = TESLA_DATA,
					    .name = fixture_text("dat"),
					    .path = fixture_text("/dat.so"),
					    .stamp = fixture_text("dat 1") };
	for (size_t i = 0; i < 2; i++)
		b->list[i] = &b->plugins[i];
	for (size_t i = 0; i < 3; i++)
		b->uses[i] = (struct plugin_use){ &b->plugins[DRIVER], &b->plugins[DATA], NULL };
	b->p = (struct plugins){ .list = b->list, .n = 2, .uses = b->uses, .n_analyzers = 3 };
	b->pattern = (struct pattern){ fixture_text("PM710"), fixture_text("PM") };
	b->catalog = (struct catalog){ &b->pattern, 1 };
	b->s.ini = &b->ini;
	b->s.plugins = &b->p;
	b->s.catalog = &b->catalog;
	b->s.log_level = LOG_LEVEL_INFO;
}

static void bench_release(struct bench *b)
{
	told_release(&b->told);
	hub_free(b->s.hub);
}

static bool blocked(void *arg, size_t owner, const struct hub_line *l)
{
	(void)owner, (void)l;
	return *(bool *)arg;
}

/* The messages' names, each with what it is about: "line 1 (7 3), go". */
static void names_add(char *text, size_t size, const msgpack_object *m)
{
	_cleanup_free_ char *name = mp_strdup(m, "m"), *of = mp_strdup(m, "name");
	size_t at = strlen(text), n;
	const msgpack_object *list = mp_array(m, "analyzers", &n);

	at += (size_t)snprintf(text + at, size - at, "%s%s", at > 0 ? ", " : "", name);
	if (mp_get(m, "line") != NULL || mp_is(m, "m", "line"))
		at += (size_t)snprintf(text + at, size - at, " %d",
				       (int)mp_int(m, "line", mp_int(m, "id", 0)));
	else if (of != NULL)
		at += (size_t)snprintf(text + at, size - at, " %s", of);
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%d", i > 0 ? " " : " (",
				       (int)mp_int(&list[i], "id", 0));
	if (n > 0)
		(void)snprintf(text + at, size - at, ")");
}

static const char *told(struct bench *b, char *text, size_t size)
{
	struct frame_reader in;
	struct tesla_error err;
	struct mp_doc doc;
	struct buf out;
	size_t room;

	buf_init(&out, 1u << 20);
	cr_assert(eq(int, setup_leave(&b->s, 0, &b->told, &out), 0));
	cr_assert(eq(int, setup_lines(&b->s, 0, &b->told, blocked, &b->block, &out), 0));
	frame_reader_init(&in);
	*text = '\0';
	for (size_t at = 0; at < out.pub.len;) {
		uint8_t *to = frame_reader_room(&in, &room);
		size_t n = room < out.pub.len - at ? room : out.pub.len - at;

		memcpy(to, out.pub.bytes + at, n);
		frame_reader_add(&in, n);
		at += n;
		while (frame_reader_next(&in, &doc, &err) == 1) {
			names_add(text, size, &doc.u.data);
			mp_doc_release(&doc);
		}
	}
	frame_reader_release(&in);
	buf_release(&out);
	return text;
}

#define TOLD(B, WANT) \
	do { \
		char text_[500]; \
		const char *got_ = told(B, text_, sizeof text_); \
		cr_assert(strcmp(got_, WANT) == 0, "%s, expected %s", got_, WANT); \
	} while (0)

static void confirm(struct bench *b, int64_t line)
{
	struct told_entry *e = told_line(&b->told, line);

	cr_assert(ne(ptr, e, NULL));
	e->confirmed = e->number;
}

Test(setup, all_of_it_once)
{
	struct bench b;

	bench_init(&b);
	TOLD(&b, "hello, plugin drv, plugin dat, model PM710, patterns, line 1 (7 3), go");
	TOLD(&b, "");
	cr_expect(not(told_all_settled(&b.told)));
	confirm(&b, 1);
	cr_expect(told_all_settled(&b.told));
	TOLD(&b, "");
	bench_release(&b);
}

/* What changed is told, and all that depends on it; who changed again meanwhile, once it can be. */
Test(setup, what_is_new_and_nothing_else)
{
	struct bench b;

	bench_init(&b);
	TOLD(&b, "hello, plugin drv, plugin dat, model PM710, patterns, line 1 (7 3), go");
	confirm(&b, 1);
	b.x.analyzers[0].interval_ms = 5000;
	TOLD(&b, "line 1 (7 3)");
	b.x.analyzers[0].interval_ms = 6000;
	TOLD(&b, "");
	confirm(&b, 1);
	TOLD(&b, "line 1 (7 3)");
	confirm(&b, 1);
	b.texts[0] = fixture_text("<model />");
	TOLD(&b, "model PM710, line 1 (7 3)");
	confirm(&b, 1);
	b.pattern.pattern = fixture_text("PM7");
	TOLD(&b, "patterns, line 1 (7 3)");
	confirm(&b, 1);
	b.s.log_level = LOG_LEVEL_DEBUG;
	TOLD(&b, "level");
	bench_release(&b);
}

/* Whether it is polled: once, by `ask`; what was refused, again; a line says it by itself. */
Test(setup, who_is_polled)
{
	struct bench b;

	bench_init(&b);
	TOLD(&b, "hello, plugin drv, plugin dat, model PM710, patterns, line 1 (7 3), go");
	b.s.hub->analyzers[0].run = HUB_PAUSED;
	TOLD(&b, "ask"); /* also before the line is settled: the pipe keeps the order */
	TOLD(&b, "");
	cr_expect(eq(uint, b.told.turns, 1));
	told_forget(&b.told, "turn/7");
	TOLD(&b, "ask");
	b.s.hub->analyzers[0].run = HUB_STARTED;
	b.told.turns = 16; /* as many as may be under way */
	TOLD(&b, "");
	b.told.turns = 0;
	TOLD(&b, "ask");
	confirm(&b, 1);
	b.s.hub->analyzers[1].run = HUB_PAUSED;
	b.x.analyzers[1].interval_ms = 5000;
	TOLD(&b, "line 1 (7 3)");
	TOLD(&b, "");
	bench_release(&b);
}

/* Nothing as long as nobody asked; once; again with a line that is told anew; and its end. */
Test(setup, what_is_traced)
{
	struct bench b;

	bench_init(&b);
	TOLD(&b, "hello, plugin drv, plugin dat, model PM710, patterns, line 1 (7 3), go");
	b.s.hub->lines[0].traced = true;
	TOLD(&b, "trace 1");
	TOLD(&b, "");
	confirm(&b, 1);
	b.x.analyzers[0].interval_ms = 5000;
	TOLD(&b, "line 1 (7 3), trace 1");
	b.s.hub->lines[0].traced = false;
	TOLD(&b, "trace 1");
	confirm(&b, 1);
	b.x.analyzers[0].interval_ms = 6000;
	TOLD(&b, "line 1 (7 3)");
	/* A host that starts meanwhile is told with all the rest. */
	told_release(&b.told);
	b.s.hub->lines[0].traced = true;
	TOLD(&b, "hello, plugin drv, plugin dat, model PM710, patterns, line 1 (7 3), trace 1, go");
	bench_release(&b);
}

/* A host takes no other drivers on a line that it has: it lets go of it first. */
Test(setup, other_drivers_take_the_line_anew)
{
	struct bench b;

	bench_init(&b);
	TOLD(&b, "hello, plugin drv, plugin dat, model PM710, patterns, line 1 (7 3), go");
	confirm(&b, 1);
	b.x.analyzers[1].driver = fixture_text("another");
	TOLD(&b, "unline 1");
	TOLD(&b, "");
	told_drop(&b.told, 1);
	TOLD(&b, "line 1 (7 3)");
	bench_release(&b);
}

/* Of what is not settled the host is told nothing more, and yet nobody else may have it. */
Test(setup, a_line_leaves_once_it_is_settled)
{
	struct bench b;

	bench_init(&b);
	TOLD(&b, "hello, plugin drv, plugin dat, model PM710, patterns, line 1 (7 3), go");
	b.s.hub->analyzers[0].owner = b.s.hub->analyzers[1].owner = 1;
	TOLD(&b, "");
	cr_expect(told_line(&b.told, 1)->to_leave);
	confirm(&b, 1);
	TOLD(&b, "unline 1");
	bench_release(&b);
}

Test(setup, a_line_that_goes_and_comes)
{
	struct hub_analyzer *a;
	struct bench b;

	bench_init(&b);
	TOLD(&b, "hello, plugin drv, plugin dat, model PM710, patterns, line 1 (7 3), go");
	confirm(&b, 1);
	a = b.s.hub->analyzers;
	a[0].owner = a[1].owner = 1;
	a[2].owner = 0; /* line 2 comes instead */
	b.block = true;
	TOLD(&b, "unline 1");
	b.block = false;
	TOLD(&b, "line 2 (9)");
	a[0].owner = a[1].owner = 0; /* wanted again, before it was gone */
	TOLD(&b, "");
	told_drop(&b.told, 1);
	TOLD(&b, "line 1 (7 3)");
	bench_release(&b);
}

/* Nobody is on two lines: what comes to one waits until the other has let go of it. */
Test(setup, who_moves_leaves_first)
{
	struct hub_analyzer *a;
	struct bench b;

	bench_init(&b);
	a = b.s.hub->analyzers;
	a[2].owner = 0;
	TOLD(&b,
	     "hello, plugin drv, plugin dat, model PM710, patterns, line 1 (7 3), line 2 (9), go");
	confirm(&b, 1);
	confirm(&b, 2);
	a[1].was_line = a[1].line->conf->id;
	a[1].line = a[2].line;
	told_outdate(&b.told);
	TOLD(&b, "line 1 (7)");
	TOLD(&b, "");
	confirm(&b, 1);
	TOLD(&b, "line 2 (3 9)");
	cr_expect(eq(i64, a[1].was_line, 0));
	cr_expect(told_is_done(told_line(&b.told, 1)));
	cr_expect(not(told_is_done(told_line(&b.told, 2))));
	bench_release(&b);
}

static bool is_heard(const struct bench *b, const struct hub_analyzer *a)
{
	return told_has(&b->told, a->line->conf->id, a->told);
}

/* What a host has is heard, though more of the same line is on its way: it says things once. */
Test(setup, who_came_first_is_heard_first)
{
	struct hub_analyzer *a;
	struct bench b;

	bench_init(&b);
	a = b.s.hub->analyzers;
	a[2].owner = 0;
	TOLD(&b,
	     "hello, plugin drv, plugin dat, model PM710, patterns, line 1 (7 3), line 2 (9), go");
	confirm(&b, 1);
	cr_expect(is_heard(&b, &a[0]));
	a[1].was_line = a[1].line->conf->id;
	a[1].line = a[2].line;
	a[1].told = 0;
	told_outdate(&b.told);
	TOLD(&b, "line 1 (7)");
	confirm(&b, 1);
	TOLD(&b, "");
	cr_expect(not(is_heard(&b, &a[2])));
	confirm(&b, 2);
	TOLD(&b, "line 2 (3 9)");
	cr_expect(is_heard(&b, &a[2]));
	cr_expect(not(is_heard(&b, &a[1])));
	confirm(&b, 2);
	cr_expect(is_heard(&b, &a[1]));
	bench_release(&b);
}

/* Two that swap: each line is left with nobody, goes, and comes again. */
Test(setup, who_swaps_lines)
{
	struct hub_analyzer *a;
	struct hub_line *one;
	struct bench b;

	bench_init(&b);
	a = b.s.hub->analyzers;
	a[2].owner = 0;
	a[1].owner = 1;
	TOLD(&b,
	     "hello, plugin drv, plugin dat, model PM710, patterns, line 1 (7), line 2 (9), go");
	confirm(&b, 1);
	confirm(&b, 2);
	one = a[0].line;
	a[0].was_line = 1;
	a[0].line = a[2].line;
	a[2].was_line = 2;
	a[2].line = one;
	told_outdate(&b.told);
	TOLD(&b, "unline 1, unline 2");
	told_drop(&b.told, 1);
	TOLD(&b, "");
	told_drop(&b.told, 2);
	TOLD(&b, "line 1 (9)");
	confirm(&b, 1);
	TOLD(&b, "line 2 (7)");
	bench_release(&b);
}
