/* SPDX-License-Identifier: Apache-2.0 */
/* The command `trace`, and the frames that hosts send. */
#include "daemon/traces.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/daemon.h"
#include "daemon/pack.h"
#include "daemon/trace_entry.h"
#include "daemon/trace_ring.h"

#define GATHER_US 50000 /* so that a busy line is no more than 20 answers a second to each */
#define FRAME_MAP_MAX (32u << 10)

static struct trace_line *line_of(struct traces *t, int64_t id)
{
	for (size_t i = 0; i < t->n_lines; i++)
		if (t->lines[i].id == id)
			return &t->lines[i];
	return NULL;
}

/* ---- answers ---- */

static void answer_pack(const struct trace_line *l, const struct hub_line *line, uint64_t from,
			struct buf *reply)
{
	struct trace_part part = trace_ring_part(l->ring, from);
	msgpack_packer pk;

	mp_writer(&pk, reply);
	(void)msgpack_pack_map(&pk, 9);
	mp_key_bool(&pk, "ok", true);
	mp_key_int(&pk, "line", l->id);
	mp_key_str(&pk, "kind", hub_line_kind_name(line->conf->kind));
	mp_key_str(&pk, "name", line->conf->name);
	mp_key_str(&pk, "state", hub_line_state_name(line->state));
	mp_key_str(&pk, "reason", line->reason);
	key_count(&pk, "next", part.to);
	key_int_or_nil(&pk, "lost", (int64_t)part.lost, !part.unknown);
	key_array(&pk, "frames", part.n);
	trace_ring_pack(l->ring, &part, reply);
}

static void asker_answer(struct traces *t, const struct trace_asker *a, const char *error)
{
	const struct hub_line *line = hub_line(t->daemon->check.hub, a->line);
	struct trace_line *l = line_of(t, a->line);
	struct buf reply;

	buf_init(&reply, CONTROL_REPLY_MAX);
	if (error != NULL || line == NULL || l == NULL)
		control_error(&reply, "line %" PRId64 ": %s", a->line,
			      error ? error : "it is no more");
	else
		answer_pack(l, line, a->from, &reply);
	control_reply(t->daemon->control, &a->peer, &reply);
	buf_release(&reply);
	if (l != NULL)
		l->lease_us = clock_mono_us() + 1000 * TRACE_LEASE_MS;
}

/* When it is to be answered: a little after the question when there is something to tell. */
static int64_t due_us(struct traces *t, const struct trace_asker *a)
{
	const struct trace_line *l = line_of(t, a->line);

	if (l == NULL || hub_line(t->daemon->check.hub, a->line) == NULL)
		return 0;
	return l->ring->next != a->from ? a->asked_us + GATHER_US : a->until_us;
}

/* ---- the clock ---- */

static void on_timer(uv_timer_t *timer);

static void traces_arm(struct traces *t)
{
	int64_t next = INT64_MAX, left_us;

	for (size_t i = 0; i < t->n_lines; i++)
		if (t->lines[i].lease_us < next)
			next = t->lines[i].lease_us;
	for (size_t i = 0; i < t->n_askers; i++)
		if (due_us(t, &t->askers[i]) < next)
			next = due_us(t, &t->askers[i]);
	left_us = next - clock_mono_us();
	if (next == INT64_MAX)
		(void)uv_timer_stop(&t->timer);
	else
		(void)uv_timer_start(&t->timer, on_timer,
				     left_us > 0 ? (uint64_t)(left_us + 999) / 1000 : 0, 0);
}

static void line_drop(struct traces *t, size_t i)
{
	struct hub_line *line = hub_line(t->daemon->check.hub, t->lines[i].id);

	log_msg(&t->daemon->log, LOG_LEVEL_INFO, "line %" PRId64 " is not traced any more",
		t->lines[i].id);
	t->next = t->lines[i].ring->next > t->next ? t->lines[i].ring->next : t->next;
	trace_ring_free(t->lines[i].ring);
	t->lines[i] = t->lines[--t->n_lines];
	if (line != NULL)
		line->traced = false;
	fleet_tell(&t->daemon->fleet);
}

static void on_timer(uv_timer_t *timer)
{
	struct traces *t = timer->data;
	int64_t now_us = clock_mono_us();

	for (size_t i = t->n_askers; i-- > 0;) {
		struct trace_asker a = t->askers[i];

		if (due_us(t, &a) > now_us)
			continue;
		t->askers[i] = t->askers[--t->n_askers];
		asker_answer(t, &a, NULL);
	}
	for (size_t i = t->n_lines; i-- > 0;)
		if (t->lines[i].lease_us <= now_us)
			line_drop(t, i);
	traces_arm(t);
}

/* ---- the command ---- */

static void traces_begin(struct traces *t, struct daemon *d)
{
	if (t->daemon != NULL)
		return;
	t->daemon = d;
	(void)uv_timer_init(&d->loop, &t->timer);
	t->timer.data = t;
	t->next = 1;
}

/* Who waits long has it for longer than who asks at once. */
static void lease(struct trace_line *l, int64_t until_us)
{
	if (until_us > l->lease_us)
		l->lease_us = until_us;
}

/* NULL: the reply says why. */
static struct trace_line *line_begin(struct traces *t, struct hub_line *line,
				     const struct control_peer *peer, struct buf *reply)
{
	struct trace_line *l = line_of(t, line->conf->id);

	if (l == NULL && t->n_lines == TRACES_MAX) {
		control_error(reply, "%u lines are traced already", TRACES_MAX);
		return NULL;
	}
	if (l == NULL) {
		l = &t->lines[t->n_lines];
		*l = (struct trace_line){ .id = line->conf->id, .ring = trace_ring_new(t->next) };
		if (l->ring == NULL) {
			control_error(reply, "no memory for a trace");
			return NULL;
		}
		t->n_lines++;
		log_msg(&t->daemon->log, LOG_LEVEL_INFO, "line %" PRId64 " is traced by %s", l->id,
			peer->who);
	}
	lease(l, clock_mono_us() + 1000 * TRACE_LEASE_MS);
	if (!line->traced) { /* also when it was away meanwhile */
		line->traced = true;
		fleet_tell(&t->daemon->fleet);
	}
	return l;
}

/* False: the answer comes when there is something to tell, or when the time is over. */
static bool answer_later(struct traces *t, struct trace_line *l, int64_t wait_ms,
			 const struct trace_asker *a, struct buf *reply)
{
	if (wait_ms == 0 || (l->ring->next != a->from && t->n_askers == TRACE_ASKERS_MAX)) {
		answer_pack(l, hub_line(t->daemon->check.hub, l->id), a->from, reply);
		return true;
	}
	if (t->n_askers == TRACE_ASKERS_MAX) {
		control_error(reply, "%u wait for frames already: try again", TRACE_ASKERS_MAX);
		return true;
	}
	t->askers[t->n_askers++] = *a;
	lease(l, a->until_us + 1000 * TRACE_LEASE_MS);
	return false;
}

bool traces_command(struct daemon *d, const struct control_peer *peer,
		    const msgpack_object *request, struct buf *reply)
{
	struct traces *t = &d->traces;
	int64_t id = mp_int(request, "line", 0), from = mp_int(request, "from", -1),
		wait_ms = mp_int(request, "wait_ms", 0), now_us = clock_mono_us();
	struct hub_line *line = hub_line(d->check.hub, id);
	struct trace_line *l;
	bool now;

	if (line == NULL || wait_ms < 0 || wait_ms > TRACE_WAIT_MAX_MS) {
		control_error(reply,
			      line == NULL ? "there is no line %" PRId64
					   : "wait_ms: expected 0 to 10000, %" PRId64 " came",
			      line == NULL ? id : wait_ms);
		return true;
	}
	traces_begin(t, d);
	l = line_begin(t, line, peer, reply);
	if (l == NULL)
		return true;
	const struct trace_asker a = { .line = id,
				       .asked_us = now_us,
				       .until_us = now_us + 1000 * wait_ms,
				       .from = from >= 0 ? (uint64_t)from : l->ring->next,
				       .peer = *peer };

	now = answer_later(t, l, from >= 0 ? wait_ms : 0, &a, reply);
	traces_arm(t);
	return now;
}

/* ---- frames ---- */

static void frame_add(struct trace_line *l, const struct trace_entry *e)
{
	struct buf map;

	buf_init(&map, FRAME_MAP_MAX);
	trace_entry_pack(e, l->ring->next, &map);
	trace_ring_add(l->ring, &map);
	buf_release(&map);
}

static int entry_take(struct traces *t, const struct told *told, const msgpack_object *o,
		      struct tesla_error *err)
{
	struct trace_entry e;
	struct trace_line *l;
	int r = trace_entry_parse(o, &e, err);

	if (r != 0)
		return r;
	l = line_of(t, e.line);
	if (l != NULL && told_line(told, e.line) != NULL)
		frame_add(l, &e);
	return 0;
}

int traces_take(void *arg, const struct told *told, const msgpack_object *msg,
		struct tesla_error *err)
{
	struct traces *t = arg;
	int r = 0;

	for (uint32_t i = 1; r == 0 && i < msg->via.array.size; i++)
		r = entry_take(t, told, &msg->via.array.ptr[i], err);
	if (t->daemon != NULL)
		traces_arm(t);
	return r;
}

void traces_down(void *arg, int64_t line, const char *reason)
{
	struct traces *t = arg;
	struct trace_line *l = line_of(t, line);
	const struct trace_entry e = { .line = line,
				       .t_us = clock_wall_us(),
				       .word = trace_text_of("down"),
				       .text = trace_text_of(reason) };

	if (l == NULL)
		return;
	frame_add(l, &e);
	traces_arm(t);
}

void traces_stop(struct traces *t)
{
	if (t->daemon == NULL)
		return;
	for (size_t i = 0; i < t->n_askers; i++)
		asker_answer(t, &t->askers[i], "the daemon ends");
	for (size_t i = 0; i < t->n_lines; i++)
		trace_ring_free(t->lines[i].ring);
	t->n_askers = t->n_lines = 0;
	uv_close((uv_handle_t *)&t->timer, NULL);
	t->daemon = NULL;
}
