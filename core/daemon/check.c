/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is read before a line is opened. */
#include "daemon/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/param.h"
#include "daemon/host.h"
#include "daemon/intake.h"
#include "daemon/place.h"

#define SIDE_BY_SIDE 8u /* hosts in their dry run at a time */

/*
 * ---- the dry run: hosts open the plugins of lines and make plans, but open no line; those of
 * exporters check their parameters, but open nothing ----
 */

struct dry {
	struct check *c;
	struct host *host;
	size_t owner;			  /* of lines */
	const struct plugin *plugin;	  /* of an exporter; NULL: a host of lines */
	const struct conf_exporter *conf; /* of an exporter; NULL: the stream */
	const char *ini;		  /* the file */
	bool strict, done;
};

__attribute__((format(printf, 5, 6))) static void complain(const struct dry *d, bool error,
							   int line, int column, const char *fmt,
							   ...)
{
	const struct diag_place at = { d->c->config->file, line, column, !error };
	va_list ap;

	va_start(ap, fmt);
	diags_vadd(&d->c->diags, &at, fmt, ap);
	va_end(ap);
}

/* Where it stands: the stream in lector.ini. */
static void complain_of_exporter(const struct dry *d, const char *what, const char *text)
{
	const struct ini *ini = d->c->ini;

	if (d->conf != NULL)
		complain(d, d->strict, d->conf->line, d->conf->column, "exporter %s: %s%s",
			 d->conf->type, what, text);
	else if (d->strict)
		diags_error(&d->c->diags, d->ini, ini->stream_line, 0, "[Stream] %s%s", what, text);
	else
		diags_warning(&d->c->diags, d->ini, ini->stream_line, 0, "[Stream] %s%s", what,
			      text);
}

/* Where the configuration names what a message is about. */
static void where_is(const struct dry *d, int64_t analyzer, int64_t line, int *row, int *column)
{
	const struct hub_analyzer *a = hub_analyzer(d->c->hub, analyzer);
	const struct hub_line *l = hub_line(d->c->hub, line);

	*row = a ? a->conf->line : l ? l->conf->line : 0;
	*column = a ? a->conf->column : l ? l->conf->column : 0;
}

/* Its host ends by itself.  At a start it is tried again, as often as it takes. */
static void on_exporter_failed(struct dry *d, const msgpack_object *msg)
{
	_cleanup_free_ char *text = mp_strdup(msg, "text");

	complain_of_exporter(d, "", text ? text : "its parameters were refused");
	d->done = true;
}

/* Only -t says it: at a start the host itself says it again, and then it counts. */
static void on_failed(const struct dry *d, const msgpack_object *msg)
{
	_cleanup_free_ char *plugin = mp_strdup(msg, "plugin"), *text = mp_strdup(msg, "text");
	int row, column;

	if (!d->strict)
		return;
	where_is(d, mp_int(msg, "analyzer", 0), mp_int(msg, "line", 0), &row, &column);
	complain(d, true, row, column, "plugin %s: %s", plugin ? plugin : "?",
		 text ? text : "it would not open");
}

static int on_message(void *arg, const msgpack_object *msg, struct tesla_error *err)
{
	struct dry *d = arg;
	_cleanup_free_ char *text = mp_is(msg, "m", "log") ? mp_strdup(msg, "text") : NULL;
	int r;

	if (text != NULL)
		log_msg(d->c->hub->log, (int)mp_int(msg, "level", LOG_LEVEL_INFO), "%s", text);
	if (mp_is(msg, "m", "failed")) {
		if (d->plugin != NULL)
			on_exporter_failed(d, msg);
		else
			on_failed(d, msg);
		return 0;
	}
	if (mp_is(msg, "m", "done")) {
		d->done = true;
		host_stop(d->host);
		return 0;
	}
	if (d->plugin != NULL)
		return text ? 0 : tesla_fail(err, -EPROTO, "a message that is none of its own");
	r = intake(d->c->hub, &(struct intake_from){ .owner = d->owner }, msg, err);
	return r < 0 ? r : 0;
}

static void on_ended(void *arg, const struct host_end *end)
{
	struct dry *d = arg;
	int row = 0, column = 0;

	d->host = NULL;
	if (d->done)
		return;
	if (d->plugin != NULL) {
		complain_of_exporter(d, "the dry run of its host failed: ", end->reason);
		return;
	}
	if (end->blamed)
		where_is(d, end->blame.analyzer, end->blame.line, &row, &column);
	complain(d, d->strict, row, column, "the dry run of a host failed: %s", end->reason);
}

static void on_said(void *arg, const char *line)
{
	const struct dry *d = arg;

	log_msg(d->c->hub->log, LOG_LEVEL_WARNING, "dry run of a host (standard error): %s", line);
}

static const struct host_calls calls = { .message = on_message,
					 .said = on_said,
					 .ended = on_ended };

static int dry_setup(const struct dry *d, const struct setup *setup, struct buf *out)
{
	const struct check *c = d->c;

	struct told told = { .n = 0 };
	int r;

	if (d->plugin == NULL) {
		r = setup_lines(setup, d->owner, &told, NULL, NULL, out);
		told_release(&told);
		return r;
	}
	return setup_exporter(setup, d->plugin, d->conf, d->conf ? NULL : c->ini->stream, out);
}

static void dry_start(struct dry *d, uv_loop_t *loop, const struct setup *setup)
{
	struct tesla_error err = { .code = 0 };
	struct buf out;

	d->host = host_start(loop, d->c->places.host, d->plugin ? "--exporter" : "--driver", &calls,
			     d, &err);
	if (d->host == NULL) {
		complain(d, true, 0, 0, "%s", err.text);
		return;
	}
	buf_init(&out, HOST_QUEUE_MAX);
	if (dry_setup(d, setup, &out) != 0 || host_send(d->host, &out, HOST_QUEUE_MAX) != 0)
		host_kill(d->host, "what its host is to be told is too long for a message");
	buf_release(&out);
}

static void dry_exporter(struct dry *d, const struct dry *like, const struct plugin *p,
			 const struct conf_exporter *conf, size_t *n)
{
	if (p == NULL || p->error != NULL)
		return;
	d[*n] = *like;
	d[*n].plugin = p;
	d[*n].conf = conf;
	++*n;
}

/* All hosts that there would be, those of lines first.  NULL: no memory. */
static struct dry *dry_all(const struct dry *like, size_t *n)
{
	const struct check *c = like->c;
	struct dry *all = calloc(c->n_owners + c->config->n_exporters + 1, sizeof *all);

	*n = 0;
	if (all == NULL)
		return NULL;
	for (; *n < c->n_owners; ++*n) {
		all[*n] = *like;
		all[*n].owner = *n;
	}
	dry_exporter(all, like, c->plugins->stream, NULL, n);
	for (size_t i = 0; i < c->config->n_exporters; i++)
		dry_exporter(all, like, c->plugins->exporters[i], &c->config->exporters[i], n);
	return all;
}

struct dry_stop {
	uv_poll_t poll;
	struct dry *all;
	size_t n;
	bool stopped;
};

static void on_stop(uv_poll_t *poll, int status, int events)
{
	struct dry_stop *s = poll->data;

	(void)status, (void)events;
	(void)uv_poll_stop(poll);
	s->stopped = true;
	for (size_t i = 0; i < s->n; i++)
		if (s->all[i].host != NULL)
			host_kill(s->all[i].host, "the daemon ends");
}

/* It does not keep the loop alive. */
static void stop_watch(struct dry_stop *s, uv_loop_t *loop, int fd)
{
	if (fd < 0 || uv_poll_init(loop, &s->poll, fd) != 0)
		return;
	s->poll.data = s;
	uv_unref((uv_handle_t *)&s->poll);
	(void)uv_poll_start(&s->poll, UV_READABLE, on_stop);
}

static void stop_unwatch(struct dry_stop *s, uv_loop_t *loop)
{
	if (s->poll.data == NULL)
		return;
	uv_close((uv_handle_t *)&s->poll, NULL);
	(void)uv_run(loop, UV_RUN_DEFAULT);
}

static int dry_run(struct check *c, const struct dry *like, int stop_fd, const struct log *log)
{
	const struct setup setup = { c->hub, c->plugins, &c->catalog, log->level,
				     true,   c->ini,	 &c->places };
	size_t n;
	_cleanup_free_ struct dry *all = dry_all(like, &n);
	struct dry_stop stop = { .all = all, .n = n };
	uv_loop_t loop;

	if (all == NULL || uv_loop_init(&loop) != 0)
		return -ENOMEM;
	stop_watch(&stop, &loop, stop_fd);
	for (size_t first = 0; first < n && !stop.stopped; first += SIDE_BY_SIDE) {
		for (size_t i = first; i < first + SIDE_BY_SIDE && i < n; i++)
			dry_start(&all[i], &loop, &setup);
		(void)uv_run(&loop, UV_RUN_DEFAULT);
	}
	stop_unwatch(&stop, &loop);
	(void)uv_loop_close(&loop);
	return stop.stopped ? -ECANCELED : 0;
}

/* ---- the verdict ---- */

static void check_shares(struct check *c)
{
	for (size_t i = 0; i < c->hub->n_lines; i++) {
		const struct hub_line *l = &c->hub->lines[i];

		if (l->planned && l->conf->kind == TESLA_LINE_SERIAL && l->share > 1)
			diags_error(&c->diags, c->config->file, l->conf->line, l->conf->column,
				    "line %" PRId64
				    " (%s) needs %.0f%% of its time: longer intervals, fewer "
				    "variables or a higher baud rate are needed",
				    l->conf->id, l->conf->name, 100 * l->share);
	}
}

static void disable_analyzers(struct check *c)
{
	for (size_t i = 0; i < c->hub->n_analyzers; i++)
		if (c->plugins->uses[i].why != NULL)
			hub_set_state(c->hub, &c->hub->analyzers[i], HUB_FAILED,
				      c->plugins->uses[i].why, LOG_LEVEL_DEBUG);
}

static int check_plan(struct check *c, const struct dry *like, int stop_fd, const struct log *log)
{
	ssize_t n;

	catalog_load(&c->catalog, c->places.models, log);
	c->hub = hub_new(c->config, log, clock_wall_us() / 1000);
	n = c->hub ? place_all(c->hub, c->plugins) : -1;
	if (n < 0)
		return -ENOMEM;
	c->n_owners = (size_t)n;
	disable_analyzers(c);
	return dry_run(c, like, stop_fd, log);
}

int check_run(struct check *c, const struct check_files *files, const struct overrides *overrides,
	      const struct plugins_how *how, struct log *log)
{
	const struct dry like = { .c = c, .ini = files->ini, .strict = how->strict };
	int r = 0;

	*c = (struct check){ .n_owners = 0 };
	places_init(&c->places);
	c->ini = ini_load(files->ini, files->ini_must_exist, &c->diags);
	if (c->ini != NULL && !how->strict)
		log->level = c->ini->log_level;
	c->config = config_load(files->config, c->places.models, &c->diags);
	if (c->ini == NULL || c->config == NULL)
		return -EINVAL;
	if (overrides != NULL)
		overrides_apply(overrides, c->config, &c->diags);
	c->plugins = plugins_load(c->config, c->ini, &c->places, how, &c->diags);
	if (c->plugins == NULL)
		r = -ENOMEM;
	else if (c->diags.n_errors == 0)
		r = check_plan(c, &like, how->stop_fd, log);
	if (r != 0)
		diags_error(&c->diags, c->config->file, 0, 0, "the check could not be ended: %s",
			    strerror(-r));
	else if (c->hub != NULL)
		check_shares(c);
	return c->diags.n_errors > 0 ? -EINVAL : 0;
}

void check_release(struct check *c)
{
	hub_free(c->hub);
	catalog_release(&c->catalog);
	plugins_free(c->plugins);
	config_free(c->config);
	ini_free(c->ini);
	diags_release(&c->diags);
}

/* ---- for people ---- */

static void print_step(const struct hub_step *s, FILE *out)
{
	if (s->command != NULL)
		(void)fprintf(out, "    command %s\n", s->command);
	else
		(void)fprintf(out,
			      "    function %" PRId64 ", 0x%04" PRIX64 "..0x%04" PRIX64 " (%" PRId64
			      " register%s), %" PRId64 " block%s\n",
			      s->function, (uint64_t)s->address,
			      (uint64_t)(s->address + (s->count > 0 ? s->count - 1 : 0)), s->count,
			      s->count == 1 ? "" : "s", s->blocks, s->blocks == 1 ? "" : "s");
}

static void print_analyzer(const struct hub_analyzer *a, FILE *out)
{
	char interval[32];

	duration_format(a->conf->interval_ms, interval, sizeof interval);
	(void)fprintf(out, "  analyzer %-6" PRId64 " %s%s, every %s", a->conf->id,
		      a->conf->model->pub.name, a->conf->model->proven ? "" : " (unproven)",
		      interval);
	if (a->plan.known)
		(void)fprintf(out, ", %.1f ms%s", (double)a->plan.predicted_us / 1000,
			      a->plan.assumed ? " (turnaround assumed)" : "");
	(void)fprintf(out, "\n");
	for (size_t i = 0; i < a->plan.n_steps; i++)
		print_step(&a->plan.steps[i], out);
}

void check_print(const struct check *c, FILE *out)
{
	for (size_t i = 0; i < c->hub->n_lines; i++) {
		const struct hub_line *l = &c->hub->lines[i];

		(void)fprintf(out, "line %-6" PRId64 " %s %s", l->conf->id,
			      hub_line_kind_name(l->conf->kind), l->conf->name);
		if (l->planned && l->share >= 0)
			(void)fprintf(out, ", share %.1f%%", 100 * l->share);
		(void)fprintf(out, "\n");
		for (size_t k = 0; k < c->hub->n_analyzers; k++)
			if (c->hub->analyzers[k].line == l)
				print_analyzer(&c->hub->analyzers[k], out);
	}
}
