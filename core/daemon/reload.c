/* SPDX-License-Identifier: Apache-2.0 */
/* A changed configuration while the daemon runs. */
#include "daemon/reload.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log_held.h"
#include "base/notify.h"
#include "base/utf8.h"
#include "daemon/daemon.h"
#include "daemon/fleet_change.h"
#include "daemon/hub_adopt.h"
#include "daemon/pack.h"

#define WAITERS_MAX 32u
#define PREPARES_MAX 5u /* in one reload: hosts went into quarantine meanwhile */
#define ERROR_BYTES_MAX (256u << 10)

struct waiter {
	struct control_peer peer;
	uint64_t run; /* whose answer it gets */
};

struct reload {
	struct daemon *d;
	uv_work_t work;
	struct clerk_job job;
	uint64_t run, generation; /* run: of the one under way, or the last */
	bool busy;
	bool again, again_plugins; /* asked for meanwhile */
	struct waiter waiters[WAITERS_MAX];
	size_t n_waiters;
	struct reload_last last;
	struct overrides in_force,
		wanted; /* variables, by set-variables: now; by the one under way */
	/* the one under way; `next` and `held` are the pool's while it is checked */
	bool plugins;
	unsigned prepares;
	int checked;
	struct check next;
	struct log_held held; /* what the pool has to say */
	struct diff diff;
	int stop_fd; /* an eventfd: the check in the pool is to end */
};

static void begin(struct reload *r, bool plugins);

/* ---- answers ---- */

static void pack_list(msgpack_packer *pk, const char *key, const struct diff_list *l)
{
	key_array(pk, key, l->n);
	for (size_t i = 0; i < l->n; i++)
		mp_str(pk, l->names[i]);
}

static void pack_warnings(msgpack_packer *pk, const struct diags *diags)
{
	size_t n = 0;

	for (size_t i = 0; i < diags->n; i++)
		n += diags->list[i].warning;
	key_array(pk, "warnings", n);
	for (size_t i = 0; i < diags->n; i++) {
		_cleanup_free_ char *text = NULL;

		if (!diags->list[i].warning)
			continue;
		text = diag_format(&diags->list[i], "");
		mp_str(pk, text);
	}
}

static void pack_success(const struct reload *r, msgpack_packer *pk)
{
	(void)msgpack_pack_map(pk, 4);
	mp_key_bool(pk, "ok", true);
	mp_key_int(pk, "generation", (int64_t)r->generation);
	mp_str(pk, "changes");
	(void)msgpack_pack_map(pk, 3);
	pack_list(pk, "added", &r->diff.added);
	pack_list(pk, "removed", &r->diff.removed);
	pack_list(pk, "changed", &r->diff.changed);
	pack_warnings(pk, &r->d->check.diags);
}

/* Those of this run; the others move up. */
static void answer(struct reload *r, const char *error)
{
	struct buf reply;
	msgpack_packer pk;
	size_t kept = 0;

	buf_init(&reply, CONTROL_REPLY_MAX);
	mp_writer(&pk, &reply);
	if (error == NULL)
		pack_success(r, &pk);
	else
		control_error(&reply, "%s", error);
	for (size_t i = 0; i < r->n_waiters; i++) {
		if (r->waiters[i].run != r->run)
			r->waiters[kept++] = r->waiters[i];
		else if (!r->d->stopping)
			control_reply(r->d->control, &r->waiters[i].peer, &reply);
	}
	r->n_waiters = kept;
	buf_release(&reply);
}

static void finish(struct reload *r, const char *error)
{
	r->last.t_ms = clock_wall_us() / 1000;
	text_set(&r->last.error, error);
	if (r->last.error != NULL) /* names that a client asked for may be in it */
		(void)utf8_clean(r->last.error, strlen(r->last.error), UTF8_TEXT);
	answer(r, error);
	if (error == NULL) {
		overrides_release(&r->in_force);
		r->in_force = r->wanted;
		r->wanted = (struct overrides){ .n = 0 };
	}
	overrides_release(&r->wanted);
	diff_release(&r->diff);
	check_release(&r->next);
	r->next = (struct check){ .n_owners = 0 };
	r->busy = false;
	if (!r->d->stopping)
		notify_ready();
	if (r->again && !r->d->stopping)
		begin(r, r->again_plugins);
}

static void fail(struct reload *r, const char *error)
{
	log_msg(&r->d->log, LOG_LEVEL_ERROR, "reload refused, all goes on as before: %s", error);
	finish(r, error);
}

/* All errors, a line each. */
static void fail_diags(struct reload *r, const struct diags *diags)
{
	struct buf all;

	buf_init(&all, ERROR_BYTES_MAX);
	for (size_t i = 0; i < diags->n; i++) {
		_cleanup_free_ char *text = NULL;

		if (diags->list[i].warning)
			continue;
		text = diag_format(&diags->list[i], "");
		if (text != NULL && all.pub.len > 0)
			(void)buf_append(&all, "\n", 1);
		if (text != NULL)
			(void)buf_append(&all, text, strlen(text));
	}
	(void)buf_append(&all, "", 1);
	fail(r, all.failed ? "more errors than can be said" : (const char *)all.pub.bytes);
	buf_release(&all);
}

/* ---- in force ---- */

static void names_say(const struct reload *r, const char *what, const struct diff_list *l)
{
	struct buf all;

	if (l->n == 0)
		return;
	buf_init(&all, 1u << 20);
	for (size_t i = 0; i < l->n; i++) {
		if (i > 0)
			(void)buf_append(&all, ", ", 2);
		(void)buf_append(&all, l->names[i], strlen(l->names[i]));
	}
	(void)buf_append(&all, "", 1);
	if (!all.failed)
		log_msg(&r->d->log, LOG_LEVEL_INFO, "reload: %s: %.400s", what,
			(const char *)all.pub.bytes);
	buf_release(&all);
}

static void say(const struct reload *r)
{
	log_msg(&r->d->log, LOG_LEVEL_INFO, "reload: generation %" PRIu64 " is in force",
		r->generation);
	names_say(r, "added", &r->diff.added);
	names_say(r, "removed", &r->diff.removed);
	names_say(r, "changed", &r->diff.changed);
	daemon_warn(r->d, &r->d->check.diags);
}

static bool nothing_runs(const struct hub *h)
{
	for (size_t i = 0; i < h->n_analyzers; i++)
		if (h->analyzers[i].run != HUB_STOPPED)
			return false;
	return true;
}

/* Nobody has started anything yet: neither are those that come now. */
static void hold_new(struct reload *r)
{
	struct hub *h = r->next.hub;

	for (size_t i = 0; i < h->n_analyzers; i++)
		if (r->diff.analyzers[i] == DIFF_NEW)
			h->analyzers[i].run = HUB_STOPPED;
}

static void settings_apply(struct daemon *d)
{
	d->log.level = d->check.ini->log_level;
	logfile_limit(&d->logfile, d->check.ini);
}

static void adopt(void *arg)
{
	struct reload *r = arg;
	struct daemon *d = r->d;
	struct check before = d->check;

	fleet_before(&d->fleet);
	hub_adopt(r->next.hub, before.hub, &r->diff);
	if (!r->next.ini->auto_start && nothing_runs(before.hub))
		hold_new(r);
	ini_keep_fixed(r->next.ini, before.ini);
	d->check = r->next;
	r->next = (struct check){ .n_owners = 0 };
	settings_apply(d);
	fleet_adopt(&d->fleet, &d->check, &r->diff, r->plugins, &before);
}

/* Nothing that runs is touched.  The rest is as lector.ini says now, and so is what is doubtful. */
static void adopt_settings(struct reload *r)
{
	struct check *now = &r->d->check, *next = &r->next;
	const struct check was = *now;

	ini_keep_fixed(next->ini, now->ini);
	now->ini = next->ini;
	now->diags = next->diags;
	next->ini = was.ini;
	next->diags = was.diags;
	settings_apply(r->d);
	fleet_set_ini(&r->d->fleet, now->ini);
}

static void prepare(struct reload *r);

static void nothing(struct clerk_job *job, struct journal *j)
{
	(void)job, (void)j;
}

/* The clerk has no turn under way: the ring may be made anew. */
static void on_in_force(struct clerk_job *job)
{
	struct reload *r = (struct reload *)((char *)job - offsetof(struct reload, job));
	struct daemon *d = r->d;
	struct tesla_error err = { .code = 0 };

	if (d->stopping) {
		finish(r, "the daemon ends");
		return;
	}
	if (fleet_is_outdated(&d->fleet)) {
		fleet_abandon(&d->fleet);
		prepare(r);
		return;
	}
	if (recording_change(&d->recording, &r->next, adopt, r, &err) != 0) {
		fleet_abandon(&d->fleet);
		fail(r, err.text);
		return;
	}
	d->fleet.recorder = d->recording.recorder;
	r->generation++;
	say(r);
	finish(r, NULL);
}

static void on_prepared(void *arg, const char *error)
{
	struct reload *r = arg;
	_cleanup_free_ char *text = NULL;

	if (error == NULL) {
		r->job = (struct clerk_job){ .work = nothing, .done = on_in_force };
		clerk_do(r->d->recording.clerk, &r->job);
		return;
	}
	if (asprintf(&text, "a host that is needed did not begin: %s", error) < 0)
		text = NULL;
	fail(r, text ? text : error);
}

static void prepare(struct reload *r)
{
	if (++r->prepares > PREPARES_MAX)
		fail(r, "plugins crash all the time: see `teslactl status`");
	else
		fleet_prepare(&r->d->fleet, &r->next, &r->diff, r->plugins, on_prepared, r);
}

/* ---- checked ---- */

/* What a running daemon cannot change. */
static void check_fixed(struct reload *r)
{
	const struct config *a = r->d->check.config, *b = r->next.config;
	const struct ini *was = r->d->check.ini, *is = r->next.ini;
	const struct {
		const char *name, *was, *is;
	} fixed[] = {
		{ "run_dir", was->run_dir, is->run_dir },
		{ "state_dir", was->state_dir, is->state_dir },
		{ "log_dir", was->log_dir, is->log_dir },
		{ "[Control] endpoint", was->control, is->control },
		{ "[Control] readonly", was->control_readonly, is->control_readonly },
		{ "[Control] group", was->control_group, is->control_group },
		{ "[Control] tcp", was->control_tcp, is->control_tcp },
		{ "[Control] key", was->control_key, is->control_key },
		{ "[Control] clients", was->control_clients, is->control_clients },
		{ "[Metrics] listen", was->metrics.listen, is->metrics.listen },
	};

	if (strcmp(a->node_id, b->node_id) != 0)
		diags_error(&r->next.diags, b->file, 0, 0,
			    "the node's id is %s, it was %s: for another node the daemon is to be "
			    "started anew",
			    b->node_id, a->node_id);
	for (size_t i = 0; i < N_ELEMENTS(fixed); i++) {
		const char *x = fixed[i].was ? fixed[i].was : "",
			   *y = fixed[i].is ? fixed[i].is : "";

		if (strcmp(x, y) != 0)
			diags_warning(&r->next.diags, r->d->files.ini, 0, 0,
				      "%s is %s from the next start on; until then it stays %s",
				      fixed[i].name, y, x);
	}
}

static void check_journal(struct reload *r)
{
	const struct ini_journal *a = &r->d->check.ini->journal, *b = &r->next.ini->journal;
	const struct journal_limits *x = &a->limits, *y = &b->limits;

	if (x->bytes != y->bytes || x->age_ms != y->age_ms || x->rejects != y->rejects ||
	    x->policy != y->policy || a->sync_interval_ms != b->sync_interval_ms)
		diags_warning(&r->next.diags, r->d->files.ini, 0, 0,
			      "[Journal] takes effect at the next start");
}

static const struct plugin *plugin_before(const struct check *old, const char *id)
{
	for (size_t i = 0; i < old->config->n_exporters; i++)
		if (strcmp(old->config->exporters[i].id, id) == 0)
			return old->plugins->exporters[i];
	return NULL;
}

/* At a start it is a warning; here the old version goes on. */
static void check_exporters(struct reload *r)
{
	struct check *next = &r->next;

	for (size_t i = 0; i < next->config->n_exporters; i++) {
		const struct conf_exporter *e = &next->config->exporters[i];
		const struct plugin *p = plugin_before(&r->d->check, e->id);
		const struct plugin *q = next->plugins->exporters[i];
		bool runs = p != NULL && p->error == NULL;

		if (runs && (q == NULL || q->error != NULL))
			diags_error(&next->diags, next->config->file, e->line, e->column,
				    "exporter %s: %s", e->type,
				    q ? q->error : "its plugin is left out");
	}
	if (r->d->check.plugins->stream != NULL && next->plugins->stream == NULL &&
	    next->ini->stream[0] != '\0')
		diags_error(&next->diags, next->config->file, 0, 0,
			    "the stream's plugin cannot be used");
}

/* Files that it names may have changed, whether it did or not. */
static void clients_again(struct reload *r)
{
	struct tesla_error err = { .code = 0 };

	if (control_clients_reload(r->d->control, &err) != 0)
		diags_warning(&r->next.diags, r->d->files.ini, 0, 0, "[Control] clients: %s",
			      err.text);
}

static void on_checked(uv_work_t *work, int status)
{
	struct reload *r = work->data;
	int rc = r->checked;

	(void)status;
	log_held_pass(&r->held, &r->d->log);
	if (r->next.hub != NULL)
		r->next.hub->log = &r->d->log;
	if (r->d->stopping) {
		finish(r, "the daemon ends");
		return;
	}
	if (rc == 0) {
		check_fixed(r);
		check_journal(r);
		check_exporters(r);
		rc = r->next.diags.n_errors > 0 ? -EINVAL : 0;
	}
	if (rc != 0) {
		fail_diags(r, &r->next.diags);
		return;
	}
	if (diff_make(&r->d->check, &r->next, &r->diff) != 0) {
		fail(r, "no memory to compare it");
		return;
	}
	clients_again(r);
	r->prepares = 0;
	if (diff_is_empty(&r->diff) && !r->plugins) {
		adopt_settings(r);
		log_msg(&r->d->log, LOG_LEVEL_INFO, "reload: nothing is different");
		daemon_warn(r->d, &r->d->check.diags);
		finish(r, NULL);
		return;
	}
	prepare(r);
}

static void in_pool(uv_work_t *work)
{
	struct reload *r = work->data;

	const struct plugins_how how = { .strict = true, .stop_fd = r->stop_fd };

	r->checked = check_run(&r->next, &r->d->files, &r->wanted, &how, &r->held.log);
}

/* ---- asked for ---- */

static void begin(struct reload *r, bool plugins)
{
	notify_reloading();
	r->busy = true;
	r->again = r->again_plugins = false;
	r->plugins = plugins;
	r->run++;
	r->work.data = r;
	log_held_release(&r->held);
	log_held_init(&r->held, r->d->log.level);
	(void)uv_queue_work(&r->d->loop, &r->work, in_pool, on_checked);
}

static bool ask(struct reload *r, const struct control_peer *peer, bool plugins)
{
	if (r->d->stopping || (peer != NULL && r->n_waiters == WAITERS_MAX))
		return false;
	if (peer != NULL)
		r->waiters[r->n_waiters++] = (struct waiter){ *peer, r->run + 1 };
	if (r->busy) {
		r->again = true;
		r->again_plugins = r->again_plugins || plugins;
	} else {
		begin(r, plugins);
	}
	return true;
}

bool reload_ask(struct reload *r, const struct control_peer *peer, bool plugins)
{
	logfile_follow(&r->d->logfile);
	return ask(r, peer, plugins);
}

/* NULL: not a text for each, or no memory. */
static char **names_of(const msgpack_object *list, size_t *n)
{
	char **names = calloc(list->via.array.size + 1, sizeof *names);

	for (*n = 0; names != NULL && *n < list->via.array.size; ++*n) {
		names[*n] = mp_to_strdup(&list->via.array.ptr[*n]);
		if (names[*n] != NULL)
			continue;
		while (*n > 0)
			free(names[--*n]);
		free(names);
		return NULL;
	}
	return names;
}

int reload_variables(struct reload *r, const struct control_peer *peer, int64_t analyzer,
		     const msgpack_object *names)
{
	char **list;
	size_t n;
	int rc;

	if (r->busy)
		return -EBUSY;
	list = names_of(names, &n);
	if (list == NULL)
		return -EINVAL;
	rc = overrides_copy(&r->in_force, &r->wanted);
	if (rc == 0)
		rc = overrides_set(&r->wanted, analyzer, list, n);
	if (rc == 0 && !ask(r, peer, false))
		rc = -EBUSY;
	if (rc != 0)
		overrides_release(&r->wanted);
	return rc;
}

uint64_t reload_generation(const struct reload *r)
{
	return r->generation;
}

const struct reload_last *reload_last(const struct reload *r)
{
	return &r->last;
}

struct reload *reload_new(struct daemon *d)
{
	struct reload *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	*r = (struct reload){ .d = d,
			      .generation = 1,
			      .stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	if (r->stop_fd >= 0)
		return r;
	free(r);
	return NULL;
}

void reload_stop(struct reload *r)
{
	if (r != NULL)
		(void)eventfd_write(r->stop_fd, 1);
}

void reload_free(struct reload *r)
{
	if (r == NULL)
		return;
	overrides_release(&r->in_force);
	overrides_release(&r->wanted);
	check_release(&r->next);
	diff_release(&r->diff);
	log_held_release(&r->held);
	free(r->last.error);
	(void)close(r->stop_fd);
	free(r);
}
