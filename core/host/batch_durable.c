/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of records from the journal.  All of one lives in its arena: they are few and large. */
#include <errno.h>
#include <stdlib.h>

#include "host/batch_parts.h"

enum { TAG, TURN, FIRST };
enum { SEQ, RECORD, ROW_FIELDS };

static struct answers *answers_make(struct arena *memory, uint64_t turn, size_t n)
{
	struct answers *a = arena_alloc(memory, 1, sizeof *a);

	if (a == NULL)
		return NULL;
	*a = (struct answers){ .turn = turn,
			       .n = n,
			       .list = arena_alloc(memory, n, sizeof *a->list),
			       .verdicts = arena_alloc(memory, n, sizeof *a->verdicts),
			       .place = arena_alloc(memory, n, sizeof *a->place) };
	return a;
}

/* 0: *item was filled; 1: the record cannot be read, which its answer says. */
static int row_decode(const msgpack_object *o, struct arena *memory, struct tesla_item *item,
		      struct tesla_verdict *answer, struct tesla_error *err)
{
	const msgpack_object *f = tuple(o, ROW_FIELDS);
	struct record record;
	int64_t seq;
	int r;

	if (f == NULL || !mp_to_int(&f[SEQ], &seq) || seq < 0)
		return tesla_fail(err, -EBADMSG, "expected [seq, record]");
	r = record_decode(&f[RECORD], memory, &record, &answer->why);
	if (r == -ENOMEM)
		return tesla_fail(err, r, "%.200s", answer->why.text);
	if (r != 0) {
		answer->delivery = TESLA_REJECT;
		return 1;
	}
	*item = record_item(&record, (uint64_t)seq);
	return 0;
}

static int rows_decode(const msgpack_object *rows, struct batch *b, struct tesla_error *err)
{
	struct answers *a = b->answers;
	struct tesla_item *items = arena_alloc(&b->memory, a->n, sizeof *items);
	const struct tesla_item **at = arena_alloc(&b->memory, a->n, sizeof *at);
	size_t n = 0;

	if (b->memory.failed)
		return tesla_fail(err, -ENOMEM, "no memory for a batch of %zu records", a->n);
	for (size_t i = 0; i < a->n; i++) {
		struct tesla_error why;
		int r = row_decode(&rows[i], &b->memory, &items[n], &a->list[i], &why);

		if (r < 0)
			return tesla_fail(err, r, "batch: item %zu: %.200s", i + 1, why.text);
		if (r > 0)
			continue;
		at[n] = &items[n];
		a->place[n++] = i;
	}
	b->pub = (struct tesla_batch){ .size = sizeof b->pub, .n_items = n, .items = at };
	return 0;
}

int batch_decode_durable(const msgpack_object_array *message, struct batch **ret,
			 struct tesla_error *err)
{
	struct batch *b;
	int64_t turn;
	int r = -ENOMEM;

	if (message->size < FIRST || !mp_to_int(&message->ptr[TURN], &turn) || turn < 0)
		return tesla_fail(err, -EBADMSG, "batch: expected [\"d\", i, [seq, record], ...]");
	if (message->size - FIRST > BATCH_RECORDS_MAX)
		return tesla_fail(err, -EBADMSG, "batch: %u records, expected at most %d",
				  message->size - FIRST, BATCH_RECORDS_MAX);
	b = calloc(1, sizeof *b);
	if (b != NULL)
		b->answers = answers_make(&b->memory, (uint64_t)turn, message->size - FIRST);
	if (b == NULL || b->answers == NULL)
		(void)tesla_fail(err, r, "no memory for a batch");
	else
		r = rows_decode(message->ptr + FIRST, b, err);
	if (r != 0)
		batch_free(b);
	else
		*ret = b;
	return r;
}
