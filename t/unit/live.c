/* SPDX-License-Identifier: Apache-2.0 */
/* The table of last readings: what is newer, what is stale, who is there, and its bounds. */
#include "central/live.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

static const struct tesla_element one[] = { { 1.5, TESLA_GOOD }, { NAN, TESLA_ERROR } };
static const char *const labels[] = { "L1", "L2" };

static struct tesla_client_reading reading(const char *variable, int64_t epoch_ms, uint64_t k)
{
	return (struct tesla_client_reading){ .analyzer = 1,
					      .variable = variable,
					      .unit = "V",
					      .epoch_ms = epoch_ms,
					      .t_ms = (int64_t)k * 1000,
					      .k = k,
					      .n = k,
					      .n_elements = 2,
					      .elements = one,
					      .error = "time-out" };
}

/* Readings one after the other into one table. */
static const struct {
	const char *what;
	int64_t epoch_ms;
	uint64_t k;
	enum live_outcome outcome;
} puts_[] = {
	{ "the first", 10, 1, LIVE_NEW },
	{ "again", 10, 1, LIVE_OLD },
	{ "the next", 10, 2, LIVE_NEW },
	{ "one from before", 10, 1, LIVE_OLD },
	{ "after a hole", 10, 9, LIVE_NEW },
	{ "of another daemon", 11, 1, LIVE_NEW },
	{ "whose clock went back", 5, 1, LIVE_NEW },
};

Test(live, what_is_newer)
{
	struct live *l = live_new(10);
	struct live_node *n = live_node(l, "4");

	for (size_t i = 0; i < N_ELEMENTS(puts_); i++) {
		struct tesla_client_reading r = reading("TPF", puts_[i].epoch_ms, puts_[i].k);

		cr_expect_eq(live_put(l, n, &r, 0), puts_[i].outcome, "%s", puts_[i].what);
	}
	cr_expect_eq(live_count(l), 1);
	live_free(l);
}

/* What was handed over may go; labels stay until there are others. */
Test(live, is_a_copy)
{
	struct live *l = live_new(10);
	struct live_node *n = live_node(l, "4");
	char variable[] = "TPF";
	struct tesla_client_reading r = reading(variable, 1, 1);
	const struct live_value *v;

	r.labels = labels;
	cr_assert_eq(live_put(l, n, &r, 0), LIVE_NEW);
	r.labels = NULL;
	r.k = 2;
	cr_assert_eq(live_put(l, n, &r, 0), LIVE_NEW);
	memset(variable, 'x', 3);
	v = live_value(live_analyzer(n, 1), "TPF");
	cr_assert_not_null(v);
	cr_expect_str_eq(v->reading.labels[1], "L2");
	cr_expect_str_eq(v->reading.unit, "V");
	cr_expect_str_eq(v->reading.error, "time-out");
	cr_expect(v->reading.elements[0].value == 1.5 && isnan(v->reading.elements[1].value));
	live_free(l);
}

Test(live, sorted_and_bounded)
{
	struct live *l = live_new(30);
	struct live_node *n = live_node(l, "4");
	char name[16];

	for (int i = 0; i < 40; i++) {
		struct tesla_client_reading r = reading(name, 1, 1);

		(void)snprintf(name, sizeof name, "V%d", (i * 7) % 40);
		r.analyzer = 3 - i % 3;
		cr_expect_eq(live_put(l, n, &r, 0), i < 30 ? LIVE_NEW : LIVE_FULL);
	}
	cr_expect(live_count(l) == 30 && live_refused(l) == 10);
	for (size_t a = 0; a < n->n_analyzers; a++)
		for (size_t v = 1; v < n->analyzers[a]->n_values; v++)
			cr_expect_lt(strcmp(n->analyzers[a]->values[v - 1].reading.variable,
					    n->analyzers[a]->values[v].reading.variable),
				     0);
	live_forget_analyzer(l, n, 2);
	cr_expect(n->n_analyzers == 2 && n->analyzers[1]->addr == 3 && live_count(l) == 20);
	cr_expect_eq(live_node(l, "10")->n_analyzers, 0);
	cr_expect_str_eq(live_node_at(l, 0)->id, "10");
	live_forget(l, "4");
	cr_expect(live_count(l) == 0 && live_n_nodes(l) == 1 && live_find(l, "4") == NULL);
	live_free(l);
}

Test(live, stale)
{
	struct live *l = live_new(10);
	struct live_node *n = live_node(l, "4");
	struct tesla_client_reading r = reading("TPF", 7, 1);
	const struct live_analyzer *a;
	const struct live_value *v;

	cr_assert_eq(live_put(l, n, &r, 0), LIVE_NEW);
	a = live_analyzer(n, 1);
	v = live_value(a, "TPF");
	cr_expect(live_is_stale(n, a, v, 0), "nobody said that the node is there");
	live_followed(n, true, NULL);
	(void)live_judge(n, 0, 0);
	cr_expect(live_is_stale(n, a, v, 0), "of another daemon than who is there");
	(void)live_epoch(n, 7);
	cr_expect(!live_is_stale(n, a, v, 1000000), "how often it comes is not known");
	r.k = 2, r.t_ms += 1000;
	cr_assert_eq(live_put(l, n, &r, 1000), LIVE_NEW);
	cr_expect(!live_is_stale(n, a, v, 1000 + 6000));
	cr_expect(live_is_stale(n, a, v, 1000 + 6001), "it comes each second, and did not");
	(void)live_state(n, 1, "offline", "time-out", 1);
	cr_expect(live_is_stale(n, a, v, 1000), "nothing can come from it");
	(void)live_state(n, 1, "online", NULL, 2);
	cr_expect(!live_is_stale(n, a, v, 1000));
	(void)live_epoch(n, 8);
	cr_expect(live_is_stale(n, a, v, 1000), "the daemon was started again");
	(void)live_epoch(n, 7);
	live_followed(n, false, "cut off");
	(void)live_judge(n, 1000, 0);
	cr_expect(live_is_stale(n, a, v, 1000), "gone");
	live_free(l);
}

/* What is said of a node, and what becomes of it. */
static const struct {
	const char *what;
	enum { UP, DOWN, POST, TIME, NOT_FOLLOWED } said;
	int64_t now_ms;
	enum live_turn turn;
	enum live_presence presence;
} said[] = {
	{ "nothing", TIME, 0, LIVE_SAME, LIVE_UNKNOWN },
	{ "it cannot be reached", DOWN, 10, LIVE_SAME, LIVE_DOWN },
	{ "it can", UP, 20, LIVE_BACK, LIVE_UP },
	{ "time goes by", TIME, 100000, LIVE_SAME, LIVE_UP },
	{ "gone", DOWN, 100001, LIVE_GONE, LIVE_DOWN },
	{ "it sends itself", POST, 100002, LIVE_BACK, LIVE_UP },
	{ "for a while", TIME, 103002, LIVE_SAME, LIVE_UP },
	{ "and not any more", TIME, 103003, LIVE_GONE, LIVE_DOWN },
	{ "followed again", UP, 110000, LIVE_BACK, LIVE_UP },
	{ "no more", NOT_FOLLOWED, 110001, LIVE_GONE, LIVE_DOWN },
};

Test(live, presence)
{
	struct live *l = live_new(10);
	struct live_node *n = live_node(l, "4");

	for (size_t i = 0; i < N_ELEMENTS(said); i++) {
		if (said[i].said == UP || said[i].said == DOWN)
			live_followed(n, said[i].said == UP, said[i].said == DOWN ? "why" : NULL);
		if (said[i].said == POST)
			live_posted(n, said[i].now_ms);
		if (said[i].said == NOT_FOLLOWED)
			live_not_followed(n);
		cr_expect_eq(live_judge(n, said[i].now_ms, i), said[i].turn, "%s", said[i].what);
		cr_expect_eq(n->presence, said[i].presence, "%s", said[i].what);
		cr_expect((n->presence == LIVE_DOWN) == (n->reason != NULL), "%s", said[i].what);
	}
	live_free(l);
}

Test(live, first_up_is_not_back)
{
	struct live *l = live_new(10);
	struct live_node *n = live_node(l, "4");

	live_followed(n, true, NULL);
	cr_expect_eq(live_judge(n, 0, 0), LIVE_CAME);
	cr_expect(!live_epoch(n, 5) && !live_epoch(n, 5) && live_epoch(n, 6));
	live_free(l);
}

Test(live, states)
{
	struct live *l = live_new(10);
	struct live_node *n = live_node(l, "4");

	cr_expect(live_state(n, 2, "online", NULL, 1));
	cr_expect(!live_state(n, 2, "online", "all is well", 2));
	cr_expect(live_state(n, 2, "offline", "time-out", 3));
	cr_expect(!live_state(n, 2, "online", NULL, 2), "it came late");
	cr_expect_str_eq(live_analyzer(n, 2)->reason, "time-out");
	cr_expect_null(live_analyzer(n, 1));
	live_free(l);
}

/* Ten at once, then one a minute, which says how many were not. */
Test(live, brake)
{
	struct live_brake b = { 0 };
	uint64_t left_out = 0;
	int let = 0;

	for (int i = 0; i < 25; i++)
		let += live_brake(&b, 1000, &left_out);
	cr_expect_eq(let, 10);
	cr_expect(!live_brake(&b, 1000 + 59999, &left_out));
	cr_expect(live_brake(&b, 1000 + 60000, &left_out));
	cr_expect_eq(left_out, 16);
	cr_expect(!live_brake(&b, 1000 + 60001, &left_out));
}
