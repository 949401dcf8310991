/* SPDX-License-Identifier: Apache-2.0 */
/* A changed configuration comes into force. */
#include "daemon/fleet_change.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/fleet_parts.h"

/* ---- which host has which line ---- */

/* One of its plugins is another file now, or all are to be loaded anew. */
static bool is_outworn(const struct slot *s, const struct plugins *p, bool force)
{
	for (size_t i = 0; i < p->n && !force; i++) {
		_cleanup_free_ char *key = NULL;
		const struct told_entry *e;

		if (asprintf(&key, "plugin/%d/%s", p->list[i]->kind, p->list[i]->name) < 0)
			return true;
		e = told_find(&s->told, key);
		if (e != NULL && strcmp((const char *)e->bytes, p->list[i]->stamp) != 0)
			return true;
	}
	return force;
}

struct placing {
	struct fleet *f;
	const struct check *next;
	const struct diff *d;
	bool force;
	struct slot **slots; /* of lines; those beyond n_old are new */
	struct supervise_host *hosts;
	struct supervise_line *lines;
	bool *barred; /* per line, by old host */
	size_t n_old;
};

static void placing_release(struct placing *p)
{
	for (size_t i = 0; p->lines != NULL && i < p->next->hub->n_lines; i++)
		place_key_free(p->lines[i].drivers);
	free(p->lines);
	free(p->barred);
	free(p->hosts);
	free(p->slots);
}

/* In quarantine a line stays by itself: nobody joins it. */
static void host_fill(struct placing *p, struct slot *s)
{
	p->slots[p->n_old] = s;
	p->hosts[p->n_old++] = (struct supervise_host){
		.network = s->network,
		.drivers = s->key,
		.closed = s->quarantine || is_outworn(s, p->next->plugins, p->force),
	};
}

static size_t host_of(const struct placing *p, size_t owner)
{
	for (size_t i = 0; i < p->n_old; i++)
		if (p->slots[i]->owner == owner)
			return i;
	return SUPERVISE_NONE;
}

/* Of those of its sort: others do not get it anyway. */
static bool cannot(const struct placing *p, size_t host, const struct supervise_line *l,
		   const struct confinement *wanted)
{
	const struct slot *s = p->slots[host];

	return s->host != NULL && s->network == l->network && strcmp(s->key, l->drivers) == 0 &&
	       !confinement_has(&s->confinement, wanted);
}

/*
 * What a host may touch was settled when it began: a plugin from a folder that is new, or a port
 * that is elsewhere, needs another.  Where a line can stay, others need not be looked at.
 */
static void bar(const struct placing *p, size_t line, const struct setup *next)
{
	_cleanup_(confinement_release) struct confinement wanted = { .n = 0 };
	const struct supervise_line *l = &p->lines[line];
	bool *barred = p->barred + line * p->n_old;

	if (l->drivers == NULL)
		return;
	confinement_of_line(next, next->hub->lines[line].conf, &wanted);
	if (l->stays != SUPERVISE_NONE) {
		barred[l->stays] = cannot(p, l->stays, l, &wanted);
		if (!barred[l->stays] && !p->hosts[l->stays].closed)
			return;
	}
	for (size_t i = 0; i < p->n_old; i++)
		barred[i] = cannot(p, i, l, &wanted);
}

/* A line in quarantine whose drivers are the same files: it stays where it is. */
static bool stays_alone(const struct placing *p, size_t i)
{
	const struct supervise_line *l = &p->lines[i];
	const struct slot *s = l->stays != SUPERVISE_NONE ? p->slots[l->stays] : NULL;

	return s != NULL && s->quarantine && l->drivers != NULL &&
	       strcmp(l->drivers, s->key) == 0 && !p->barred[i * p->n_old + l->stays] &&
	       !is_outworn(s, p->next->plugins, p->force);
}

static int placing_fill(struct placing *p)
{
	const struct hub *h = p->next->hub, *old = p->f->setup.hub;
	size_t n_lines = h->n_lines;

	p->slots = calloc(p->f->n_slots + n_lines + 1, sizeof(struct slot *));
	p->hosts = calloc(p->f->n_slots + n_lines + 1, sizeof *p->hosts);
	p->lines = calloc(n_lines + 1, sizeof *p->lines);
	if (p->slots == NULL || p->hosts == NULL || p->lines == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < p->f->n_slots; i++)
		if (p->f->slots[i]->key != NULL && !p->f->slots[i]->gone)
			host_fill(p, p->f->slots[i]);
	p->barred = calloc(n_lines * p->n_old + 1, sizeof *p->barred);
	if (p->barred == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n_lines; i++) {
		const struct hub_line *before = hub_line(old, h->lines[i].conf->id);

		p->lines[i] = (struct supervise_line){
			.network = h->lines[i].conf->kind != TESLA_LINE_SERIAL,
			.drivers = place_key(h, p->next->plugins, h->lines[i].conf),
			.stays = before ? host_of(p, before->owner) : SUPERVISE_NONE,
		};
		bar(p, i, &p->f->next.setup);
	}
	return 0;
}

/* A slot for each host beyond those that there are. */
static int slots_add(struct placing *p, size_t n_hosts)
{
	for (size_t i = p->n_old; i < n_hosts; i++) {
		struct slot *s = fleet_add(p->f);

		if (s == NULL)
			return -ENOMEM;
		s->fresh = true;
		s->network = p->hosts[i].network;
		s->key = strdup(p->hosts[i].drivers);
		p->slots[i] = s;
		if (s->key == NULL)
			return -ENOMEM;
	}
	return 0;
}

/*
 * One that is in quarantine, in a host apart from its line's or in none, stays there as long as
 * nothing of it has changed.
 */
static size_t owner_of(const struct placing *p, size_t i, const struct hub_line *l)
{
	const struct hub *h = p->next->hub;
	const struct hub_analyzer *a = hub_analyzer(p->f->setup.hub, h->analyzers[i].conf->id);

	if (p->next->plugins->uses[i].why != NULL)
		return HUB_NOBODY;
	if (a != NULL && p->d->analyzers[i] == DIFF_SAME && a->owner != a->line->owner && !p->force)
		return a->owner;
	return l->owner;
}

static int place(struct placing *p)
{
	struct hub *h = p->next->hub;
	size_t n_hosts;
	int r = placing_fill(p);

	if (r != 0)
		return r;
	for (size_t i = 0; i < h->n_lines; i++) {
		struct supervise_line *l = &p->lines[i];

		h->lines[i].owner = HUB_NOBODY;
		if (!stays_alone(p, i))
			continue;
		h->lines[i].owner = p->slots[l->stays]->owner;
		place_key_free(l->drivers);
		l->drivers = NULL;
	}
	n_hosts = supervise_group(p->lines, h->n_lines, p->hosts, p->n_old, p->barred);
	r = slots_add(p, n_hosts);
	for (size_t i = 0; r == 0 && i < h->n_lines; i++)
		if (p->lines[i].host != SUPERVISE_NONE)
			h->lines[i].owner = p->slots[p->lines[i].host]->owner;
	for (size_t i = 0; r == 0 && i < h->n_analyzers; i++)
		h->analyzers[i].owner = owner_of(p, i, h->analyzers[i].line);
	return r;
}

/* ---- before: the hosts that are new ---- */

static void next_ready(struct fleet *f, const char *error)
{
	void (*ready)(void *arg, const char *error) = f->next.ready;

	f->next.ready = NULL;
	if (error != NULL)
		fleet_abandon(f);
	if (ready != NULL)
		ready(f->next.arg, error);
}

static void next_look(struct fleet *f)
{
	for (size_t i = 0; i < f->n_slots; i++)
		if (f->slots[i]->fresh && f->slots[i]->state != SLOT_RUNNING)
			return;
	next_ready(f, NULL);
}

void fleet_fresh(struct slot *s, const char *failed)
{
	struct fleet *f = s->fleet;
	_cleanup_free_ char *why = failed ? strdup(failed) : NULL;

	if (failed == NULL) {
		next_look(f);
		return;
	}
	s->fresh = false;
	slot_leave(s);
	next_ready(f, why ? why : "no memory");
}

void fleet_refused(struct slot *s, const msgpack_object *msg)
{
	_cleanup_free_ char *plugin = mp_strdup(msg, "plugin"), *text = mp_strdup(msg, "text");

	host_kill(s->host, "plugin %s: %s", plugin ? plugin : "?",
		  text ? text : "it would not open");
}

void fleet_abandon(struct fleet *f)
{
	f->next.active = false;
	for (size_t i = f->n_slots; i-- > 0;) {
		if (!f->slots[i]->fresh)
			continue;
		f->slots[i]->fresh = false;
		slot_leave(f->slots[i]);
	}
}

static struct setup setup_for(const struct check *next)
{
	return (struct setup){ next->hub, next->plugins, &next->catalog, next->ini->log_level,
			       false,	  next->ini,	 &next->places };
}

void fleet_prepare(struct fleet *f, const struct check *next, const struct diff *d, bool force,
		   void (*ready)(void *arg, const char *error), void *arg)
{
	struct placing p = { .f = f, .next = next, .d = d, .force = force };
	int r;

	f->next = (struct fleet_next){
		.active = true,
		.setup = setup_for(next),
		.moves = f->moves,
		.ready = ready,
		.arg = arg,
	};
	r = place(&p);
	placing_release(&p);
	if (r != 0) {
		next_ready(f, "no memory for another host");
		return;
	}
	for (size_t i = 0; i < f->n_slots && f->next.ready != NULL; i++)
		if (f->slots[i]->fresh && f->slots[i]->state == SLOT_STOPPED)
			slot_start(f->slots[i]);
	if (f->next.ready != NULL)
		next_look(f);
}

bool fleet_is_outdated(const struct fleet *f)
{
	return !f->next.active || f->moves != f->next.moves;
}

/* ---- in force ---- */

void fleet_before(struct fleet *f)
{
	hub_flush(f->setup.hub);
}

void fleet_adopt(struct fleet *f, const struct check *next, const struct diff *d, bool force,
		 struct check *before)
{
	struct attic *attic = calloc(1, sizeof *attic);
	const struct fleet_change change = { next, d, before->hub, before->ini, attic, force };

	f->setup = setup_for(next);
	f->next.active = false;
	if (attic == NULL) /* of the size of a few pointers: the system is at its end */
		abort();
	attic->users = 1;
	if (fleet_change_exporters(f, &change) != 0)
		log_msg(f->log, LOG_LEVEL_ERROR, "no memory for an exporter: it is left out");
	for (size_t i = 0; i < f->n_slots; i++) {
		f->slots[i]->fresh = false;
		told_outdate(&f->slots[i]->told);
	}
	for (size_t i = 0; i < next->hub->n_analyzers; i++)
		if (d->analyzers[i] != DIFF_SAME)
			ledger_forget(&f->ledger, next->hub->analyzers[i].conf->id,
				      next->hub->analyzers[i].line->conf->id);
	fleet_update(f);
	attic->check = *before;
	if (--attic->users == 0) {
		check_release(&attic->check);
		free(attic);
	}
}
