/* SPDX-License-Identifier: Apache-2.0 */
/* A capture played on a line. */
#include "sim/play.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sim/bus.h"
#include "sim/replay.h"

#define PAUSE_US 200000 /* who pauses so long within a request has given it up */
#define SAID_MAX 100	/* unknown requests; more are only counted */
#define SAID_BYTES 32

struct play {
	struct replay *replay;
	const char *file;
	bool fast;
	unsigned said;
	struct replay_piece piece, next; /* too large for the stack's taste */
};

static int kind_check(const struct line *line, const struct play *p, struct tesla_error *err)
{
	bool tcp = replay_kind(p->replay) == TESLA_LINE_TCP;

	if (tcp == (line->kind == LINE_TCP))
		return 0;
	return tesla_fail(err, -EINVAL, "%s is of a %s: expected %s", p->file,
			  tcp ? "Modbus TCP line" : "serial line",
			  tcp ? "--tcp" : "--pty or --rtu-over-tcp");
}

struct play *play_open(const struct line *line, const char *file, bool fast,
		       struct tesla_error *err)
{
	struct play *p = calloc(1, sizeof *p);

	if (p == NULL) {
		(void)tesla_fail(err, -ENOMEM, "no memory");
		return NULL;
	}
	p->file = file;
	p->fast = fast;
	p->replay = replay_read(file, err);
	if (p->replay != NULL && kind_check(line, p, err) == 0)
		return p;
	play_free(p);
	return NULL;
}

void play_free(struct play *p)
{
	if (p == NULL)
		return;
	replay_free(p->replay);
	free(p);
}

static void unknown_say(struct play *p, const struct bus *b, size_t len)
{
	b->line->all.garbled++;
	if (p->said++ >= SAID_MAX)
		return;
	(void)fprintf(stderr, "tesla-sim: %s: a request that is not in %s:", b->line->where,
		      p->file);
	for (size_t i = 0; i < len && i < SAID_BYTES; i++)
		(void)fprintf(stderr, " %02x", b->play[i]);
	(void)fprintf(stderr, "%s\n%s", len > SAID_BYTES ? " ..." : "",
		      p->said == SAID_MAX ? "tesla-sim: further ones are not said\n" : "");
}

/* A recorded time is that of the last byte: on a paced line the first one leaves before it. */
static void piece_send(struct play *p, struct bus *b, int64_t now_us)
{
	const struct replay_piece *piece = &p->piece;
	int64_t after_us = p->fast && !piece->late && !piece->hang_up ? 0 : piece->after_us;
	int64_t start_us = now_us + after_us - pace_us(&b->pace, piece->len);
	struct adu adu;

	if (piece->hang_up) {
		bus_hang_up_at(b, now_us + after_us);
		return;
	}
	if (start_us < now_us)
		start_us = now_us;
	for (size_t at = 0; at < piece->len && !b->closed; at += adu.len) {
		adu.len = piece->len - at < sizeof adu.bytes ? piece->len - at : sizeof adu.bytes;
		memcpy(adu.bytes, piece->bytes + at, adu.len);
		bus_send(b, &adu, start_us + pace_us(&b->pace, at));
	}
}

/* What comes with an answer is handed over with it: who reads the one finds the other one there. */
static bool piece_join(struct replay_piece *to, const struct replay_piece *from)
{
	if (to->late || to->hang_up || from->late || from->hang_up ||
	    to->after_us != from->after_us || to->len + from->len > sizeof to->bytes)
		return false;
	memcpy(to->bytes + to->len, from->bytes, from->len);
	to->len += from->len;
	return true;
}

static void turn_play(struct play *p, struct bus *b, struct replay_turn *turn)
{
	int64_t now_us = clock_mono_us();
	bool answered = false, more = replay_piece(p->replay, turn, &p->piece);

	b->line->all.requests++;
	while (!b->closed && more) {
		answered |= !p->piece.late && !p->piece.hang_up;
		do
			more = replay_piece(p->replay, turn, &p->next);
		while (more && piece_join(&p->piece, &p->next));
		piece_send(p, b, now_us);
		p->piece = p->next;
	}
	b->line->all.unanswered += !answered;
}

static void taken(struct bus *b, size_t n)
{
	b->play_len -= n;
	memmove(b->play, b->play + n, b->play_len);
}

static void bytes_take(struct play *p, struct bus *b)
{
	struct replay_turn turn;

	while (b->play_len > 0 && !b->closed) {
		switch (replay_match(p->replay, b->play, b->play_len, &turn)) {
		case REPLAY_MORE:
			if (b->play_len == sizeof b->play)
				b->play_len = 0;
			return;
		case REPLAY_KNOWN:
			taken(b, turn.used);
			turn_play(p, b, &turn);
			break;
		case REPLAY_UNKNOWN:
			unknown_say(p, b, turn.used);
			taken(b, turn.used);
			break;
		}
	}
}

void play_receive(struct play *p, struct bus *b, const uint8_t *bytes, size_t len)
{
	int64_t now_us = clock_mono_us();

	if (now_us - b->play_us > PAUSE_US)
		b->play_len = 0;
	b->play_us = now_us;
	while (len > 0 && !b->closed) {
		size_t room = sizeof b->play - b->play_len, n = len < room ? len : room;

		memcpy(b->play + b->play_len, bytes, n);
		b->play_len += n;
		bytes += n;
		len -= n;
		bytes_take(p, b);
	}
}
