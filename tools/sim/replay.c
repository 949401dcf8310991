/* SPDX-License-Identifier: Apache-2.0 */
/* The meters' side of a capture. */
#include "sim/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

#define TRANSACTION 2 /* bytes of its number, at the front of a Modbus TCP frame */
#define TCP_HEAD 6
#define OLDER_MAX 64 /* requests: so far back a late answer may belong */

/* One request, and how often it was made. */
struct asked {
	const struct capture_entry *first;
	size_t *times; /* entries */
	size_t n, next;
};

struct replay {
	struct capture capture;
	uint16_t *live; /* by entry: the transaction number that it had when it was played */
	struct asked *asked;
	size_t n_asked;
	size_t skip; /* bytes at the front that differ each time */
};

static uint16_t transaction_of(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* ---- making ---- */

static struct asked *asked_find(const struct replay *r, const struct capture_entry *e)
{
	for (size_t i = 0; i < r->n_asked; i++) {
		const struct capture_entry *f = r->asked[i].first;

		if (f->len == e->len &&
		    memcmp(f->bytes + r->skip, e->bytes + r->skip, e->len - r->skip) == 0)
			return &r->asked[i];
	}
	return NULL;
}

static int request_add(struct replay *r, size_t i)
{
	const struct capture_entry *e = &r->capture.entries[i];
	struct asked *a = asked_find(r, e), *list;
	size_t *times;

	if (a == NULL) {
		list = realloc(r->asked, (r->n_asked + 1) * sizeof *list);
		if (list == NULL)
			return -ENOMEM;
		r->asked = list;
		a = &list[r->n_asked++];
		*a = (struct asked){ .first = e };
	}
	times = realloc(a->times, (a->n + 1) * sizeof *times);
	if (times == NULL)
		return -ENOMEM;
	a->times = times;
	times[a->n++] = i;
	return 0;
}

/* The capture ended with that question, which was answered before: what came is not known. */
static bool is_cut(const struct replay *r, size_t i)
{
	return i + 1 == r->capture.n && asked_find(r, &r->capture.entries[i]) != NULL;
}

static int replay_make(struct replay *r, const char *file, struct tesla_error *err)
{
	const struct capture *c = &r->capture;

	r->skip = c->kind == TESLA_LINE_TCP ? TRANSACTION : 0;
	r->live = calloc(c->n + 1, sizeof *r->live);
	if (r->live == NULL)
		return tesla_fail(err, -ENOMEM, "%s: no memory", file);
	for (size_t i = 0; i < c->n; i++) {
		if (c->entries[i].direction != CAPTURE_REQUEST)
			continue;
		if (c->entries[i].len <= r->skip)
			return tesla_fail(err, -EINVAL, "%s:%u: a request of %zu bytes", file,
					  c->entries[i].line, c->entries[i].len);
		if (!is_cut(r, i) && request_add(r, i) != 0)
			return tesla_fail(err, -ENOMEM, "%s: no memory", file);
	}
	if (r->n_asked == 0)
		return tesla_fail(err, -EINVAL, "%s: there is no request in it", file);
	return 0;
}

struct replay *replay_new(const char *file, const char *text, size_t len, struct tesla_error *err)
{
	struct replay *r = calloc(1, sizeof *r);

	if (r == NULL) {
		(void)tesla_fail(err, -ENOMEM, "%s: no memory", file);
		return NULL;
	}
	if (capture_parse(file, text, len, &r->capture, err) == 0 && replay_make(r, file, err) == 0)
		return r;
	replay_free(r);
	return NULL;
}

struct replay *replay_read(const char *file, struct tesla_error *err)
{
	_cleanup_free_ char *text = NULL;
	struct tesla_error why;
	size_t len;

	if (file_read(file, CAPTURE_FILE_MAX, &text, &len, &why) == 0)
		return replay_new(file, text, len, err);
	(void)tesla_fail(err, why.code, "%s: %s", file, why.text);
	return NULL;
}

void replay_free(struct replay *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n_asked; i++)
		free(r->asked[i].times);
	free(r->asked);
	free(r->live);
	capture_release(&r->capture);
	free(r);
}

enum tesla_line_kind replay_kind(const struct replay *r)
{
	return r->capture.kind;
}

/* ---- matching ---- */

/* Of Modbus TCP the header says how much belongs together; elsewhere it is what came at once. */
static size_t unknown_length(const struct replay *r, const uint8_t *in, size_t len)
{
	size_t whole;

	if (r->capture.kind != TESLA_LINE_TCP || len < TCP_HEAD)
		return len;
	whole = TCP_HEAD + transaction_of(in + 4);
	return whole < len ? whole : len;
}

enum replay_verdict replay_match(struct replay *r, const uint8_t *in, size_t len,
				 struct replay_turn *ret)
{
	struct asked *best = NULL;
	bool more = len <= r->skip;

	for (size_t i = 0; len > r->skip && i < r->n_asked; i++) {
		const struct capture_entry *e = r->asked[i].first;
		size_t shorter = e->len < len ? e->len : len;

		if (memcmp(e->bytes + r->skip, in + r->skip, shorter - r->skip) != 0)
			continue;
		if (e->len > len)
			more = true;
		else if (best == NULL || e->len > best->first->len)
			best = &r->asked[i];
	}
	*ret = (struct replay_turn){ .reply_us = -1 };
	if (best == NULL && more)
		return REPLAY_MORE;
	ret->used = best != NULL ? best->first->len : unknown_length(r, in, len);
	if (best == NULL)
		return REPLAY_UNKNOWN;
	ret->request = best->times[best->next];
	ret->next = ret->request + 1;
	best->next = (best->next + 1) % best->n;
	if (r->skip > 0)
		r->live[ret->request] = transaction_of(in);
	return REPLAY_KNOWN;
}

/* ---- answers ---- */

/* The number that the request has now which this answers: this one, or an older one. */
static void transaction_set(const struct replay *r, size_t request, uint8_t *bytes)
{
	uint16_t recorded = transaction_of(bytes);
	size_t n = 0;

	for (size_t i = request + 1; i-- > 0 && n < OLDER_MAX;) {
		const struct capture_entry *e = &r->capture.entries[i];

		if (e->direction != CAPTURE_REQUEST)
			continue;
		n++;
		if (transaction_of(e->bytes) != recorded)
			continue;
		bytes[0] = (uint8_t)(r->live[i] >> 8);
		bytes[1] = (uint8_t)r->live[i];
		return;
	}
}

/*
 * What was thrown away behind an answer was noticed when the next request was due: it was there
 * before, and comes with the answer.
 */
static void piece_time(struct replay_turn *turn, const struct capture_entry *e,
		       struct replay_piece *ret)
{
	ret->late = e->direction == CAPTURE_JUNK && turn->reply_us < 0;
	if (e->direction == CAPTURE_REPLY)
		turn->reply_us = ret->after_us;
	else if (!ret->late && !ret->hang_up)
		ret->after_us = turn->reply_us;
}

bool replay_piece(const struct replay *r, struct replay_turn *turn, struct replay_piece *ret)
{
	const struct capture *c = &r->capture;

	for (; turn->next < c->n; turn->next++) {
		const struct capture_entry *e = &c->entries[turn->next];
		bool hang_up = e->direction == CAPTURE_EVENT && strcmp(e->word, "broken") == 0;

		if (e->direction == CAPTURE_REQUEST)
			return false;
		if (e->direction == CAPTURE_EVENT)
			turn->reply_us = -1;
		if (e->direction == CAPTURE_EVENT && !hang_up)
			continue;
		ret->after_us = e->at_us - c->entries[turn->request].at_us;
		ret->hang_up = hang_up;
		piece_time(turn, e, ret);
		ret->len = e->len;
		if (e->len > 0)
			memcpy(ret->bytes, e->bytes, e->len);
		if (r->skip > 0 && e->len >= r->skip)
			transaction_set(r, turn->request, ret->bytes);
		turn->next++;
		return true;
	}
	return false;
}
