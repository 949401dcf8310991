/* SPDX-License-Identifier: Apache-2.0 */
/* The policy of supervision, apart from processes. */
#include "daemon/supervise.h"

#include <stdlib.h>
#include <string.h>

#define LEDGER_ROWS 1024u
#define LONG_LIFE_US (60 * 1000000LL)
#define BACKOFF_MAX_MS 60000

static bool same_group(const struct supervise_line *a, const struct supervise_line *b)
{
	return a->network == b->network && strcmp(a->drivers, b->drivers) == 0;
}

/* The group that line i joins: the newest of its sort, unless that is full. */
static size_t group_find(const struct supervise_line *lines, size_t i)
{
	size_t found = SUPERVISE_NONE, members = 0;

	for (size_t j = 0; j < i; j++) {
		if (lines[j].group == SUPERVISE_NONE || !same_group(&lines[j], &lines[i]))
			continue;
		members = lines[j].group == found ? members + 1 : 1;
		found = lines[j].group;
	}
	return members < SUPERVISE_LINES ? found : SUPERVISE_NONE;
}

size_t supervise_group(struct supervise_line *lines, size_t n)
{
	size_t n_groups = 0;

	for (size_t i = 0; i < n; i++) {
		lines[i].group = SUPERVISE_NONE;
		if (lines[i].drivers == NULL)
			continue;
		lines[i].group = group_find(lines, i);
		if (lines[i].group == SUPERVISE_NONE)
			lines[i].group = n_groups++;
	}
	return n_groups;
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
