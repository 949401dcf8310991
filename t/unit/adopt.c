/* SPDX-License-Identifier: Apache-2.0 */
/* A hub goes on where that of the configuration before stood. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <string.h>

#include "daemon/hub_adopt.h"
#include "hub_fixture.h"

/* Analyzers 7, 3 and 9 with a past: numbers, values, an identity. */
static struct hub *hub_lived(struct fixture *x)
{
	struct hub *h = fixture_hub(x);

	cr_assert(ne(ptr, h, NULL));
	h->heartbeats = 60;
	for (size_t i = 0; i < h->n_analyzers; i++) {
		struct hub_analyzer *a = &h->analyzers[i];

		a->n = 100 + i;
		a->status_k = 3;
		a->record_k = 4;
		a->sweeps = 90;
		a->state = HUB_ONLINE;
		a->run = i == 1 ? HUB_PAUSED : HUB_STARTED;
		text_set(&a->identity, "PM710 v1");
		for (size_t k = 0; k < a->conf->n_variables; k++) {
			a->last[k].k = 50 + k;
			a->last[k].t_us = 5000000;
			a->last[k].elements[0] = (struct tesla_element){ 230.5, TESLA_GOOD };
		}
	}
	return h;
}

static void adopt(struct hub *next, struct hub *old, enum diff_analyzer a, enum diff_analyzer b,
		  enum diff_analyzer c)
{
	enum diff_analyzer what[] = { a, b, c };
	struct diff d = { .analyzers = what };

	hub_adopt(next, old, &d);
	hub_free(old);
}

Test(adopt, what_did_not_change_goes_on)
{
	struct fixture x, y;
	struct hub *old = hub_lived(&x), *h = fixture_hub(&y);
	const struct hub_analyzer *a = &h->analyzers[0];

	old->analyzers[0].told = old->analyzers[1].told = 5;
	h->analyzers[1].owner = old->analyzers[1].owner + 1;
	adopt(h, old, DIFF_SAME, DIFF_SAME, DIFF_SAME);
	cr_expect(eq(u64, a->told, 5));
	cr_expect(eq(u64, h->analyzers[1].told, 0), "another host has it");
	cr_expect(eq(i64, h->epoch_ms, 1000));
	cr_expect(eq(u64, h->heartbeats, 60));
	cr_expect(eq(u64, a->n, 100));
	cr_expect(eq(u64, a->last[1].k, 51));
	cr_expect(ieee_ulp_eq(dbl, a->last[0].elements[0].value, 230.5, 1));
	cr_expect(eq(str, a->identity, "PM710 v1"));
	cr_expect(eq(int, (int)a->state, HUB_ONLINE));
	cr_expect(not(a->hushed));
	cr_expect(eq(int, (int)h->analyzers[1].run, HUB_PAUSED));
	hub_free(h);
}

/* Numbers count on, whatever changed; values only where they still mean the same. */
Test(adopt, what_is_asked_otherwise_counts_on)
{
	struct fixture x, y;
	struct hub *old = hub_lived(&x), *h;
	struct conf_variable frequency_only[] = { { &y.frequency, 1000 } };

	fixture_init(&y);
	y.analyzers[0].variables = frequency_only;
	y.analyzers[0].n_variables = 1;
	h = fixture_hub_of(&y);
	old->analyzers[0].told = h->analyzers[0].told = 5;
	adopt(h, old, DIFF_ASKED, DIFF_OTHER, DIFF_SAME);
	cr_expect(eq(u64, h->analyzers[0].told, 0));
	cr_expect(eq(u64, h->analyzers[0].n, 100));
	cr_expect(eq(u64, h->analyzers[0].last[0].k, 51), "found by its name, not its place");
	cr_expect(ieee_ulp_eq(dbl, h->analyzers[0].last[0].elements[0].value, 230.5, 1));
	cr_expect(h->analyzers[0].hushed);
	cr_expect(eq(str, h->analyzers[0].identity, "PM710 v1"));
	cr_expect(eq(u64, h->analyzers[1].last[0].k, 50));
	cr_expect(isnan(h->analyzers[1].last[0].elements[0].value), "of another meter");
	cr_expect(eq(ptr, h->analyzers[1].identity, NULL));
	hub_free(h);
}

/* A topic that was gone and comes back in the same epoch does not begin anew. */
Test(adopt, what_was_gone_counts_on)
{
	struct fixture x, y, z;
	struct hub *old = hub_lived(&x), *h, *last;
	struct conf_variable voltage_only[] = { { &y.voltage, 1000 } };

	fixture_init(&y);
	y.config.n_analyzers = 2; /* without 9 */
	y.analyzers[0].variables = voltage_only;
	y.analyzers[0].n_variables = 1;
	h = fixture_hub_of(&y);
	adopt(h, old, DIFF_ASKED, DIFF_SAME, DIFF_NEW);
	h->analyzers[0].n = 200;
	last = fixture_hub(&z);
	adopt(last, h, DIFF_ASKED, DIFF_SAME, DIFF_NEW);
	cr_expect(eq(u64, last->analyzers[0].n, 200));
	cr_expect(eq(u64, last->analyzers[0].last[1].k, 51));
	cr_expect(eq(u64, last->analyzers[2].n, 102));
	cr_expect(eq(u64, last->analyzers[2].record_k, 4));
	cr_expect(eq(u64, last->analyzers[2].last[0].k, 50));
	cr_expect(last->analyzers[2].hushed);
	cr_expect(isnan(last->analyzers[2].last[0].elements[0].value));
	hub_free(last);
}

Test(adopt, what_was_learned_of_a_model_stays)
{
	struct fixture x, y;
	struct hub *old = hub_lived(&x), *h = fixture_hub(&y);
	const struct hub_forbidden f = { &x.model, 3, 10, 20 };

	cr_assert(eq(int, hub_forbid(old, &f), 0));
	adopt(h, old, DIFF_SAME, DIFF_SAME, DIFF_SAME);
	cr_assert(eq(sz, h->n_forbidden, 1));
	cr_expect(eq(ptr, (void *)(uintptr_t)h->forbidden[0].model, &y.model));
	cr_expect(eq(i64, h->forbidden[0].last, 20));
	hub_free(h);
}
