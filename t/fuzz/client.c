/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A follower of libtesla and whoever is at the other end: messages and snapshots of any bytes, in
 * any order.  Of each topic it must tell every number once: what is told goes up by one, over what
 * is missed.
 *
 * Input: pieces of a kind (a byte), a topic (a byte: one of a few) and a length (two bytes, low one
 * first) with so many bytes.
 */
#include "client/follow_state.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "client/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char *const topics[] = { "node/4/",	 "reading/4/1/P/",
				      "reading/4/2/P/",	 "record/4/1/",
				      "reading/4/1/P",	 "reading/5/1/P/",
				      "reading/4/-1/P/", "" };

struct piece {
	uint8_t kind, topic;
	const uint8_t *bytes;
	size_t len;
};

/* What was told last of each topic above. */
struct told {
	uint64_t k[N_ELEMENTS(topics)];
};

static bool piece_take(const uint8_t **at, size_t *left, struct piece *ret)
{
	size_t n;

	if (*left < 4)
		return false;
	n = (size_t)(*at)[2] | (size_t)(*at)[3] << 8;
	*ret = (struct piece){ (*at)[0] % 8, (*at)[1] % N_ELEMENTS(topics), *at + 4, 0 };
	*at += 4;
	*left -= 4;
	ret->len = n < *left ? n : *left;
	*at += ret->len;
	*left -= ret->len;
	return true;
}

static void check_number(struct told *t, const struct tesla_event *e)
{
	for (size_t i = 0; i < N_ELEMENTS(topics); i++) {
		if (strcmp(topics[i], e->topic) != 0)
			continue;
		if (e->kind == TESLA_EVENT_RESET)
			t->k[i] = 0;
		else if (e->kind == TESLA_EVENT_GAP)
			assert(e->missed < e->k && e->k - e->missed == t->k[i] + 1);
		else
			assert(e->k > t->k[i]);
		if (e->kind == TESLA_EVENT_READING || e->kind == TESLA_EVENT_MESSAGE)
			t->k[i] = e->k;
	}
}

static void check_event(struct told *t, const struct tesla_event *e)
{
	if (e->kind == TESLA_EVENT_RESTART)
		*t = (struct told){ 0 };
	else if (e->topic != NULL)
		check_number(t, e);
	if (e->kind != TESLA_EVENT_READING)
		return;
	assert(e->reading->n_elements > 0 && e->reading->variable[0] != '\0');
	for (size_t i = 0; i < e->reading->n_elements; i++) {
		enum tesla_quality q = e->reading->elements[i].quality;
		bool none = e->reading->elements[i].value != e->reading->elements[i].value;

		assert(none || q == TESLA_GOOD || q == TESLA_SUSPECT || q == TESLA_STALE);
		assert(!none || (q != TESLA_GOOD && q != TESLA_SUSPECT));
	}
}

static void go_on(struct follow_state *f, struct told *t)
{
	struct tesla_error err = { 0 };
	const struct tesla_event *e;
	int r;

	do {
		while ((e = follow_state_event(f)) != NULL)
			check_event(t, e);
		r = follow_state_step(f, &err);
	} while (r == 0 || f->n_events > 0);
	assert(r == -EAGAIN);
}

static void give_snapshot(struct follow_state *f, const struct piece *p)
{
	struct tesla_error err = { 0 };
	struct tesla_snapshot *s;
	zmq_msg_t m;

	assert(zmq_msg_init_size(&m, p->len) == 0);
	if (p->len > 0)
		memcpy(zmq_msg_data(&m), p->bytes, p->len);
	if (snapshot_new(&m, &s, &err) == 0)
		(void)follow_state_snapshot(f, s, 0, &err);
	else
		assert(err.text[0] != '\0');
}

static void give(struct follow_state *f, const struct piece *p, int64_t now_us)
{
	struct tesla_error err = { 0 };

	if (p->kind == 0)
		follow_state_drained(f);
	else if (p->kind <= 2)
		give_snapshot(f, p);
	else if (f->phase != FOLLOW_ASKING &&
		 follow_state_message(f, topics[p->topic], p->bytes, p->len, now_us, &err) != 0)
		assert(err.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct told told = { 0 };
	struct follow_state f;
	struct piece p;
	int64_t now_us = 0;

	follow_state_init(&f, NULL, 0);
	while (piece_take(&bytes, &len, &p)) {
		give(&f, &p, now_us);
		go_on(&f, &told);
		now_us += 500000;
	}
	follow_state_release(&f);
	return 0;
}
