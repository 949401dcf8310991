/* SPDX-License-Identifier: Apache-2.0 */
/* teslad: reads power analyzers on time and hands every reading on. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/descriptors.h"
#include "base/notify.h"
#include "base/stdio_fill.h"
#include "daemon/commands.h"
#include "daemon/journal_check.h"
#include "daemon/metrics.h"
#include "daemon/reload.h"

const char *argp_program_version = "teslad (" PACKAGE_NAME ") " PACKAGE_VERSION;

#define KEY_PARENT 256

struct options {
	struct check_files files;
	bool check;
	long parent;
};

static const struct argp_option options[] = {
	{ "config", 'c', "FILE", 0, "the installation (default: config.xml)", 0 },
	{ "ini", 'i', "FILE", 0,
	  "settings of the daemon (default: lector.ini, which may be missing)", 0 },
	{ "check", 't', NULL, 0, "check everything, open no line, print the plan, and end", 0 },
	{ "parent", KEY_PARENT, "PID", OPTION_HIDDEN, "the process to die with", 0 },
	{ 0 }
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'c':
		o->files.config = arg;
		return 0;
	case 'i':
		o->files.ini = arg;
		o->files.ini_must_exist = true;
		return 0;
	case 't':
		o->check = true;
		return 0;
	case KEY_PARENT:
		o->parent = strtol(arg, NULL, 10);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.doc = "Reads power analyzers and publishes every reading.\v"
	       "TESLA_HOST, TESLA_PLUGINDIR and TESLA_MODELDIR say where tesla-host, plugins and "
	       "models are, if not where they were installed.  See teslad(8).",
};

/* ---- teslad -t ---- */

/* False: it is gone already. */
static bool dies_with(long parent, int sig)
{
	return parent == 0 || (prctl(PR_SET_PDEATHSIG, sig) == 0 && getppid() == (pid_t)parent);
}

static int check_main(const struct options *o)
{
	static const struct plugins_how how = { .strict = true, .stop_fd = -1 };
	struct check check;
	struct log log;
	int r;

	log_init_stderr(&log, LOG_LEVEL_WARNING);
	r = check_run(&check, &o->files, NULL, &how, &log);
	diags_print(&check.diags, stdout);
	if (r == 0) {
		check_print(&check, stdout);
		(void)printf("ok\n");
	}
	check_release(&check);
	log_release(&log);
	return r == 0 && fflush(stdout) == 0 ? 0 : 1;
}

/* ---- teslad ---- */

static void on_recording_stopped(void *arg)
{
	struct daemon *d = arg;

	log_msg(&d->log, LOG_LEVEL_INFO, "ended");
}

/* Nobody gives verdicts any more: what was given is committed. */
static void on_fleet_stopped(void *arg)
{
	struct daemon *d = arg;

	recording_stop(&d->recording, on_recording_stopped, d);
}

void daemon_stop(struct daemon *d)
{
	if (d->stopping)
		return;
	meter_stop(d);
	d->stopping = true;
	notify_stopping();
	traces_stop(&d->traces);
	control_stop(d->control);
	reload_stop(d->reload);
	metrics_http_stop(d->metrics);
	d->metrics = NULL;
	for (size_t i = 0; i < N_ELEMENTS(d->signals); i++)
		uv_unref((uv_handle_t *)&d->signals[i]);
	if (d->fleet.loop != NULL)
		fleet_stop(&d->fleet, on_fleet_stopped, d);
	else
		on_fleet_stopped(d);
}

static void on_signal(uv_signal_t *handle, int sig)
{
	struct daemon *d = handle->data;

	if (sig == SIGHUP) {
		(void)reload_ask(d->reload, NULL, false);
		return;
	}
	log_msg(&d->log, LOG_LEVEL_INFO, "%s: ending", strsignal(sig));
	daemon_stop(d);
}

static void signals_start(struct daemon *d)
{
	static const int which[] = { SIGINT, SIGTERM, SIGHUP };

	for (size_t i = 0; i < N_ELEMENTS(which); i++) {
		(void)uv_signal_init(&d->loop, &d->signals[i]);
		d->signals[i].data = d;
		(void)uv_signal_start(&d->signals[i], on_signal, which[i]);
	}
}

/* Once all is saved: until then a second signal is taken, and changes nothing. */
static void signals_stop(struct daemon *d)
{
	for (size_t i = 0; i < N_ELEMENTS(d->signals); i++)
		if (d->signals[i].data != NULL)
			uv_close((uv_handle_t *)&d->signals[i], NULL);
	if (d->watchdog.loop != NULL)
		uv_close((uv_handle_t *)&d->watchdog, NULL);
	(void)uv_run(&d->loop, UV_RUN_DEFAULT);
}

/* The daemon's log is the same object, wherever its lines go. */
static int log_to_file(struct daemon *d)
{
	struct tesla_error err;

	if (logfile_open(&d->logfile, d->check.ini, &d->log, &err) == 0)
		return 0;
	log_msg(&d->log, LOG_LEVEL_ERROR, "log_dir: %s", err.text);
	return err.code;
}

void daemon_warn(const struct daemon *d, const struct diags *diags)
{
	for (size_t i = 0; i < diags->n; i++) {
		_cleanup_free_ char *text = diag_format(&diags->list[i], "");

		if (text != NULL)
			log_msg(&d->log, LOG_LEVEL_WARNING, "%s", text);
	}
}

/* What else may have been in that folder: who uses it does not notice. */
static void on_remade(void *arg)
{
	static const char ipc[] = "ipc://";
	const struct daemon *d = arg;
	const char *stream = d->check.ini->stream;

	if (d->recording.keep != NULL && !keep_in_place(d->recording.keep))
		log_msg(&d->log, LOG_LEVEL_ERROR,
			"%s/windows was removed, too: open windows, and records that no journal "
			"has yet, will not survive a kill before the next start, or a reload that "
			"changes something",
			d->check.ini->run_dir);
	if (strncmp(stream, ipc, strlen(ipc)) == 0 && access(stream + strlen(ipc), F_OK) != 0)
		log_msg(&d->log, LOG_LEVEL_ERROR,
			"%s was removed, too: nobody can subscribe before the next start", stream);
}

static int daemon_open(struct daemon *d)
{
	const struct check *c = &d->check;
	struct fleet_conf fleet = {
		.places = &c->places,
		.stream = c->ini->stream,
		.setup = { c->hub, c->plugins, &c->catalog, d->log.level, false, c->ini,
			   &c->places },
		.n_owners = c->n_owners,
	};
	const struct control_calls calls = { commands_answer, on_remade, d };
	struct tesla_error err = { .code = 0 };
	int r;

	d->control = control_start(&d->loop, c->ini, &d->log, &calls, &err);
	if (d->control == NULL) {
		log_msg(&d->log, LOG_LEVEL_ERROR, "%s", err.text);
		return err.code;
	}
	d->reload = reload_new(d);
	if (d->reload == NULL) {
		log_msg(&d->log, LOG_LEVEL_ERROR, "no memory");
		daemon_stop(d);
		return -ENOMEM;
	}
	signals_start(d);
	r = recording_start(&d->recording, &d->loop, c, &d->log);
	fleet.clerk = d->recording.clerk;
	fleet.recorder = d->recording.recorder;
	if (r == 0)
		r = fleet_init(&d->fleet, &d->loop, &fleet);
	if (r != 0) {
		log_msg(&d->log, LOG_LEVEL_ERROR, "no memory for records and %zu hosts",
			c->n_owners);
		daemon_stop(d);
		return r;
	}
	log_msg(&d->log, LOG_LEVEL_INFO,
		"teslad %s, node %s: %zu lines, %zu analyzers, %zu hosts, stream %s, control %s",
		PACKAGE_VERSION, c->config->node_id, c->config->n_lines, c->config->n_analyzers,
		d->fleet.n_slots, c->ini->stream, c->ini->control);
	if (!c->ini->auto_start) {
		log_msg(&d->log, LOG_LEVEL_WARNING,
			"auto_start is no: no meter is read before `teslactl start`");
		for (size_t i = 0; i < c->hub->n_analyzers; i++)
			c->hub->analyzers[i].run = HUB_STOPPED;
	}
	d->fleet.answer = meter_answered;
	d->fleet.answer_arg = d;
	d->fleet.frames = traces_take;
	d->fleet.line_down = traces_down;
	d->fleet.frames_arg = &d->traces;
	fleet_start(&d->fleet);
	metrics_start(d);
	notify_beat(&d->loop, &d->watchdog);
	notify_ready();
	return 0;
}

static int daemon_run(struct daemon *d)
{
	static const struct plugins_how how = { .strict = false, .stop_fd = -1 };
	int r;

	(void)signal(SIGXFSZ,
		     SIG_IGN); /* a log file at its limit: what it lacks costs no readings */
	if (check_run(&d->check, &d->files, NULL, &how, &d->log) != 0) {
		diags_print(&d->check.diags, stderr);
		return 1;
	}
	if (d->check.ini->log_dir != NULL && log_to_file(d) != 0)
		return 1;
	daemon_warn(d, &d->check.diags);
	if (uv_loop_init(&d->loop) != 0)
		return 1;
	r = daemon_open(d);
	(void)malloc_trim(0); /* what reading and checking the configuration took */
	(void)uv_run(&d->loop, UV_RUN_DEFAULT);
	fleet_release(&d->fleet);
	recording_release(&d->recording);
	reload_free(d->reload);
	signals_stop(d);
	return uv_loop_close(&d->loop) == 0 && r == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct options o = { .files = { .config = "config.xml", .ini = "lector.ini" } };
	struct daemon d = { .n_checks = 0 };
	int r;

	stdio_fill();
	if (argc > 1 && strcmp(argv[1], "--journal") == 0)
		return journal_child(argc, argv);
	tzset(); /* windows end by the local clock */
	if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0)
		return 1;
	(void)signal(SIGPIPE, SIG_IGN); /* a host may end before it is told to */
	if (!dies_with(o.parent, o.check ? SIGKILL : SIGTERM))
		return 1;
	if (o.check)
		return check_main(&o);
	d.files = o.files;
	log_init_stderr(&d.log, LOG_LEVEL_INFO);
	descriptors_raise();
	r = daemon_run(&d);
	check_release(&d.check);
	logfile_close(&d.logfile);
	log_release(&d.log);
	return r;
}
