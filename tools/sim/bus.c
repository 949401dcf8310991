/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of one serial line, or of one connection. */
#include "sim/bus.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sim/cvmk.h"
#include "sim/play.h"

#define BITS 11		/* of a character, whatever the setting */
#define FAST_BAUD 19200 /* above it the silence no longer shrinks */
#define FAST_SILENCE_US 1750

struct outgoing {
	struct outgoing *next;
	int64_t start_us;
	size_t sent;
	/* The transaction that it ends, for the counts; request_us 0: it is not to be counted. */
	uint8_t unit;
	int64_t request_us;
	bool hang_up; /* instead of bytes */
	struct adu adu;
};

int64_t pace_us(const struct pace *pace, size_t n)
{
	return pace->baud == 0 ? 0 : ((int64_t)n * BITS * 1000000 + pace->baud - 1) / pace->baud;
}

int64_t pace_silence_us(const struct pace *pace)
{
	if (pace->baud > FAST_BAUD)
		return FAST_SILENCE_US;
	return (pace_us(pace, 7) + 1) / 2;
}

void bus_init(struct bus *b, struct line *line, const struct pace *pace)
{
	*b = (struct bus){ .line = line, .pace = *pace, .silence_us = pace_silence_us(pace) };
}

void bus_release(struct bus *b)
{
	b->closed = true;
	tick_free(b->tick);
	b->tick = NULL;
	while (b->queue != NULL) {
		struct outgoing *o = b->queue;

		b->queue = o->next;
		free(o);
	}
}

/* ---- out ---- */

/* When the next piece of the first reply is over, and with it its last character on the line. */
static int64_t piece_due_us(const struct bus *b, const struct outgoing *o, size_t *end)
{
	*end = o->adu.len;
	if (b->pace.baud != 0 && b->pace.chunk > 0 && o->sent + (size_t)b->pace.chunk < o->adu.len)
		*end = o->sent + (size_t)b->pace.chunk;
	return o->start_us + pace_us(&b->pace, *end);
}

static int64_t max_us(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void bus_insert(struct bus *b, struct outgoing *o)
{
	struct outgoing **at = &b->queue;

	while (*at != NULL && (*at)->start_us <= o->start_us)
		at = &(*at)->next;
	o->next = *at;
	*at = o;
}

static void outgoing_over(struct bus *b, struct outgoing *o)
{
	b->queue = o->next;
	b->free_us = max_us(b->free_us, o->start_us + pace_us(&b->pace, o->adu.len));
	if (b->queue != NULL && b->pace.baud != 0)
		b->queue->start_us = max_us(b->queue->start_us, b->free_us);
	if (o->request_us != 0)
		line_count_transaction(b->line, o->unit,
				       clock_mono_us() - o->request_us + b->silence_us);
	free(o);
}

static void bus_hang_up(struct bus *b)
{
	if (b->hang_up != NULL)
		b->hang_up(b);
}

static void bus_write_due(struct bus *b, int64_t now)
{
	struct outgoing *o;
	size_t end;

	while ((o = b->queue) != NULL && piece_due_us(b, o, &end) <= now) {
		if (o->hang_up)
			bus_hang_up(b);
		else
			b->write(b, o->adu.bytes + o->sent, end - o->sent);
		if (b->closed) /* the connection broke while it was written to: o is gone */
			return;
		o->sent = end;
		if (o->sent == o->adu.len)
			outgoing_over(b, o);
	}
}

/* ---- in ---- */

static struct outgoing *outgoing_new(const struct adu *adu, int64_t start_us)
{
	struct outgoing *o = calloc(1, sizeof *o);

	if (o == NULL)
		return NULL;
	o->start_us = start_us;
	o->adu = *adu;
	return o;
}

static void bus_reply(struct bus *b, const struct request *rq, const struct pdu *reply,
		      const struct effect *fx)
{
	int64_t start = b->in_end_us + b->silence_us + b->pace.turnaround_us + fx->late_us;
	struct outgoing *o;
	struct adu adu;

	if (rq->command)
		cvmk_wrap(rq, reply, fx, &adu);
	else
		rtu_wrap(rq, reply, fx, &adu);
	o = outgoing_new(&adu, start);
	if (o == NULL)
		return;
	o->unit = rq->unit;
	/* Of a late one the line is free meanwhile: that is no time of a transaction. */
	if (b->pace.baud != 0 && fx->late_us == 0)
		o->request_us = b->in_first_us;
	bus_insert(b, o);
}

static void bus_request(struct bus *b, const uint8_t *bytes, size_t len)
{
	struct request rq;
	struct effect fx;
	struct pdu reply;

	if (!rtu_parse(bytes, len, &rq) && !cvmk_parse(bytes, len, &rq)) {
		b->line->all.garbled++;
		return;
	}
	if (b->in_early)
		line_count_early(b->line, rq.unit);
	if (line_answer(b->line, &rq, b->in_first_us, &fx, &reply)) {
		bus_reply(b, &rq, &reply, &fx);
		return;
	}
	if (b->pace.baud != 0)
		line_count_busy(b->line, rq.unit, b->in_end_us - b->in_first_us + b->silence_us);
	if (fx.disconnect)
		bus_hang_up(b);
}

/* The silence after a frame has passed: on a paced line that, and nothing else, ends it. */
static void bus_frame_over(struct bus *b)
{
	size_t len = b->in_len;

	b->in_len = 0;
	b->free_us = max_us(b->free_us, b->in_end_us);
	bus_request(b, b->in, len);
}

static bool bus_is_busy(const struct bus *b, int64_t now)
{
	if (b->free_us != 0 && now < b->free_us + b->silence_us)
		return true;
	return b->queue != NULL && now >= b->queue->start_us;
}

static void bus_collect(struct bus *b, const uint8_t *bytes, size_t len, int64_t now)
{
	size_t room = b->in_len < sizeof b->in ? sizeof b->in - b->in_len : 0;

	if (b->in_len == 0) {
		b->in_first_us = b->in_end_us = now;
		b->in_early = b->pace.baud != 0 && bus_is_busy(b, now);
	}
	if (room > 0)
		memcpy(b->in + b->in_len, bytes, len < room ? len : room);
	b->in_len += len;
	/* The sender's wire is busy that long, however fast it handed the bytes over. */
	b->in_end_us = max_us(b->in_end_us, now) + pace_us(&b->pace, len);
}

static int request_length(const uint8_t *bytes, size_t len)
{
	int n = cvmk_request_length(bytes, len);

	return n >= 0 ? n : rtu_request_length(bytes, len);
}

/* Without a clock frames are told apart by the length that their function has, or their end. */
static void bus_cut(struct bus *b)
{
	int need;

	while (b->in_len > 0 && b->in_len <= sizeof b->in) {
		need = request_length(b->in, b->in_len);
		if (need < 0)
			need = (int)b->in_len;
		if (need == 0 || b->in_len < (size_t)need)
			return;
		bus_request(b, b->in, (size_t)need);
		if (b->closed)
			return;
		b->in_len -= (size_t)need;
		memmove(b->in, b->in + need, b->in_len);
	}
	if (b->in_len > sizeof b->in) {
		b->line->all.garbled++;
		b->in_len = 0;
	}
}

/* ---- both ---- */

static void bus_run(struct bus *b);

static void bus_tick(void *arg)
{
	bus_run(arg);
}

static void bus_arm(struct bus *b)
{
	int64_t at = 0;
	size_t end;

	if (b->queue != NULL)
		at = piece_due_us(b, b->queue, &end);
	if (b->pace.baud != 0 && b->in_len > 0 && (at == 0 || b->in_end_us + b->silence_us < at))
		at = b->in_end_us + b->silence_us;
	if (b->tick == NULL && at != 0)
		b->tick = tick_new(&b->line->sim->loop, bus_tick, b);
	if (b->tick != NULL)
		tick_at(b->tick, at);
}

/* Does what is due, and sets the clock for what is next. */
static void bus_run(struct bus *b)
{
	int64_t now = clock_mono_us();

	if (b->pace.baud != 0 && b->in_len > 0 && now >= b->in_end_us + b->silence_us)
		bus_frame_over(b);
	bus_write_due(b, now);
	if (!b->closed)
		bus_arm(b);
}

void bus_receive(struct bus *b, const uint8_t *bytes, size_t len)
{
	int64_t now = clock_mono_us();

	if (b->line->play != NULL) {
		play_receive(b->line->play, b, bytes, len);
		return;
	}
	/* A frame whose silence has passed while the loop was late is not part of this one. */
	if (b->pace.baud != 0 && b->in_len > 0 && now >= b->in_end_us + b->silence_us)
		bus_frame_over(b);
	if (b->closed)
		return;
	bus_collect(b, bytes, len, now);
	if (b->pace.baud == 0)
		bus_cut(b);
	if (!b->closed)
		bus_run(b);
}

void bus_send(struct bus *b, const struct adu *adu, int64_t start_us)
{
	struct outgoing *o = outgoing_new(adu, start_us);

	if (o == NULL)
		return;
	bus_insert(b, o);
	bus_run(b);
}

void bus_hang_up_at(struct bus *b, int64_t us)
{
	struct outgoing *o = outgoing_new(&(struct adu){ .len = 0 }, us);

	if (o == NULL)
		return;
	o->hang_up = true;
	bus_insert(b, o);
	bus_run(b);
}
