/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A capture of any bytes: refused with its place, or one whose frames lie within it, in the order
 * of time.  What can be replayed answers any bytes; what is written of it is read as the same.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "sim/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_entries(const struct capture *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct capture_entry *e = &c->entries[i];
		bool event = e->direction == CAPTURE_EVENT;

		assert(e->at_us >= (i > 0 ? e[-1].at_us : 0) && e->line > 0);
		assert(event == (e->len == 0) && event == (e->word[0] != '\0'));
		assert(e->len <= CAPTURE_BYTES_MAX);
	}
}

static char *hex_of(const struct capture_entry *e)
{
	char *hex = malloc(2 * e->len + 1);

	for (size_t i = 0; i < e->len; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", e->bytes[i]);
	return hex;
}

static void check_written(const struct capture *c)
{
	const struct capture_head head = { .line = 1, .kind = "tcp", .name = "x" };
	_cleanup_free_ char *text = NULL;
	struct tesla_error err;
	struct capture again;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	capture_put_head(out, &head);
	for (size_t i = 0; i < c->n; i++) {
		const struct capture_entry *e = &c->entries[i];
		_cleanup_free_ char *hex = e->len > 0 ? hex_of(e) : NULL;

		capture_put(out, &(struct capture_text){ e->at_us, e->direction,
							 hex ? hex : e->word, "# 00" });
	}
	(void)fclose(out);
	assert(capture_parse("again", text, size, &again, &err) == 0 && again.n == c->n);
	for (size_t i = 0; i < c->n; i++) {
		const struct capture_entry *a = &c->entries[i], *b = &again.entries[i];

		assert(a->at_us == b->at_us && a->direction == b->direction && a->len == b->len);
		assert(a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0);
	}
	capture_release(&again);
}

/* Each recorded request, and the file itself as bytes from a line. */
static void check_replay(struct replay *r, const struct capture *c, const uint8_t *in, size_t len)
{
	static struct replay_piece piece;
	struct replay_turn turn;

	for (size_t i = 0; i < c->n; i++) {
		const struct capture_entry *e = &c->entries[i];

		if (e->direction != CAPTURE_REQUEST)
			continue;
		assert(replay_match(r, e->bytes, e->len, &turn) == REPLAY_KNOWN);
		assert(turn.used == e->len);
		while (replay_piece(r, &turn, &piece))
			assert(piece.after_us >= 0 && (piece.hang_up || piece.len > 0));
	}
	while (len > 0 && replay_match(r, in, len, &turn) != REPLAY_MORE) {
		assert(turn.used > 0 && turn.used <= len);
		in += turn.used;
		len -= turn.used;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	_cleanup_free_ char *text = malloc(len + 1);
	struct tesla_error err = { .code = 0 };
	struct capture c;
	struct replay *r;

	memcpy(text, bytes, len);
	text[len] = '\0';
	if (capture_parse("x", text, len, &c, &err) != 0) {
		assert(err.code == -EINVAL && strncmp(err.text, "x:", 2) == 0);
		return 0;
	}
	check_entries(&c);
	check_written(&c);
	r = replay_new("x", text, len, &err);
	if (r != NULL)
		check_replay(r, &c, bytes, len);
	replay_free(r);
	capture_release(&c);
	return 0;
}
