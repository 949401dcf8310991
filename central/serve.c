/* SPDX-License-Identifier: Apache-2.0 */
/* `tesla-central serve`: the server, from its settings to its end. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/notify.h"
#include "central/app.h"
#include "central/care.h"
#include "central/catalogue.h"
#include "central/command.h"
#include "central/http_tls.h"
#include "central/passwords.h"
#include "central/route.h"
#include "central/said.h"
#include "central/v2.h"
#include "central/watch.h"

#define INI_DEFAULT "/etc/tesla/central.ini"
#define LIMIT_KEYS 10000
#define SENTENCES 100
#define CARE_JOBS 16
#define END_MS 1000
#define MAP_BYTES (1 << 20) /* what is larger goes back to the system when it is freed */

/* ---- the parts ---- */

static void on_damage(void *arg, bool lost, const char *sentence)
{
	const struct app *app = arg;

	said_add(app->said, lost ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, sentence);
}

static void on_registry_damage(void *arg, const char *sentence)
{
	on_damage(arg, true, sentence);
}

static int registry_start(struct app *app, struct tesla_error *err)
{
	const struct registry_damage damage = { on_registry_damage, app };
	int r = registry_db_open(app->dir, false, &app->registry_db, err);

	if (r == -ENOENT)
		return tesla_fail(err, r,
				  "%s: nobody may do anything here yet: expected `tesla-central "
				  "init` before",
				  app->dir);
	return r == 0 ? registry_new(app->registry_db, &damage, &app->registry, err) : r;
}

static int store_start(struct app *app, struct tesla_error *err)
{
	const struct store_conf conf = { .damage = on_damage, .arg = app };
	const struct keeper_limits limits = {
		.jobs = { [KEEPER_APPEND] = (size_t)app->conf->group_jobs,
			  [KEEPER_READ] = (size_t)app->conf->read_jobs,
			  [KEEPER_CARE] = CARE_JOBS },
	};
	struct store *store;
	int r = store_open(app->dir, &conf, &store, err);

	if (r != 0)
		return r;
	r = keeper_start(&app->loop, store, &limits, &app->keeper, err);
	if (r != 0)
		store_close(store);
	return r;
}

static int listen_start(struct app *app, struct tesla_error *err)
{
	const struct conf *c = app->conf;
	struct http_conf conf = {
		.connections = (size_t)c->connections,
		.connections_per_address = (size_t)c->connections_per_address,
		.body_max = (size_t)c->body_mib << 20,
		.bodies_max = (size_t)c->bodies_mib << 20,
		.deadline_ms = c->request_time_ms,
		.head = route_head,
		.refused = route_refused,
		.whole = route_whole,
		.over = route_over,
		.arg = app,
	};
	int r = 0;

	if (c->cert[0] != '\0')
		r = http_tls_new(c->cert, c->key, &app->tls, err);
	if (r != 0)
		return r;
	conf.tls = app->tls;
	app->http = http_start(&app->loop, &c->where, &conf, err);
	if (app->http == NULL) {
		const struct tesla_error why = *err;

		return tesla_fail(err, why.code, "%s: %s", c->listen, why.text);
	}
	return 0;
}

/* A model that is misspelt has what [Retention] says; one of another node's may be unknown here. */
static void retention_look(const struct app *app)
{
	const struct conf_retention *m = app->conf->models_retention;

	for (; m != NULL; m = m->next)
		if (catalogue_model(app->catalogue, m->model) == NULL)
			log_msg(&app->log, LOG_LEVEL_WARNING,
				"[Retention %s]: no model of that name is known: it is of records "
				"that name it exactly so",
				m->model);
}

static int limits_start(struct app *app, struct tesla_error *err)
{
	int64_t per_second = app->conf->requests_per_second;
	const struct limit_conf conf = {
		.max = LIMIT_KEYS,
		.each_us = per_second < 1000000 ? 1000000 / per_second : 1,
		.burst = (unsigned)per_second,
	};
	const struct limit_conf once_a_day = { .max = LIMIT_KEYS,
					       .each_us = INT64_C(86400000000),
					       .burst = 1 };
	const struct limit_conf once_a_minute = { .max = SENTENCES,
						  .each_us = INT64_C(60000000),
						  .burst = 1 };

	app->requests = limit_new(&conf);
	app->ahead = limit_new(&once_a_day);
	app->failures = limit_new(&once_a_minute);
	app->zones = zones_new();
	app->sessions = sessions_new(&(struct sessions_conf){ 0 });
	app->attempts = attempts_new();
	app->passwords = passwords_new(app);
	return app->requests != NULL && app->ahead != NULL && app->failures != NULL &&
			       app->zones != NULL && app->sessions != NULL &&
			       app->attempts != NULL && app->passwords != NULL
		       ? 0
		       : tesla_fail(err, -ENOMEM, "no memory");
}

static int start(struct app *app, struct tesla_error *err)
{
	int r = said_new(&app->loop, &app->log, &app->said, err);

	if (r == 0)
		r = password_start(err);
	if (r == 0)
		r = registry_start(app, err);
	if (r == 0)
		r = limits_start(app, err);
	if (r == 0)
		r = catalogue_load(app->conf->models, app->conf->models_at, &app->log,
				   &app->catalogue, err);
	if (r == 0)
		retention_look(app);
	if (r == 0)
		r = v2_start(app, err);
	if (r == 0)
		r = store_start(app, err);
	if (r == 0)
		r = care_start(app, err);
	if (r == 0)
		r = watch_start(app, err);
	return r == 0 ? listen_start(app, err) : r;
}

static bool has_lasting(const struct app *app)
{
	const struct call *c;

	TAILQ_FOREACH(c, &app->calls, listed)
		if (c->stop != NULL)
			return true;
	return false;
}

static void on_end_over(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

/* Answers that last were told to end: their clients get a moment to take the last of them. */
static void lasting_end(struct app *app)
{
	uv_timer_t timer;
	bool over = false;
	struct call *c, *next;

	for (c = TAILQ_FIRST(&app->calls); c != NULL; c = next) {
		next = TAILQ_NEXT(c, listed);
		if (c->stop != NULL)
			c->stop(c);
	}
	(void)uv_timer_init(&app->loop, &timer);
	timer.data = &over;
	(void)uv_timer_start(&timer, on_end_over, END_MS, 0);
	while (has_lasting(app) && !over)
		(void)uv_run(&app->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	(void)uv_run(&app->loop, UV_RUN_NOWAIT);
}

/* What is under way is done; then the parts go, those first that hand work to others. */
static void stop(struct app *app)
{
	app->stopping = true;
	notify_stopping();
	if (app->http != NULL)
		http_quiesce(app->http);
	watch_quiesce(app);
	lasting_end(app);
	while (app->working > 0)
		(void)uv_run(&app->loop, UV_RUN_ONCE);
	app->keeper_ends = true;
	keeper_stop(app->keeper);
	care_stop(app);
	http_stop(app->http);
	watch_stop(app);
	said_end(app->said);
}

static void release(struct app *app)
{
	v2_free(app->v2);
	catalogue_free(app->catalogue);
	http_tls_free(app->tls);
	limit_free(app->requests);
	limit_free(app->ahead);
	limit_free(app->failures);
	attempts_free(app->attempts);
	passwords_free(app->passwords);
	sessions_free(app->sessions);
	zones_free(app->zones);
	registry_free(app->registry);
	registry_db_close(app->registry_db);
	conf_free(app->conf);
}

/* ---- signals ---- */

static void on_hangup(struct app *app)
{
	struct tesla_error err;

	notify_reloading();
	if (app->tls == NULL)
		log_msg(&app->log, LOG_LEVEL_INFO, "SIGHUP: there is no certificate to read");
	else if (http_tls_reload(app->tls, &err) != 0)
		log_msg(&app->log, LOG_LEVEL_ERROR, "certificate: %s: the one before stays",
			err.text);
	else
		log_msg(&app->log, LOG_LEVEL_INFO, "certificate and key were read again");
	notify_ready();
}

static void on_signal(uv_signal_t *handle, int sig)
{
	struct app *app = handle->data;

	if (sig == SIGHUP) {
		on_hangup(app);
		return;
	}
	log_msg(&app->log, LOG_LEVEL_INFO, "%s: ending", strsignal(sig));
	uv_stop(&app->loop);
}

static void signals_start(struct app *app)
{
	static const int which[] = { SIGINT, SIGTERM, SIGHUP };

	for (size_t i = 0; i < N_ELEMENTS(which); i++) {
		(void)uv_signal_init(&app->loop, &app->signals[i]);
		app->signals[i].data = app;
		(void)uv_signal_start(&app->signals[i], on_signal, which[i]);
	}
	notify_beat(&app->loop, &app->watchdog);
}

static void handles_close(struct app *app)
{
	for (size_t i = 0; i < N_ELEMENTS(app->signals); i++)
		uv_close((uv_handle_t *)&app->signals[i], NULL);
	uv_close((uv_handle_t *)&app->watchdog, NULL);
	(void)uv_run(&app->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&app->loop);
}

/* ---- the command ---- */

static int run(struct app *app)
{
	struct tesla_error err = { 0 };
	int r;

	(void)mallopt(M_ARENA_MAX, 2);
	(void)mallopt(M_MMAP_THRESHOLD, MAP_BYTES);
	(void)signal(SIGPIPE, SIG_IGN);
	/* Passwords, records and nodes that do not answer would share 4 threads. */
	(void)setenv("UV_THREADPOOL_SIZE", "16", 0);
	(void)uv_loop_init(&app->loop);
	TAILQ_INIT(&app->calls);
	TAILQ_INIT(&app->prom_waiting);
	signals_start(app);
	r = start(app, &err);
	if (r == 0) {
		log_msg(&app->log, LOG_LEVEL_INFO, "ready: %s://%s",
			app->tls != NULL ? "https" : "http", app->conf->listen);
		notify_ready();
		(void)uv_run(&app->loop, UV_RUN_DEFAULT);
	} else {
		log_msg(&app->log, LOG_LEVEL_ERROR, "%s", err.text);
	}
	stop(app);
	handles_close(app);
	if (r == 0)
		log_msg(&app->log, LOG_LEVEL_INFO, "ended");
	release(app);
	return r == 0 ? 0 : 1;
}

struct options {
	struct command_conf conf;
	const char *ini;
	bool must_exist;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->conf;
		return 0;
	case 'i':
		o->ini = arg;
		o->must_exist = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "ini", 'i', "FILE", 0, "settings (default: " INI_DEFAULT ", which may be missing)", 0 },
	{ 0 },
};

int command_serve(const struct command_conf *conf, int argc, char **argv)
{
	const struct argp_child children[] = { { &command_argp, 0, NULL, 0 }, { 0 } };
	const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.children = children,
		.doc = "Takes records, keeps them, and answers questions about them over HTTP.",
	};
	struct options o = { .conf = *conf, .ini = INI_DEFAULT };
	struct app app = { 0 };
	struct diags diags = { 0 };
	int r = 1;

	if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0)
		return 1;
	app.dir = o.conf.dir;
	app.conf = conf_load(o.ini, o.must_exist, &diags);
	diags_print(&diags, stderr);
	diags_release(&diags);
	if (app.conf == NULL)
		return 1;
	log_init_stderr(&app.log, app.conf->log_level);
	r = run(&app);
	log_release(&app.log);
	return r;
}
