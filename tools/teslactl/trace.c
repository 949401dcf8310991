/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `teslactl trace`: asks for the frames of a line again and again, each time from where the last
 * answer ended.  The daemon answers when there are some; the asking keeps the trace on.
 */
#include "teslactl/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/capture.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "teslactl/peer.h"
#include "teslactl/signals.h"
#include "teslactl/table.h"

#define WAIT_MS 500 /* then there is an answer all the same: so soon a signal is seen */
#define ANSWER_MS 5000

struct tracer {
	const struct ctl *ctl;
	struct tesla_client *client;
	FILE *capture;		 /* NULL: none */
	int64_t begin_us, at_us; /* of it: its first frame (0: none yet), its last one from there */
	int64_t next;		 /* what is asked for; -1: what comes from now on */
	char *kind, *name;	 /* of the line; NULL: there was no answer yet */
	int signals;
	sigset_t mask;
	int64_t until_us;
};

struct frame_text {
	int64_t t_us;
	enum capture_direction direction;
	char *what; /* hex, or of an event a word */
	char *meaning;
};

/* ---- a frame in words ---- */

static char *asked_text(const msgpack_object *f)
{
	_cleanup_free_ char *command = mp_strdup(f, "command");
	int64_t count = mp_int(f, "count", 0);
	char *text;
	int n;

	if (command != NULL)
		n = asprintf(&text, "command %s", command);
	else if (count > 0)
		n = asprintf(&text, "function %" PRId64 ", %" PRId64 " register%s from %" PRId64,
			     mp_int(f, "function", 0), count, count == 1 ? "" : "s",
			     mp_int(f, "address", 0));
	else
		n = asprintf(&text, "who are you?");
	return n < 0 ? NULL : text;
}

/* What came of it: "ok", or the word with the reason. */
static char *outcome_text(const msgpack_object *f)
{
	_cleanup_free_ char *word = mp_strdup(f, "status"), *why = mp_strdup(f, "text");
	bool said = word != NULL && why != NULL && strncmp(why, word, strlen(word)) == 0;
	int64_t cut = mp_int(f, "cut", 0);
	char more[64] = "", *text;

	if (cut > 0)
		(void)snprintf(more, sizeof more, "; %" PRId64 " more bytes are not shown", cut);
	if (asprintf(&text, "%s%s%s%s", word && !said ? word : "", why && !said ? ": " : "",
		     why ? why : "", more) < 0)
		return NULL;
	return text;
}

static char *event_text(const msgpack_object *f)
{
	_cleanup_free_ char *why = mp_strdup(f, "text");
	char *text;

	if (mp_is(f, "status", "lost"))
		return asprintf(&text, "%" PRId64 " frames", mp_int(f, "code", 0)) < 0 ? NULL
										       : text;
	return why != NULL ? strdup(why) : NULL;
}

static char *meaning_of(const msgpack_object *f, enum capture_direction direction)
{
	_cleanup_free_ char *text = NULL;
	int64_t analyzer = mp_int(f, "analyzer", 0);
	char *whole;

	if (mp_is(f, "kind", "late"))
		return strdup("the answer to an older request");
	if (direction == CAPTURE_JUNK)
		return strdup("nobody asked for it");
	text = direction == CAPTURE_REQUEST ? asked_text(f)
	       : direction == CAPTURE_REPLY ? outcome_text(f)
					    : event_text(f);
	if (analyzer == 0 || text == NULL ||
	    asprintf(&whole, "analyzer %" PRId64 ": %s", analyzer, text) < 0) {
		whole = text;
		text = NULL;
	}
	return whole;
}

static void frame_text_make(const msgpack_object *f, struct frame_text *ret)
{
	static const struct {
		const char *kind;
		enum capture_direction direction;
	} kinds[] = { { "request", CAPTURE_REQUEST },
		      { "reply", CAPTURE_REPLY },
		      { "junk", CAPTURE_JUNK },
		      { "late", CAPTURE_JUNK } };

	*ret = (struct frame_text){ .t_us = mp_int(f, "t_us", 0), .direction = CAPTURE_EVENT };
	for (size_t i = 0; i < N_ELEMENTS(kinds); i++)
		if (mp_is(f, "kind", kinds[i].kind))
			ret->direction = kinds[i].direction;
	ret->what = mp_strdup(f, ret->direction == CAPTURE_EVENT ? "status" : "hex");
	ret->meaning = meaning_of(f, ret->direction);
	if (ret->meaning != NULL)
		text_clean(ret->meaning);
}

static void frame_text_release(struct frame_text *t)
{
	free(t->what);
	free(t->meaning);
}

/* ---- where it goes ---- */

static void print_text(const struct frame_text *f)
{
	time_t s = (time_t)(f->t_us / 1000000);
	struct tm tm;
	char when[32] = "";

	if (gmtime_r(&s, &tm) != NULL)
		(void)strftime(when, sizeof when, "%FT%T", &tm);
	(void)printf("%s.%06dZ %c", when, (int)(f->t_us % 1000000), f->direction);
	if (f->direction == CAPTURE_EVENT)
		(void)printf(" %s", f->what);
	else
		for (const char *at = f->what; at[0] != '\0' && at[1] != '\0'; at += 2)
			(void)printf(" %.2s", at);
	(void)printf("%s%s\n", f->meaning ? "  # " : "", f->meaning ? f->meaning : "");
}

/* With the first frame, or at the end when there was none. */
static void capture_begin(struct tracer *t, int64_t t_us)
{
	const struct capture_head head = {
		.line = t->ctl->line, .begin_us = t_us, .kind = t->kind, .name = t->name
	};

	if (t->begin_us != 0 || t->capture == NULL || t->kind == NULL || t->name == NULL)
		return;
	t->begin_us = t_us;
	capture_put_head(t->capture, &head);
}

/* Time does not go back in a capture, whatever the clock does. */
static void capture_frame(struct tracer *t, const struct frame_text *f)
{
	struct capture_text text = { .direction = f->direction,
				     .what = f->what,
				     .meaning = f->meaning };

	capture_begin(t, f->t_us);
	if (f->t_us - t->begin_us > t->at_us)
		t->at_us = f->t_us - t->begin_us;
	text.at_us = t->at_us;
	capture_put(t->capture, &text);
}

static int frame_take(struct tracer *t, const msgpack_object *f)
{
	struct frame_text text;
	struct tesla_error err;
	int r = CTL_GOOD;

	frame_text_make(f, &text);
	if (t->ctl->json)
		r = json_print(stdout, f, &err) == 0 ? CTL_GOOD : ctl_complain(t->ctl, &err);
	if (text.what != NULL && *text.what != '\0') {
		if (!t->ctl->json)
			print_text(&text);
		if (t->capture != NULL)
			capture_frame(t, &text);
	}
	frame_text_release(&text);
	return r;
}

/* What the daemon says that no host did: it is told as an event is. */
static int note(struct tracer *t, const char *word, const char *text, int64_t n)
{
	_cleanup_(buf_release) struct buf bytes;
	struct tesla_error err;
	struct mp_doc doc;
	msgpack_packer pk;
	int r;

	buf_init(&bytes, 4096);
	mp_writer(&pk, &bytes);
	(void)msgpack_pack_map(&pk, 5);
	mp_key_int(&pk, "t_us", clock_wall_us());
	mp_key_str(&pk, "kind", "event");
	mp_key_str(&pk, "status", word);
	mp_key_int(&pk, "code", n);
	mp_key_str(&pk, "text", text);
	if (bytes.failed || mp_unpack(&doc, bytes.pub.bytes, bytes.pub.len, &err) != 0)
		return CTL_GOOD;
	r = frame_take(t, &doc.u.data);
	mp_doc_release(&doc);
	return r;
}

/* ---- answers ---- */

/* From then on what happens to the line is among the frames. */
static int state_note(struct tracer *t, const msgpack_object *answer)
{
	_cleanup_free_ char *state = mp_strdup(answer, "state"),
			    *reason = mp_strdup(answer, "reason");

	if (t->kind != NULL)
		return CTL_GOOD;
	t->kind = mp_strdup(answer, "kind");
	t->name = mp_strdup(answer, "name");
	return state != NULL && strcmp(state, "open") != 0 ? note(t, state, reason, 0) : CTL_GOOD;
}

static int lost_note(struct tracer *t, const msgpack_object *answer)
{
	int64_t lost = 0;

	if (!mp_to_int(mp_get(answer, "lost"), &lost))
		return note(t, "lost", NULL, 0);
	return lost > 0 ? note(t, "lost", NULL, lost) : CTL_GOOD;
}

static int answer_take(struct tracer *t, const msgpack_object *answer)
{
	size_t n;
	const msgpack_object *frames = mp_array(answer, "frames", &n);
	int r;

	r = state_note(t, answer);
	if (r == CTL_GOOD && t->next >= 0)
		r = lost_note(t, answer);
	for (size_t i = 0; r == CTL_GOOD && i < n; i++)
		r = frame_take(t, &frames[i]);
	t->next = mp_int(answer, "next", t->next);
	return r;
}

/* Once it is known that there is such a line: a file that was there is not emptied for nothing. */
static int capture_open(struct tracer *t)
{
	struct tesla_error err;

	if (t->ctl->capture == NULL)
		return CTL_GOOD;
	t->capture = fopen(t->ctl->capture, "we");
	if (t->capture != NULL)
		return CTL_GOOD;
	(void)tesla_fail(&err, -errno, "%s: %s", t->ctl->capture, strerror(errno));
	return ctl_complain(t->ctl, &err);
}

static int ask(struct tracer *t)
{
	_cleanup_(buf_release) struct buf args;
	_cleanup_free_ uint8_t *bytes = NULL;
	struct tesla_error err;
	msgpack_packer pk;
	struct mp_doc doc;
	size_t len;
	int r;

	buf_init(&args, 256);
	mp_writer(&pk, &args);
	(void)msgpack_pack_map(&pk, t->next < 0 ? 1 : 3);
	mp_key_int(&pk, "line", t->ctl->line);
	if (t->next >= 0) {
		mp_key_int(&pk, "from", t->next);
		mp_key_int(&pk, "wait_ms", WAIT_MS);
	}
	r = tesla_request(t->client, "trace", args.pub.bytes, args.pub.len,
			  t->ctl->timeout_ms > 0 ? t->ctl->timeout_ms + WAIT_MS : ANSWER_MS, &bytes,
			  &len, &err);
	if (r == 0)
		r = mp_unpack(&doc, bytes, len, &err);
	if (r != 0)
		return ctl_refused(t->ctl, t->client, "trace", &err);
	r = t->next < 0 ? capture_open(t) : CTL_GOOD;
	if (r == CTL_GOOD)
		r = answer_take(t, &doc.u.data);
	mp_doc_release(&doc);
	return r;
}

/* ---- until it is enough ---- */

static bool over(const struct tracer *t)
{
	struct pollfd p = { .fd = t->signals, .events = POLLIN };

	if (ferror(stdout) || (t->capture != NULL && ferror(t->capture)))
		return true;
	if (t->until_us > 0 && clock_mono_us() >= t->until_us)
		return true;
	return poll(&p, 1, 0) > 0 && signals_end(t->signals);
}

static int trace_open(struct tracer *t)
{
	struct tesla_error err;

	t->signals = signals_open(&t->mask); /* before libzmq's threads */
	t->client = peer_connect(t->ctl, &err);
	return t->client == NULL ? ctl_complain(t->ctl, &err) : CTL_GOOD;
}

static int trace_close(struct tracer *t, int code)
{
	struct tesla_error err;
	bool failed;

	capture_begin(t, clock_wall_us());
	failed = t->capture != NULL && (fflush(t->capture) != 0 || ferror(t->capture));
	if (failed)
		(void)tesla_fail(&err, -EIO, "%s cannot be written", t->ctl->capture);
	if (t->capture != NULL)
		(void)fclose(t->capture);
	tesla_disconnect(t->client);
	signals_close(t->signals, &t->mask);
	free(t->kind);
	free(t->name);
	return failed && code == CTL_GOOD ? ctl_complain(t->ctl, &err) : code;
}

int trace_run(const struct ctl *ctl)
{
	struct tracer t = { .ctl = ctl, .signals = -1, .next = -1 };
	int code = trace_open(&t);

	t.until_us = ctl->seconds_ms > 0 ? clock_mono_us() + 1000 * ctl->seconds_ms : 0;
	while (code == CTL_GOOD && !over(&t)) {
		code = ask(&t);
		(void)fflush(stdout);
		if (t.capture != NULL)
			(void)fflush(t.capture); /* whatever becomes of us */
	}
	return trace_close(&t, code);
}
