/* SPDX-License-Identifier: Apache-2.0 */
/* A hub of a new configuration goes on where that of the old one stands. */
#include "daemon/hub_adopt.h"

#include <stdlib.h>
#include <string.h>

#define GHOSTS_MAX 100000u /* names of topics, of analyzers and variables that are gone */

/* ---- numbers of what is gone ---- */

static struct hub_ghost *ghost_find(const struct hub *h, int64_t analyzer, const char *variable)
{
	for (size_t i = 0; i < h->n_ghosts; i++)
		if (h->ghosts[i].analyzer == analyzer &&
		    strcmp(h->ghosts[i].variable, variable) == 0)
			return &h->ghosts[i];
	return NULL;
}

/* Beyond the bound, or without memory, it begins anew: a listener sees that as a restart. */
static void ghost_keep(struct hub *h, const struct hub_ghost *g, const char *name)
{
	struct hub_ghost *at = ghost_find(h, g->analyzer, name), *list;
	char *variable;

	if (at != NULL) {
		variable = at->variable;
		*at = *g;
		at->variable = variable;
		return;
	}
	list = h->n_ghosts < GHOSTS_MAX ? reallocarray(h->ghosts, h->n_ghosts + 1, sizeof *list)
					: NULL;
	variable = strdup(name);
	if (list == NULL || variable == NULL) {
		free(variable);
		h->ghosts = list ? list : h->ghosts;
		return;
	}
	h->ghosts = list;
	list[h->n_ghosts] = *g;
	list[h->n_ghosts++].variable = variable;
}

#define NO_VARIABLE "" /* the analyzer itself */

static void analyzer_leave(struct hub *h, const struct hub_analyzer *a)
{
	const struct hub_ghost g = {
		.analyzer = a->conf->id, .n = a->n, .status_k = a->status_k, .record_k = a->record_k
	};

	ghost_keep(h, &g, NO_VARIABLE);
}

static void variable_leave(struct hub *h, const struct hub_analyzer *a, size_t i)
{
	const struct hub_ghost g = { .analyzer = a->conf->id, .n = a->last[i].k };

	if (g.n > 0)
		ghost_keep(h, &g, a->conf->variables[i].variable->name);
}

/* ---- variables ---- */

static size_t variable_of(const struct hub_analyzer *a, const char *name)
{
	for (size_t i = 0; i < a->conf->n_variables; i++)
		if (strcmp(a->conf->variables[i].variable->name, name) == 0)
			return i;
	return SIZE_MAX;
}

/* Of the same meter, a value with the same meaning stays what was last known. */
static void last_adopt(struct hub_last *to, struct hub_last *from, bool values)
{
	struct hub_last empty = *to;

	to->k = from->k;
	if (!values || to->n_elements != from->n_elements)
		return;
	*to = *from;
	*from = empty;
}

static void variables_adopt(struct hub *h, struct hub_analyzer *a, struct hub_analyzer *old,
			    bool values)
{
	for (size_t i = 0; i < a->conf->n_variables; i++) {
		const char *name = a->conf->variables[i].variable->name;
		size_t at = old != NULL ? variable_of(old, name) : SIZE_MAX;
		const struct hub_ghost *g = ghost_find(h, a->conf->id, name);

		if (at != SIZE_MAX)
			last_adopt(&a->last[i], &old->last[at], values);
		else if (g != NULL)
			a->last[i].k = g->n;
	}
	for (size_t i = 0; old != NULL && i < old->conf->n_variables; i++)
		if (variable_of(a, old->conf->variables[i].variable->name) == SIZE_MAX)
			variable_leave(h, old, i);
}

/* ---- analyzers ---- */

static void move_text(char **to, char **from)
{
	free(*to);
	*to = *from;
	*from = NULL;
}

static void numbers_adopt(struct hub_analyzer *a, const struct hub_analyzer *old)
{
	a->n = old->n;
	a->status_k = old->status_k;
	a->record_k = old->record_k;
	a->run = old->run;
	a->asked_n = old->asked_n;
	a->sweeps = old->sweeps;
	a->failed = old->failed;
	a->missed = old->missed;
	a->timeouts = old->timeouts;
	a->garbled = old->garbled;
	a->exceptions = old->exceptions;
}

/* What is known of the meter, as long as it is the same one. */
static void meter_adopt(struct hub_analyzer *a, struct hub_analyzer *old)
{
	a->verified = old->verified;
	a->t_us = old->t_us;
	a->answered_us = old->answered_us;
	move_text(&a->error, &old->error);
	move_text(&a->identity, &old->identity);
	move_text(&a->note, &old->note);
	for (size_t i = 0; i < model_n_texts(a->conf->model); i++)
		move_text(&a->said[i], &old->said[i]);
	free(a->exponents);
	a->exponents = old->exponents;
	old->exponents = NULL;
}

static void same_adopt(struct hub_analyzer *a, struct hub_analyzer *old)
{
	a->state = old->state;
	a->hushed = old->hushed;
	if (a->owner == old->owner && a->line->conf->id == old->line->conf->id)
		a->told = old->told;
	move_text(&a->reason, &old->reason);
	hub_plan_release(&a->plan);
	a->plan = old->plan;
	old->plan = (struct hub_plan){ .measured_us = -1 };
}

/* It did not come to the line of before as long as it waited for another. */
static int64_t was_line(const struct hub_analyzer *a, const struct hub_analyzer *old)
{
	int64_t from = old->was_line != 0 ? old->was_line : old->line->conf->id;

	return from != a->line->conf->id ? from : 0;
}

static void analyzer_adopt(struct hub *h, struct hub_analyzer *a, struct hub_analyzer *old,
			   enum diff_analyzer what)
{
	const struct hub_ghost *g = ghost_find(h, a->conf->id, NO_VARIABLE);

	variables_adopt(h, a, old, what >= DIFF_ASKED);
	a->was_line = old ? was_line(a, old) : 0;
	a->told = 0; /* who checked the configuration may have told it to a host of its own */
	if (old == NULL) {
		if (g != NULL) {
			a->n = g->n;
			a->status_k = g->status_k;
			a->record_k = g->record_k;
		}
		a->hushed = true;
		return;
	}
	numbers_adopt(a, old);
	if (what >= DIFF_ASKED)
		meter_adopt(a, old);
	if (what == DIFF_SAME)
		same_adopt(a, old);
	else
		a->hushed = true;
}

/* ---- lines ---- */

static void line_adopt(struct hub_line *l, struct hub_line *old, bool same)
{
	l->busy = old->busy;
	l->busy_us = old->busy_us;
	l->transactions = old->transactions;
	l->totals = old->totals;
	l->traced = old->traced;
	if (!same)
		return;
	l->state = old->state;
	move_text(&l->reason, &old->reason);
}

static void forbidden_adopt(struct hub *h, const struct hub *old)
{
	for (size_t i = 0; i < old->n_forbidden; i++) {
		struct hub_forbidden f = old->forbidden[i];
		const char *name = f.model->pub.name;

		for (size_t k = 0; k < h->config->n_models; k++) {
			f.model = h->config->models[k];
			if (strcmp(f.model->pub.name, name) == 0)
				(void)hub_forbid(h, &f);
		}
	}
}

void hub_adopt(struct hub *h, struct hub *old, const struct diff *d)
{
	h->epoch_ms = old->epoch_ms;
	h->heartbeats = old->heartbeats;
	h->ghosts = old->ghosts;
	h->n_ghosts = old->n_ghosts;
	old->ghosts = NULL;
	old->n_ghosts = 0;
	for (size_t i = 0; i < h->n_lines; i++) {
		struct hub_line *before = hub_line(old, h->lines[i].conf->id);

		if (before != NULL)
			line_adopt(&h->lines[i], before,
				   strcmp(before->conf->name, h->lines[i].conf->name) == 0);
	}
	for (size_t i = 0; i < h->n_analyzers; i++)
		analyzer_adopt(h, &h->analyzers[i], hub_analyzer(old, h->analyzers[i].conf->id),
			       d->analyzers[i]);
	for (size_t i = 0; i < old->n_analyzers; i++) {
		struct hub_analyzer *a = &old->analyzers[i];

		if (hub_analyzer(h, a->conf->id) != NULL)
			continue;
		analyzer_leave(h, a);
		for (size_t k = 0; k < a->conf->n_variables; k++)
			variable_leave(h, a, k);
	}
	forbidden_adopt(h, old);
}
