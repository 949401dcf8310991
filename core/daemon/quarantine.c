/* SPDX-License-Identifier: Apache-2.0 */
/* Who is to blame for a host's death moves out. */
#include "daemon/quarantine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/fleet_parts.h"

static size_t count_analyzers(const struct slot *s, const struct hub_line *l)
{
	const struct hub *h = s->fleet->setup.hub;
	size_t n = 0;

	for (size_t i = 0; i < h->n_analyzers; i++)
		n += h->analyzers[i].owner == s->owner && (l == NULL || h->analyzers[i].line == l);
	return n;
}

/* The analyzer whose data plugin it was; NULL: it was a driver, or nothing that this slot has. */
static struct hub_analyzer *guilty_analyzer(const struct slot *s, const struct blame *b)
{
	struct hub_analyzer *a =
		b->analyzer != 0 ? hub_analyzer(s->fleet->setup.hub, b->analyzer) : NULL;

	return a != NULL && a->owner == s->owner && strcmp(a->conf->data, b->plugin) == 0 ? a
											  : NULL;
}

static struct hub_line *guilty_line(const struct slot *s, const struct blame *b)
{
	const struct hub_analyzer *a =
		b->analyzer != 0 ? hub_analyzer(s->fleet->setup.hub, b->analyzer) : NULL;
	struct hub_line *l = b->line != 0 ? hub_line(s->fleet->setup.hub, b->line)
			     : a	  ? a->line
					  : NULL;

	return l != NULL && count_analyzers(s, l) > 0 ? l : NULL;
}

/* A slot that dies with the wait of two deaths behind it: the next start comes after a second. */
static struct slot *slot_of_its_own(struct slot *s, const char *reason)
{
	struct slot *q = fleet_add(s->fleet);

	if (q == NULL)
		return NULL;
	q->quarantine = true;
	q->network = s->network;
	q->key = s->key ? strdup(s->key) : NULL;
	q->restart.in_a_row = 1;
	text_set(&q->reason, reason);
	s->restart.in_a_row = 0;
	return q;
}

static void say(const struct slot *s, const char *who, int64_t id, const char *reason)
{
	log_msg(s->fleet->log, LOG_LEVEL_ERROR,
		"%s %" PRId64 " goes into quarantine after %u deaths: %s", who, id,
		SUPERVISE_DEATHS, reason);
}

static struct slot *move_line(struct slot *s, struct hub_line *l, const char *reason)
{
	const struct hub *h = s->fleet->setup.hub;
	struct slot *q;

	say(s, "line", l->conf->id, reason);
	if (count_analyzers(s, l) == count_analyzers(s, NULL)) {
		s->quarantine = true;
		return NULL;
	}
	q = slot_of_its_own(s, reason);
	for (size_t i = 0; q != NULL && i < h->n_analyzers; i++)
		if (h->analyzers[i].line == l && h->analyzers[i].owner == s->owner)
			h->analyzers[i].owner = q->owner;
	if (q != NULL)
		l->owner = q->owner;
	return q;
}

/*
 * Two hosts cannot share a port, nor a converter's one line: there it stays out while the others
 * are read.
 */
static void park(struct slot *s, struct hub_analyzer *a, const char *reason)
{
	_cleanup_free_ char *text = NULL;

	if (asprintf(&text, "left out, so that the others on line %" PRId64 " are read: %s",
		     a->conf->on->id, reason) < 0)
		text = NULL;
	a->owner = HUB_NOBODY;
	s->restart.in_a_row = 0;
	hub_set_state(s->fleet->setup.hub, a, HUB_FAILED, text ? text : reason, LOG_LEVEL_ERROR);
}

static struct slot *move_analyzer(struct slot *s, struct hub_analyzer *a, const char *reason)
{
	struct slot *q;

	if (count_analyzers(s, a->line) == 1)
		return move_line(s, a->line, reason);
	say(s, "analyzer", a->conf->id, reason);
	if (a->conf->on->kind != TESLA_LINE_TCP) {
		park(s, a, reason);
		return NULL;
	}
	q = slot_of_its_own(s, reason);
	if (q != NULL)
		a->owner = q->owner;
	return q;
}

struct slot *quarantine_blame(struct slot *s, const struct blame *blame, const char *reason,
			      bool *empty)
{
	struct hub_analyzer *a = guilty_analyzer(s, blame);
	struct hub_line *l = guilty_line(s, blame);
	struct slot *q = NULL;
	struct blame key = *blame;

	key.analyzer = a ? a->conf->id : 0;
	key.line = l ? l->conf->id : 0;
	if (l == NULL || s->quarantine || ledger_death(&s->fleet->ledger, &key) < SUPERVISE_DEATHS)
		return NULL;
	s->fleet->moves++;
	q = a != NULL ? move_analyzer(s, a, reason) : move_line(s, l, reason);
	*empty = count_analyzers(s, NULL) == 0;
	return q;
}
