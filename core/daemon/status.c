/* SPDX-License-Identifier: Apache-2.0 */
/* What the control socket tells of the daemon. */
#include "daemon/status.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/asked.h"
#include "daemon/pack.h"

/* ---- status ---- */

static void pack_slot_lines(const struct daemon *d, msgpack_packer *pk, size_t owner)
{
	const struct hub *h = d->check.hub;
	bool *has = calloc(h->n_lines + 1, sizeof *has);
	size_t n = 0;

	for (size_t i = 0; has != NULL && i < h->n_analyzers; i++) {
		size_t l = (size_t)(h->analyzers[i].line - h->lines);

		n += h->analyzers[i].owner == owner && !has[l];
		has[l] = has[l] || h->analyzers[i].owner == owner;
	}
	key_array(pk, "lines", n);
	for (size_t i = 0; n > 0 && i < h->n_lines; i++)
		if (has[i])
			(void)msgpack_pack_int64(pk, h->lines[i].conf->id);
	free(has);
}

/*
 * It tells before it is ready, unless it was not asked to.  `confined` nil: nothing runs, or it has
 * not told yet.
 */
static void pack_confined(msgpack_packer *pk, const struct slot *s)
{
	const char *lacks = NULL;
	bool told = s->host != NULL && host_confined(s->host, &lacks);

	if (!told && s->host != NULL && s->state == SLOT_RUNNING)
		lacks = "everything: lector.ini says confine = no";
	mp_str(pk, "confined");
	if (!told && lacks == NULL)
		(void)msgpack_pack_nil(pk);
	else
		(void)(lacks ? msgpack_pack_false(pk) : msgpack_pack_true(pk));
	mp_key_str(pk, "unconfined", lacks);
}

static void pack_host(const struct daemon *d, msgpack_packer *pk, const struct slot *s)
{
	(void)msgpack_pack_map(pk, 10);
	mp_key_int(pk, "id", (int64_t)s->owner);
	mp_key_str(pk, "kind", s->exporter ? "exporter" : "driver");
	key_int_or_nil(pk, "pid", s->host ? host_pid(s->host) : 0, s->host != NULL);
	mp_key_str(pk, "state", slot_state_name(s->state));
	mp_key_int(pk, "restarts", s->restarts);
	mp_key_str(pk, "reason", s->reason);
	mp_key_bool(pk, "quarantine", s->quarantine);
	pack_confined(pk, s);
	pack_slot_lines(d, pk, s->owner);
}

static void pack_line(msgpack_packer *pk, const struct hub_line *l)
{
	(void)msgpack_pack_map(pk, 8);
	mp_key_int(pk, "id", l->conf->id);
	mp_key_str(pk, "kind", hub_line_kind_name(l->conf->kind));
	mp_key_str(pk, "name", l->conf->name);
	mp_key_str(pk, "state", hub_line_state_name(l->state));
	mp_key_str(pk, "reason", l->reason);
	mp_key_real(pk, "share", l->planned ? l->share : -1);
	mp_key_real(pk, "busy", l->busy);
	key_count(pk, "transactions", l->transactions);
}

/* Of variables that are not read with the others. */
static void pack_intervals(const struct hub_analyzer *a, msgpack_packer *pk)
{
	const struct conf_analyzer *c = a->conf;
	uint32_t n = 0;

	for (size_t i = 0; i < c->n_variables; i++)
		n += c->variables[i].interval_ms != c->interval_ms;
	mp_str(pk, "intervals");
	(void)msgpack_pack_map(pk, n);
	for (size_t i = 0; i < c->n_variables; i++)
		if (c->variables[i].interval_ms != c->interval_ms)
			mp_key_int(pk, c->variables[i].variable->name, c->variables[i].interval_ms);
}

static void pack_texts(const struct hub_analyzer *a, msgpack_packer *pk)
{
	const struct model *m = a->conf->model;
	size_t n = model_n_texts(m);

	mp_str(pk, "texts");
	(void)msgpack_pack_map(pk, n);
	for (size_t i = 0; i < n; i++)
		mp_key_str(pk, model_text_label(m, i), a->said[i]);
}

static void pack_analyzer(msgpack_packer *pk, const struct hub_analyzer *a)
{
	const struct {
		const char *key;
		uint64_t n;
	} counts[] = {
		{ "sweeps", a->sweeps },   { "failed", a->failed },
		{ "missed", a->missed },   { "timeouts", a->timeouts },
		{ "garbled", a->garbled }, { "exceptions", a->exceptions },
	};

	(void)msgpack_pack_map(pk, 21);
	mp_key_int(pk, "id", a->conf->id);
	mp_key_str(pk, "run", hub_run_name(a->run));
	mp_key_int(pk, "line", a->conf->on->id);
	mp_key_int(pk, "address", a->conf->address);
	mp_key_str(pk, "model", a->conf->model->pub.name);
	mp_key_bool(pk, "proven", a->conf->model->proven);
	mp_key_str(pk, "state", hub_state_name(a->state));
	mp_key_str(pk, "reason", a->reason);
	mp_key_str(pk, "identity", a->identity);
	mp_key_str(pk, "verified", hub_verified_name(a->verified));
	mp_key_int(pk, "interval_ms", a->conf->interval_ms);
	pack_intervals(a, pk);
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		key_count(pk, counts[i].key, counts[i].n);
	key_int_or_nil(pk, "t_ms", a->t_us / 1000, a->t_us != 0);
	mp_key_str(pk, "note", a->note);
	pack_texts(a, pk);
}

static void pack_live(const struct hub *h, msgpack_packer *pk, const struct slot *s)
{
	mp_key_str(pk, "state", slot_state_name(s->state));
	mp_key_str(pk, "reason",
		   s->failure		      ? s->failure
		   : s->state == SLOT_RUNNING ? NULL
					      : s->reason);
	key_int_or_nil(pk, "backlog", 0, false);
	key_count(pk, "delivered", tally_delivered(&s->tally));
	key_count(pk, "dropped", tally_dropped(&s->tally) + h->sinks[s->sink].dropped);
	key_count(pk, "rejected", 0);
}

static void pack_durable(const struct daemon *d, msgpack_packer *pk, const struct slot *s)
{
	const struct journal_exporter_info *e = clerk_exporter(d->recording.clerk, s->conf->id);
	const char *state, *reason = status_durable(s, &state);

	mp_key_str(pk, "state", state);
	mp_key_str(pk, "reason", reason);
	key_count(pk, "backlog", e ? e->waiting : 0);
	key_count(pk, "delivered", e ? e->delivered : 0);
	key_count(pk, "dropped", 0);
	key_count(pk, "rejected", e ? e->rejected : 0);
}

static void pack_exporter(const struct daemon *d, msgpack_packer *pk, const struct slot *s)
{
	(void)msgpack_pack_map(pk, 8);
	mp_key_str(pk, "id", s->conf ? s->conf->id : "stream");
	mp_key_str(pk, "type", s->exporter->name);
	if (s->durable != NULL)
		pack_durable(d, pk, s);
	else
		pack_live(d->check.hub, pk, s);
}

static void pack_node(msgpack_packer *pk, const struct config *c)
{
	mp_str(pk, "node");
	(void)msgpack_pack_map(pk, 3);
	mp_key_str(pk, "id", c->node_id);
	mp_key_str(pk, "name", c->node_name);
	mp_key_str(pk, "location", c->node_location);
}

static void pack_reload(msgpack_packer *pk, const struct reload_last *last)
{
	mp_str(pk, "reload");
	if (last->t_ms == 0) {
		(void)msgpack_pack_nil(pk);
		return;
	}
	(void)msgpack_pack_map(pk, 3);
	mp_key_int(pk, "t_ms", last->t_ms);
	mp_key_bool(pk, "ok", last->error == NULL);
	mp_key_str(pk, "error", last->error);
}

static void pack_warnings(msgpack_packer *pk, const struct diags *diags)
{
	key_array(pk, "warnings", diags->n);
	for (size_t i = 0; i < diags->n; i++) {
		_cleanup_free_ char *text = diag_format(&diags->list[i], "");

		mp_str(pk, text);
	}
}

/* One that a reload took away is gone, also while its host ends. */
static bool is_exporter(const struct slot *s)
{
	return s->exporter != NULL && !s->gone;
}

static void pack_log_lost(const struct daemon *d, msgpack_packer *pk)
{
	key_map(pk, "log_lost", OUTLET_N_LOSSES);
	for (int i = 0; i < OUTLET_N_LOSSES; i++)
		key_count(pk, outlet_loss_name((enum outlet_loss)i),
			  logfile_lost(&d->logfile, &d->log, (enum outlet_loss)i));
}

void status_pack(const struct daemon *d, msgpack_packer *pk)
{
	const struct hub *h = d->check.hub;
	const struct fleet *f = &d->fleet;
	size_t n_exporters = 0;

	for (size_t i = 0; i < f->n_slots; i++)
		n_exporters += is_exporter(f->slots[i]);
	(void)msgpack_pack_map(pk, 17);
	mp_key_bool(pk, "ok", true);
	mp_key_int(pk, "generation", (int64_t)reload_generation(d->reload));
	pack_reload(pk, reload_last(d->reload));
	pack_node(pk, d->check.config);
	mp_key_str(pk, "version", PACKAGE_VERSION);
	mp_key_int(pk, "pid", getpid());
	mp_key_int(pk, "epoch_ms", h->epoch_ms);
	mp_key_str(pk, "config", d->check.config->file);
	mp_key_str(pk, "stream", d->check.ini->stream);
	mp_key_str(pk, "stream_key", d->check.ini->stream_public);
	key_array(pk, "hosts", f->n_slots);
	for (size_t i = 0; i < f->n_slots; i++)
		pack_host(d, pk, f->slots[i]);
	key_array(pk, "lines", h->n_lines);
	for (size_t i = 0; i < h->n_lines; i++)
		pack_line(pk, &h->lines[i]);
	key_array(pk, "analyzers", h->n_analyzers);
	for (size_t i = 0; i < h->n_analyzers; i++)
		pack_analyzer(pk, &h->analyzers[i]);
	key_array(pk, "exporters", n_exporters);
	for (size_t i = 0; i < f->n_slots; i++)
		if (is_exporter(f->slots[i]))
			pack_exporter(d, pk, f->slots[i]);
	status_journal_pack(d, pk);
	pack_log_lost(d, pk);
	pack_warnings(pk, &d->check.diags);
}

/* ---- snapshot ---- */

static void pack_elements(msgpack_packer *pk, const struct tesla_variable *v,
			  const struct hub_last *last, bool stale)
{
	key_array(pk, "labels", last->n_elements);
	for (size_t i = 0; i < last->n_elements; i++)
		mp_str(pk, v->elements[i]->label);
	mp_str(pk, "v");
	hub_pack_values(pk, last);
	key_array(pk, "q", last->n_elements);
	for (size_t i = 0; i < last->n_elements; i++)
		(void)msgpack_pack_int(pk, stale ? TESLA_STALE : last->elements[i].quality);
}

void reading_pack(msgpack_packer *pk, const struct hub_analyzer *a, size_t i)
{
	const struct tesla_variable *v = a->conf->variables[i].variable;
	const struct hub_last *last = &a->last[i];

	(void)msgpack_pack_map(pk, 11);
	mp_key_int(pk, "analyzer", a->conf->id);
	mp_key_str(pk, "variable", v->name);
	mp_key_str(pk, "u", v->unit);
	mp_key_int(pk, "t", last->t_us / 1000);
	mp_key_real(pk, "dt", (double)last->dt_us / 1000);
	key_count(pk, "n", last->n);
	key_count(pk, "k", last->k);
	mp_key_str(pk, "x", last->error);
	pack_elements(pk, v, last, hub_is_stale(a, last));
}

/* Only what came at least once. */
static size_t each_last(const struct hub *h, const struct hub_analyzer *one, msgpack_packer *pk)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_analyzers; i++) {
		const struct hub_analyzer *a = &h->analyzers[i];

		for (size_t k = 0; k < a->conf->n_variables; k++) {
			if (a->last[k].k == 0 || (one != NULL && a != one))
				continue;
			n++;
			if (pk != NULL)
				reading_pack(pk, a, k);
		}
	}
	return n;
}

bool cmd_snapshot(struct daemon *d, const struct control_peer *peer, const msgpack_object *request,
		  struct buf *reply)
{
	const struct hub *h = d->check.hub;
	struct hub_analyzer *one;
	msgpack_packer pk;

	(void)peer;
	if (!asked_analyzer(h, request, &one, reply))
		return true;
	mp_writer(&pk, reply);
	(void)msgpack_pack_map(&pk, 3);
	mp_key_bool(&pk, "ok", true);
	mp_key_int(&pk, "e", h->epoch_ms);
	key_array(&pk, "readings", each_last(h, one, NULL));
	(void)each_last(h, one, &pk);
	return true;
}

/* ---- plan ---- */

static void pack_step(msgpack_packer *pk, const struct hub_step *s)
{
	if (s->command != NULL) {
		(void)msgpack_pack_array(pk, 1);
		mp_str(pk, s->command);
		return;
	}
	(void)msgpack_pack_array(pk, 4);
	(void)msgpack_pack_int64(pk, s->function);
	(void)msgpack_pack_int64(pk, s->address);
	(void)msgpack_pack_int64(pk, s->count);
	(void)msgpack_pack_int64(pk, s->blocks);
}

static void pack_plan(msgpack_packer *pk, const struct hub_analyzer *a)
{
	const struct hub_plan *p = &a->plan;

	(void)msgpack_pack_map(pk, 7);
	mp_key_int(pk, "id", a->conf->id);
	mp_key_str(pk, "model", a->conf->model->pub.name);
	mp_key_int(pk, "interval_ms", a->conf->interval_ms);
	key_int_or_nil(pk, "predicted_us", p->predicted_us, p->known);
	key_int_or_nil(pk, "measured_us", p->measured_us, p->measured_us >= 0);
	mp_key_bool(pk, "assumed", p->assumed);
	key_array(pk, "transactions", p->n_steps);
	for (size_t i = 0; i < p->n_steps; i++)
		pack_step(pk, &p->steps[i]);
}

static void pack_line_plan(msgpack_packer *pk, const struct hub *h, const struct hub_line *l)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_analyzers; i++)
		n += h->analyzers[i].line == l;
	(void)msgpack_pack_map(pk, 5);
	mp_key_int(pk, "id", l->conf->id);
	mp_key_str(pk, "name", l->conf->name);
	mp_key_str(pk, "kind", hub_line_kind_name(l->conf->kind));
	mp_key_real(pk, "share", l->planned ? l->share : -1);
	key_array(pk, "analyzers", n);
	for (size_t i = 0; i < h->n_analyzers; i++)
		if (h->analyzers[i].line == l)
			pack_plan(pk, &h->analyzers[i]);
}

void plan_pack(const struct daemon *d, msgpack_packer *pk)
{
	const struct hub *h = d->check.hub;

	(void)msgpack_pack_map(pk, 2);
	mp_key_bool(pk, "ok", true);
	key_array(pk, "lines", h->n_lines);
	for (size_t i = 0; i < h->n_lines; i++)
		pack_line_plan(pk, h, &h->lines[i]);
}

/* ---- plugins ---- */

static void pack_param(msgpack_packer *pk, const struct tesla_param *p)
{
	static const char *const types[] = { "", "int", "real", "bool", "str", "choice", "s" };

	(void)msgpack_pack_map(pk, 7);
	mp_key_str(pk, "name", p->name);
	mp_key_str(pk, "type", types[p->type]);
	mp_key_str(pk, "default", p->dflt);
	mp_key_real(pk, "min", p->min);
	mp_key_real(pk, "max", p->max);
	mp_key_str(pk, "unit", p->unit);
	mp_key_str(pk, "help", p->help);
}

static void pack_plugin(msgpack_packer *pk, const struct plugin *p)
{
	size_t n = 0;

	(void)msgpack_pack_map(pk, 9);
	mp_key_str(pk, "name", p->name);
	mp_key_str(pk, "kind", plugin_kind_name(p->kind));
	mp_key_str(pk, "path", p->path);
	mp_key_str(pk, "version", p->version);
	mp_key_str(pk, "abi", p->abi);
	mp_key_str(pk, "help", p->help);
	mp_key_str(pk, "error", p->error);
	while (p->aliases != NULL && p->aliases[n] != NULL)
		n++;
	key_array(pk, "aliases", n);
	for (size_t i = 0; i < n; i++)
		mp_str(pk, p->aliases[i]);
	n = 0;
	while (p->params != NULL && p->params[n].type != TESLA_T_END)
		n++;
	key_array(pk, "params", n);
	for (size_t i = 0; i < n; i++)
		pack_param(pk, &p->params[i]);
}

void plugins_pack(const struct daemon *d, msgpack_packer *pk)
{
	const struct plugins *p = d->check.plugins;

	(void)msgpack_pack_map(pk, 2);
	mp_key_bool(pk, "ok", true);
	key_array(pk, "plugins", p->n);
	for (size_t i = 0; i < p->n; i++)
		pack_plugin(pk, p->list[i]);
}
