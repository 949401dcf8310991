/* SPDX-License-Identifier: Apache-2.0 */
/* tesla-sim: plays meters, so that everything else can be tried without one. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/stdio_fill.h"
#include "sim/control.h"
#include "sim/options.h"

#define DEFAULT_BAUD 19200

static void descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* SIGTERM and not SIGKILL: links and sockets are to be removed. */
static int parent_follow(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
		return -errno;
	return getppid() == parent ? 0 : -ESRCH;
}

/* ---- from options to a simulator ---- */

static bool only_replays(const struct options *o)
{
	for (size_t i = 0; i < o->n_lines; i++)
		if (o->lines[i].replay == NULL)
			return false;
	return true;
}

static int meters_make(struct sim *s, const struct options *o, struct tesla_error *err)
{
	int r = 0;

	s->models.dir = o->models;
	s->time_scale = o->time_scale;
	s->faults.random = s->rules.seed = (uint64_t)o->seed;
	s->rules.meter = (struct meter_rules){ o->refuse_holes, o->forbidden, o->n_forbidden };
	if (o->meters.n == 0 && only_replays(o))
		return 0; /* the models may be elsewhere */
	if (o->meters.n == 0)
		return fleet_add(&s->common, "1=PM710", &s->models, &s->rules, err);
	for (size_t i = 0; i < o->meters.n && r == 0; i++)
		r = fleet_add(&s->common, o->meters.list[i], &s->models, &s->rules, err);
	return r;
}

static int lines_make(struct sim *s, const struct options *o, struct tesla_error *err)
{
	int r = 0;

	for (size_t i = 0; i < o->n_lines && r == 0; i++) {
		const struct line_option *l = &o->lines[i];
		struct pace pace = o->pace;

		if (l->kind == LINE_PTY && pace.baud == 0)
			pace.baud = DEFAULT_BAUD;
		if (l->kind == LINE_TCP || pace.baud == 0)
			pace = (struct pace){ 0 };
		r = sim_add_line(s, l->kind, l->where, l->meters, &pace, err);
		if (r == 0 && l->replay != NULL)
			r = sim_replay(s, l->replay, o->fast, err);
	}
	return r;
}

static int set_all(struct sim *s, fleet_setter *set, const struct texts *texts,
		   struct tesla_error *err)
{
	int r = 0;

	for (size_t i = 0; i < texts->n && r == 0; i++)
		r = sim_set(s, set, texts->list[i], err);
	return r;
}

/* Scales before values: a value must fit the scale that the user wants. */
static int settings_make(struct sim *s, const struct options *o, struct tesla_error *err)
{
	int r = set_all(s, fleet_scale, &o->scales, err);

	if (r == 0)
		r = set_all(s, fleet_fix, &o->fixes, err);
	if (r == 0)
		r = set_all(s, fleet_raw, &o->raws, err);
	if (r == 0 && o->identity != NULL)
		r = sim_set(s, fleet_identity, o->identity, err);
	if (r == 0)
		r = set_all(s, fleet_identity_by, &o->identity_by, err);
	for (size_t i = 0; i < o->faults.n && r == 0; i++)
		r = faults_add(&s->faults, o->faults.list[i], err);
	return r;
}

static int config_write(const struct sim *s, const char *path, struct tesla_error *err)
{
	_cleanup_fclose_ FILE *out = path ? fopen(path, "we") : NULL;
	int r;

	if (path != NULL && out == NULL)
		return tesla_fail(err, -errno, "%s: %s", path, strerror(errno));
	r = sim_print_config(s, out ? out : stdout);
	return r == 0 ? 0
		      : tesla_fail(err, r, "%s: cannot be written",
				   path ? path : "standard output");
}

/* ---- running ---- */

static void on_end(uv_signal_t *handle, int signum)
{
	(void)signum;
	uv_stop(handle->loop);
}

static void on_stats(uv_signal_t *handle, int signum)
{
	(void)signum;
	(void)sim_print_stats(handle->data, stdout);
}

static void on_quit(void *arg)
{
	uv_stop(arg);
}

static void print_ready(const struct sim *s)
{
	for (size_t i = 0; i < s->n_lines; i++)
		(void)printf("ready %s %s\n", line_kind_name(s->lines[i]->kind),
			     s->lines[i]->where);
	(void)fflush(stdout);
}

static int sim_run(struct sim *s, const struct options *o, struct tesla_error *err)
{
	static const struct {
		int signum;
		uv_signal_cb fn;
	} signals[] = {
		{ SIGTERM, on_end },
		{ SIGINT, on_end },
		{ SIGUSR1, on_stats },
	};
	uv_signal_t handles[N_ELEMENTS(signals)];
	struct control *control = NULL;

	if (o->control != NULL) {
		control = control_open(s, o->control, on_quit, &s->loop, err);
		if (control == NULL)
			return err->code;
	}
	for (size_t i = 0; i < N_ELEMENTS(signals); i++) {
		(void)uv_signal_init(&s->loop, &handles[i]);
		handles[i].data = s;
		(void)uv_signal_start(&handles[i], signals[i].fn, signals[i].signum);
	}
	print_ready(s);
	(void)uv_run(&s->loop, UV_RUN_DEFAULT);
	for (size_t i = 0; i < N_ELEMENTS(signals); i++)
		uv_close((uv_handle_t *)&handles[i], NULL);
	control_close(control);
	/* The handles are on this stack: they are closed before it goes. */
	(void)uv_run(&s->loop, UV_RUN_NOWAIT);
	return 0;
}

static int stats_write(const struct sim *s, const char *path, struct tesla_error *err)
{
	bool to_stdout = strcmp(path, "-") == 0;
	_cleanup_fclose_ FILE *out = to_stdout ? NULL : fopen(path, "we");

	if (!to_stdout && out == NULL)
		return tesla_fail(err, -errno, "%s: %s", path, strerror(errno));
	return sim_print_stats(s, out ? out : stdout) == 0
		       ? 0
		       : tesla_fail(err, -EIO, "%s: cannot be written", path);
}

static int play(struct sim *s, const struct options *o, struct tesla_error *err)
{
	int r = meters_make(s, o, err);

	if (r == 0)
		r = lines_make(s, o, err);
	if (r == 0)
		r = settings_make(s, o, err);
	if (r == 0 && (o->config_only || o->config != NULL))
		r = config_write(s, o->config, err);
	if (r != 0 || o->config_only)
		return r;
	r = sim_run(s, o, err);
	return r == 0 && o->stats != NULL ? stats_write(s, o->stats, err) : r;
}

int main(int argc, char **argv)
{
	pid_t parent = getppid();
	struct tesla_error err = { 0 };
	struct options options;
	struct sim sim;
	int r;

	stdio_fill();
	options_parse(&options, argc, argv);
	if (options.parent && parent_follow(parent) != 0)
		return 1;
	(void)signal(SIGPIPE, SIG_IGN);
	descriptors_raise();
	r = sim_init(&sim);
	if (r != 0) {
		(void)fprintf(stderr, "tesla-sim: %s\n", uv_strerror(r));
		return 1;
	}
	r = play(&sim, &options, &err);
	if (r != 0)
		(void)fprintf(stderr, "tesla-sim: %s\n", err.text);
	sim_release(&sim);
	options_release(&options);
	return r == 0 ? 0 : 1;
}
