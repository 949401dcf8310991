/* SPDX-License-Identifier: Apache-2.0 */
/* The policy of supervision, apart from processes. */
#include "daemon/supervise.h"

#include <stdlib.h>
#include <string.h>

#define LEDGER_ROWS 1024u
#define LONG_LIFE_US (60 * 1000000LL)
#define BACKOFF_MAX_MS 60000

struct grouping {
	struct supervise_line *lines;
	struct supervise_host *hosts;
	size_t n_hosts, n_old; /* n_old: that there are, beyond them those that are to be made */
	const bool *barred;
};

static bool fits(const struct grouping *g, size_t line, size_t host)
{
	const struct supervise_line *l = &g->lines[line];
	const struct supervise_host *h = &g->hosts[host];

	return !h->closed && h->n_lines < SUPERVISE_LINES && l->network == h->network &&
	       strcmp(l->drivers, h->drivers) == 0 &&
	       (g->barred == NULL || host >= g->n_old || !g->barred[line * g->n_old + host]);
}

/* The newest of its sort that has room; where there is none, one is made. */
static size_t host_find(struct grouping *g, size_t line)
{
	for (size_t i = g->n_hosts; i-- > 0;)
		if (fits(g, line, i))
			return i;
	g->hosts[g->n_hosts] = (struct supervise_host){ .network = g->lines[line].network,
							.drivers = g->lines[line].drivers };
	return g->n_hosts++;
}

size_t supervise_group(struct supervise_line *lines, size_t n, struct supervise_host *hosts,
		       size_t n_hosts, const bool *barred)
{
	struct grouping g = { lines, hosts, n_hosts, n_hosts, barred };

	for (size_t i = 0; i < n; i++) {
		struct supervise_line *l = &lines[i];

		l->host = SUPERVISE_NONE;
		if (l->drivers == NULL || l->stays == SUPERVISE_NONE || !fits(&g, i, l->stays))
			continue;
		l->host = l->stays;
		hosts[l->host].n_lines++;
	}
	for (size_t i = 0; i < n; i++) {
		struct supervise_line *l = &lines[i];

		if (l->drivers == NULL || l->host != SUPERVISE_NONE)
			continue;
		l->host = host_find(&g, i);
		hosts[l->host].n_lines++;
	}
	return g.n_hosts;
}

int64_t restart_delay_ms(struct restart *r, int64_t up_us)
{
	int64_t delay = 1000;

	if (up_us >= LONG_LIFE_US)
		r->in_a_row = 0;
	r->in_a_row++;
	if (r->in_a_row == 1)
		return 0;
	for (unsigned i = 2; i < r->in_a_row && delay < BACKOFF_MAX_MS; i++)
		delay *= 2;
	return delay < BACKOFF_MAX_MS ? delay : BACKOFF_MAX_MS;
}

static bool same_call(const struct blame *a, const struct blame *b)
{
	return a->analyzer == b->analyzer && (a->analyzer != 0 || a->line == b->line) &&
	       strcmp(a->plugin, b->plugin) == 0 && strcmp(a->call, b->call) == 0;
}

static int ledger_grow(struct ledger *l)
{
	struct blame *rows;
	unsigned *deaths;

	if (l->n == LEDGER_ROWS)
		return -1;
	rows = realloc(l->rows, (l->n + 1) * sizeof *rows);
	if (rows == NULL)
		return -1;
	l->rows = rows;
	deaths = realloc(l->deaths, (l->n + 1) * sizeof *deaths);
	if (deaths == NULL)
		return -1;
	l->deaths = deaths;
	return 0;
}

unsigned ledger_death(struct ledger *l, const struct blame *b)
{
	size_t i = 0;

	while (i < l->n && !same_call(&l->rows[i], b))
		i++;
	if (i == l->n) {
		if (ledger_grow(l) != 0)
			return 0;
		l->rows[i] = *b;
		l->deaths[i] = 0;
		l->n++;
	}
	return ++l->deaths[i];
}

void ledger_forget(struct ledger *l, int64_t analyzer, int64_t line)
{
	for (size_t i = l->n; i-- > 0;) {
		const struct blame *b = &l->rows[i];

		if (b->analyzer != 0 ? b->analyzer != analyzer : b->line != line)
			continue;
		l->n--;
		l->rows[i] = l->rows[l->n];
		l->deaths[i] = l->deaths[l->n];
	}
}

void ledger_release(struct ledger *l)
{
	free(l->rows);
	free(l->deaths);
	*l = (struct ledger){ .n = 0 };
}

/* ---- what exporters delivered ---- */

static uint64_t at_most(int64_t n, uint64_t max)
{
	return n < 0 ? 0 : (uint64_t)n < max ? (uint64_t)n : max;
}

void tally_told(struct tally *t, int64_t delivered, int64_t dropped)
{
	t->delivered = at_most(delivered, t->sent);
	t->dropped = at_most(dropped, t->sent - t->delivered);
}

void tally_host_ended(struct tally *t)
{
	t->delivered_before += t->delivered;
	t->dropped_before += t->sent - t->delivered; /* dropped, queued or under way */
	t->sent = t->delivered = t->dropped = 0;
}

uint64_t tally_delivered(const struct tally *t)
{
	return t->delivered_before + t->delivered;
}

uint64_t tally_dropped(const struct tally *t)
{
	return t->dropped_before + t->dropped;
}
