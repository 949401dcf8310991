/* SPDX-License-Identifier: Apache-2.0 */
/* The whole simulator: what holds lines, meters and faults together. */
#include "sim/sim.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "sim/play.h"
#include "sim/pty.h"
#include "sim/tcp.h"

int sim_init(struct sim *s)
{
	time_t now = time(NULL);
	struct tm tm = { 0 };

	*s = (struct sim){ .time_scale = 1 };
	(void)localtime_r(&now, &tm);
	s->rules.t = (double)now + (double)tm.tm_gmtoff;
	s->start_us = clock_mono_us();
	return uv_loop_init(&s->loop);
}

static void line_end(struct line *l)
{
	if (l->tcp != NULL)
		tcp_close(l->tcp);
	if (l->pty != NULL)
		pty_close(l->pty);
	l->tcp = NULL;
	l->pty = NULL;
}

void sim_release(struct sim *s)
{
	int r;

	for (size_t i = 0; i < s->n_lines; i++)
		line_end(s->lines[i]);
	(void)uv_run(&s->loop, UV_RUN_DEFAULT);
	r = uv_loop_close(&s->loop);
	assert(r == 0); /* a handle of ours was forgotten */
	(void)r;
	for (size_t i = 0; i < s->n_lines; i++)
		line_free(s->lines[i]);
	free(s->lines);
	fleet_release(&s->common);
	models_release(&s->models);
	faults_clear(&s->faults);
}

double sim_time(const struct sim *s)
{
	double tenths = floor((double)(clock_mono_us() - s->start_us) / 1e5);

	return s->rules.t + tenths / 10 * s->time_scale;
}

/* ---- lines ---- */

static int line_begin(struct line *l, const char *where, const struct pace *pace,
		      struct tesla_error *err)
{
	if (l->kind == LINE_PTY) {
		l->pty = pty_open(l, where, pace, err);
		l->where = strdup(where);
	} else {
		l->tcp = tcp_open(l, where, pace, err);
		l->where = l->tcp ? tcp_where(l->tcp) : NULL;
	}
	if (l->pty == NULL && l->tcp == NULL)
		return err->code;
	return l->where ? 0 : tesla_fail(err, -ENOMEM, "no memory");
}

int sim_add_line(struct sim *s, enum line_kind kind, const char *where, const char *meters,
		 const struct pace *pace, struct tesla_error *err)
{
	struct line **grown = realloc(s->lines, (s->n_lines + 1) * sizeof *grown);
	struct line *l = calloc(1, sizeof *l);
	int r;

	if (grown != NULL)
		s->lines = grown;
	if (grown == NULL || l == NULL) {
		free(l);
		return tesla_fail(err, -ENOMEM, "no memory");
	}
	s->lines[s->n_lines++] = l; /* from here on sim_release ends and frees it */
	l->sim = s;
	l->kind = kind;
	l->baud = pace->baud;
	l->fleet = meters ? &l->own : &s->common;
	r = meters ? fleet_add(&l->own, meters, &s->models, &s->rules, err) : 0;
	return r == 0 ? line_begin(l, where, pace, err) : r;
}

int sim_replay(struct sim *s, const char *file, bool fast, struct tesla_error *err)
{
	struct line *l = s->lines[s->n_lines - 1];

	l->play = play_open(l, file, fast, err);
	return l->play != NULL ? 0 : err->code;
}

/* ---- settings ---- */

int sim_set(struct sim *s, fleet_setter *set, const char *text, struct tesla_error *err)
{
	size_t n = 0;
	int r;

	tesla_fail(err, -ENOENT, "no such meter"); /* the models say more, if it comes to them */
	r = set(&s->common, text, &n, err);
	for (size_t i = 0; i < s->n_lines && r == 0; i++)
		if (s->lines[i]->fleet == &s->lines[i]->own)
			r = set(&s->lines[i]->own, text, &n, err);
	return r == 0 && n == 0 ? -ENOENT : r;
}

/* ---- what is counted ---- */

static void faults_json(const struct faults *f, yajl_gen g)
{
	json_key(g, "faults");
	(void)yajl_gen_array_open(g);
	for (size_t i = 0; i < f->n; i++) {
		(void)yajl_gen_map_open(g);
		json_str(g, "kind", fault_name(&f->list[i]));
		json_int(g, "seen", (int64_t)f->list[i].seen);
		json_int(g, "applied", (int64_t)f->list[i].applied);
		(void)yajl_gen_map_close(g);
	}
	(void)yajl_gen_array_close(g);
}

void sim_stats(const struct sim *s, yajl_gen g)
{
	int64_t connections = 0;

	json_key(g, "lines");
	(void)yajl_gen_array_open(g);
	for (size_t i = 0; i < s->n_lines; i++) {
		line_json(s->lines[i], g);
		connections += s->lines[i]->tcp ? (int64_t)tcp_connections(s->lines[i]->tcp) : 0;
	}
	(void)yajl_gen_array_close(g);
	json_int(g, "connections", connections);
	faults_json(&s->faults, g);
}

void sim_reset(struct sim *s)
{
	for (size_t i = 0; i < s->n_lines; i++)
		line_reset(s->lines[i]);
}

int sim_print_stats(const struct sim *s, FILE *out)
{
	yajl_gen g = yajl_gen_alloc(NULL);
	const unsigned char *text;
	size_t len;
	int r = -EIO;

	if (g == NULL)
		return -ENOMEM;
	(void)yajl_gen_map_open(g);
	sim_stats(s, g);
	(void)yajl_gen_map_close(g);
	if (yajl_gen_get_buf(g, &text, &len) == yajl_gen_status_ok &&
	    fwrite(text, 1, len, out) == len && fputc('\n', out) != EOF && fflush(out) == 0)
		r = 0;
	yajl_gen_free(g);
	return r;
}
