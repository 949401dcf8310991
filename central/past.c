/* SPDX-License-Identifier: Apache-2.0 */
/* Single values of the past become records. */
#include "central/past_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/model_dir.h"

#define STREAMS_MAX 4096
#define MODELS_MAX 64
#define NODE_MAX 255
#define MODEL_NAME_MAX 64
#define VALUE_MAX 40
#define HOUR_MS INT64_C(3600000) /* the predecessor's windows are parts of one */
#define ALONE_MS INT64_C(900000) /* the window of a reading that has no neighbour */

struct reading {
	bool any;
	struct local_time time; /* as it came */
	int64_t ms;
	uint64_t at;
	double *values; /* as the stream's columns; NAN: none */
};
struct stream { /* an analyzer */
	char *node;
	int64_t analyzer;
	const struct model *model;
	size_t n_columns;
	size_t *first; /* column of each variable of the model */
	bool *seen;    /* variables that came up once: they are in its records from then on */
	bool *given;   /* columns that came in this reading, with or without a value */
	struct reading gathering, waiting, before;
};
struct past {
	struct past_conf conf;
	struct stream *streams;
	size_t n_streams;
	struct model *models[MODELS_MAX];
	size_t n_models;
};

struct past *past_new(const struct past_conf *conf)
{
	struct past *p = calloc(1, sizeof *p);

	if (p != NULL)
		p->conf = *conf;
	return p;
}

static void stream_release(struct stream *s)
{
	free(s->node);
	free(s->first);
	free(s->seen);
	free(s->given);
	free(s->gathering.values);
	free(s->waiting.values);
	free(s->before.values);
}

void past_free(struct past *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n_streams; i++)
		stream_release(&p->streams[i]);
	free(p->streams);
	for (size_t i = 0; i < p->n_models; i++)
		model_free(p->models[i]);
	free(p);
}

void past_refuse(struct past *p, uint64_t at, const char *fmt, ...)
{
	char why[300];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	p->conf.refuse(p->conf.arg, at, why);
}

const struct past_conf *past_conf_of(const struct past *p)
{
	return &p->conf;
}

static int no_memory(struct tesla_error *err)
{
	return tesla_fail(err, -ENOMEM, "no memory");
}

/* ---- models ---- */

static bool is_name(const char *text)
{
	size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				  "0123456789-_.");

	return len > 0 && len <= MODEL_NAME_MAX && text[len] == '\0' && text[0] != '.';
}

static struct model *read_model(const struct past *p, const char *name)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_free_ char *text = NULL;
	struct tesla_error ignored;
	struct diags diags = { 0 };
	struct model *m;
	size_t len;

	if (!is_name(name) || asprintf(&path, "%s/%s.xml", p->conf.models, name) < 0 ||
	    file_read(path, MODEL_FILE_MAX, &text, &len, &ignored) != 0)
		return NULL;
	m = model_parse(path, text, len, &diags);
	diags_release(&diags);
	return m;
}

/* NULL: there is no such model. */
static const struct model *find_model(struct past *p, const char *name)
{
	struct model *m;

	for (size_t i = 0; i < p->n_models; i++)
		if (strcmp(p->models[i]->pub.name, name) == 0)
			return p->models[i];
	m = p->n_models < MODELS_MAX ? read_model(p, name) : NULL;
	if (m != NULL)
		p->models[p->n_models++] = m;
	return m;
}

static size_t variable_index(const struct model *m, const char *name)
{
	size_t i = 0;

	while (i < m->pub.n_variables && strcasecmp(m->pub.variables[i]->name, name) != 0)
		i++;
	return i;
}

/* A name may end in digits itself: the model tells. */
bool past_column(struct past *p, const char *text, const char **name, size_t *element)
{
	const struct model *m = p->conf.model != NULL ? find_model(p, p->conf.model) : NULL;
	size_t len = strlen(text);

	for (size_t i = 0; m != NULL && i < m->pub.n_variables; i++) {
		const struct tesla_variable *v = m->pub.variables[i];
		size_t own = strlen(v->name), digits = len - own;
		char *end;

		if (own >= len || digits > 2 || strncasecmp(v->name, text, own) != 0 ||
		    strspn(text + own, "0123456789") != digits)
			continue;
		*element = strtoul(text + own, &end, 10);
		if (*element >= v->n_elements)
			continue;
		*name = v->name;
		return true;
	}
	return false;
}

/* ---- streams ---- */

static int stream_init(struct stream *s, const char *node, int64_t analyzer, const struct model *m,
		       struct tesla_error *err)
{
	struct reading *readings[] = { &s->gathering, &s->waiting, &s->before };

	*s = (struct stream){ .analyzer = analyzer, .model = m };
	s->node = strdup(node);
	s->first = calloc(m->pub.n_variables, sizeof *s->first);
	s->seen = calloc(m->pub.n_variables, sizeof *s->seen);
	if (s->node == NULL || s->first == NULL || s->seen == NULL)
		return no_memory(err);
	for (size_t i = 0; i < m->pub.n_variables; i++) {
		s->first[i] = s->n_columns;
		s->n_columns += m->pub.variables[i]->n_elements;
	}
	s->given = calloc(s->n_columns, sizeof *s->given);
	for (size_t i = 0; i < N_ELEMENTS(readings); i++) {
		readings[i]->values = calloc(s->n_columns, sizeof *readings[i]->values);
		if (readings[i]->values == NULL || s->given == NULL)
			return no_memory(err);
	}
	return 0;
}

static bool parse_analyzer(const char *text, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = text != NULL ? strtoll(text, &end, 10) : -1;
	return text != NULL && errno == 0 && end != text && *end == '\0' && *ret > 0;
}

/* 1: *ret; 0: refused. */
static int new_stream(struct past *p, const struct past_value *v, const char *node,
		      int64_t analyzer, struct stream **ret, struct tesla_error *err)
{
	const char *model = v->model != NULL && v->model[0] != '\0' ? v->model : p->conf.model;
	const struct model *m = model != NULL ? find_model(p, model) : NULL;
	struct stream *more;
	int r;

	if (m == NULL) {
		past_refuse(p, v->at, "%s%.64s",
			    model == NULL ? "which model?  Say --model" : "there is no model ",
			    model != NULL ? model : "");
		return 0;
	}
	if (p->n_streams == STREAMS_MAX)
		return tesla_fail(err, -E2BIG, "more than %d analyzers", STREAMS_MAX);
	more = realloc(p->streams, (p->n_streams + 1) * sizeof *more);
	if (more == NULL)
		return no_memory(err);
	p->streams = more;
	r = stream_init(&more[p->n_streams], node, analyzer, m, err);
	p->n_streams++; /* what it has is released with the others */
	*ret = &more[p->n_streams - 1];
	return r == 0 ? 1 : r;
}

static int find_stream(struct past *p, const struct past_value *v, struct stream **ret,
		       struct tesla_error *err)
{
	const char *node = v->node != NULL && v->node[0] != '\0' ? v->node : p->conf.node;
	const char *text = v->analyzer != NULL ? v->analyzer : p->conf.analyzer;
	int64_t analyzer;

	if (node == NULL || strlen(node) > NODE_MAX) {
		past_refuse(p, v->at, "which node?  Say --node");
		return 0;
	}
	if (!parse_analyzer(text, &analyzer)) {
		past_refuse(p, v->at, "which analyzer?  Expected a number from 1: %.40s",
			    text != NULL ? text : "say --analyzer");
		return 0;
	}
	for (size_t i = p->n_streams; i > 0; i--) {
		*ret = &p->streams[i - 1];
		if ((*ret)->analyzer == analyzer && strcmp((*ret)->node, node) == 0)
			return 1;
	}
	return new_stream(p, v, node, analyzer, ret, err);
}

/* ---- records ---- */

static int64_t length_of(const struct past *p, const struct stream *s, int64_t next_ms)
{
	int64_t ms = s->waiting.ms, length = INT64_MAX;

	if (p->conf.interval_ms > 0)
		return p->conf.interval_ms;
	if (s->before.any && ms > s->before.ms)
		length = ms - s->before.ms;
	if (next_ms > ms && next_ms - ms < length)
		length = next_ms - ms;
	return length == INT64_MAX ? ALONE_MS : length > HOUR_MS ? HOUR_MS : length;
}

static void fill_element(const struct stream *s, size_t column, enum tesla_variable_kind kind,
			 int64_t length, struct tesla_record_element *e)
{
	double v = s->waiting.values[column], last = s->before.values[column];
	bool adjoins = s->before.any && s->before.ms == s->waiting.ms - length;

	*e = (struct tesla_record_element){ NAN, NAN, NAN, NAN, 0, 0, TESLA_ERROR };
	if (isnan(v))
		return;
	e->value = v;
	e->covered_ms = length;
	e->count = 1;
	e->quality = TESLA_GOOD;
	if (kind == TESLA_GAUGE)
		e->min = e->max = v;
	if (kind == TESLA_COUNTER && adjoins && v >= last)
		e->increase = v - last;
}

static int fill_variables(struct past *p, const struct stream *s, int64_t length, struct record *r)
{
	size_t n = s->model->pub.n_variables;
	struct tesla_record_variable *all = arena_alloc(p->conf.memory, n, sizeof *all);
	const struct tesla_record_variable **rows = arena_alloc(p->conf.memory, n, sizeof *rows);

	for (size_t i = 0; i < n && all != NULL && rows != NULL; i++) {
		const struct tesla_variable *v = s->model->pub.variables[i];
		struct tesla_record_element *e;

		if (!s->seen[i])
			continue;
		e = arena_alloc(p->conf.memory, v->n_elements, sizeof *e);
		if (e == NULL)
			break;
		for (size_t k = 0; k < v->n_elements; k++)
			fill_element(s, s->first[i] + k, v->kind, length, &e[k]);
		all[i] = (struct tesla_record_variable){ v->name,	v->unit,
							 v->kind,	v->predecessor_factor,
							 v->n_elements, e };
		rows[r->n_variables++] = &all[i];
	}
	r->variables = rows;
	return p->conf.memory->failed ? -ENOMEM : 0;
}

static bool has_value(const struct stream *s, const struct reading *reading)
{
	for (size_t i = 0; i < s->n_columns; i++)
		if (!isnan(reading->values[i]))
			return true;
	return false;
}

/* The one that waits, now that it is known what comes behind it. */
static int give(struct past *p, struct stream *s, int64_t next_ms, struct tesla_error *err)
{
	struct record r = { .analyzer = s->analyzer, .model = s->model->pub.name };
	int64_t length = length_of(p, s, next_ms);

	if (!s->waiting.any || !has_value(s, &s->waiting))
		return 0;
	r.end_ms = s->waiting.ms;
	r.start_ms = r.end_ms - length;
	if (fill_variables(p, s, length, &r) != 0)
		return no_memory(err);
	return p->conf.take(p->conf.arg, s->node, &r, s->waiting.at, err);
}

static void swap(struct reading *a, struct reading *b)
{
	struct reading c = *a;

	*a = *b;
	*b = c;
}

/* The reading that is gathered is whole: it waits for the next one's time. */
static int close_reading(struct past *p, struct stream *s, struct tesla_error *err)
{
	int r;

	if (!s->gathering.any)
		return 0;
	r = give(p, s, s->gathering.ms, err);
	swap(&s->before, &s->waiting);
	swap(&s->waiting, &s->gathering);
	s->gathering.any = false;
	return r;
}

/* ---- values ---- */

/*
 * The hour that daylight saving repeats: a time that is not after the one before is of the second
 * pass.  False: refused.
 */
static bool when(struct past *p, const struct stream *s, const struct past_value *v,
		 const struct local_time *t, int64_t *ms)
{
	int64_t last = s->waiting.any ? s->waiting.ms : INT64_MIN, instants[2];
	size_t n = 1;

	instants[0] = t->ms;
	if (!t->zoned && !p->conf.local) {
		past_refuse(p, v->at, "the time %.40s is a local one: say --time-zone", v->time);
		return false;
	}
	if (!t->zoned)
		n = local_instants(p->conf.zone, t->ms, instants);
	if (n == 0) {
		past_refuse(p, v->at, "there was no %.40s: the clock was put forward over it",
			    v->time);
		return false;
	}
	*ms = n == 2 && instants[0] <= last ? instants[1] : instants[0];
	if (*ms > last)
		return true;
	past_refuse(p, v->at,
		    "%.40s is not after the reading before: expected an analyzer's readings "
		    "in the order of time",
		    v->time);
	return false;
}

/* Powers of ten go into the decimal number itself: 12.34 kW are 12340 W, to the bit. */
static bool parse_value(const char *text, double factor, double *ret)
{
	char shifted[VALUE_MAX + 8];
	int exponent = 0;
	double v;
	char *end;

	while (exponent < 9 && factor < 1 && fabs(factor * pow(10, exponent) - 1) > 1e-12)
		exponent++;
	if (strlen(text) > VALUE_MAX || strpbrk(text, "xXnN") != NULL) /* hexadecimal, nan, inf */
		return false;
	v = strtod(text, &end);
	if (end == text || end[strspn(end, " ")] != '\0' || !isfinite(v))
		return false;
	if (factor < 1 && exponent < 10 && fabs(factor * pow(10, exponent) - 1) <= 1e-12 &&
	    strpbrk(text, "eE") == NULL) {
		(void)snprintf(shifted, sizeof shifted, "%.*se%d", (int)(end - text), text,
			       exponent);
		v = strtod(shifted, NULL);
	} else {
		v /= factor;
	}
	*ret = v;
	return isfinite(v);
}

static bool is_blank(const char *text)
{
	return text[strspn(text, " ")] == '\0' || strcmp(text, "null") == 0;
}

static bool same_time(const struct local_time *a, const struct local_time *b)
{
	return a->ms == b->ms && a->zoned == b->zoned;
}

static int begin_reading(struct past *p, struct stream *s, const struct past_value *v,
			 const struct local_time *t, struct tesla_error *err)
{
	int r = close_reading(p, s, err);
	int64_t ms;

	if (r != 0)
		return r;
	if (!when(p, s, v, t, &ms))
		return 0;
	s->gathering.any = true;
	s->gathering.time = *t;
	s->gathering.ms = ms;
	s->gathering.at = v->at;
	for (size_t i = 0; i < s->n_columns; i++) {
		s->gathering.values[i] = NAN;
		s->given[i] = false;
	}
	return 1;
}

/* In the hour that comes again it is another reading's. */
static bool is_twice(const struct past *p, const struct stream *s, const struct local_time *t,
		     size_t column)
{
	int64_t instants[2];

	return s->gathering.any && same_time(&s->gathering.time, t) && s->given[column] &&
	       !(!t->zoned && p->conf.local && local_instants(p->conf.zone, t->ms, instants) == 2 &&
		 s->gathering.ms == instants[0]);
}

bool past_time_parse(const char *text, struct local_time *ret)
{
	struct local_time t;

	if (!local_time_read(text, &t) || !t.clock || t.day_end || t.ms < 0)
		return false;
	*ret = t;
	return true;
}

static int add(struct past *p, struct stream *s, const struct past_value *v,
	       struct tesla_error *err)
{
	size_t i = variable_index(s->model, v->variable), column;
	const struct tesla_variable *var;
	double value = NAN;
	struct local_time t;
	int r;

	var = i < s->model->pub.n_variables ? s->model->pub.variables[i] : NULL;
	if (var == NULL || v->element >= var->n_elements) {
		past_refuse(p, v->at, "model %s has no %.40s, element %zu", s->model->pub.name,
			    v->variable, v->element);
		return 0;
	}
	if (!past_time_parse(v->time, &t)) {
		past_refuse(p, v->at, "%.40s is no time", v->time);
		return 0;
	}
	if (!is_blank(v->value) && !parse_value(v->value, var->predecessor_factor, &value)) {
		past_refuse(p, v->at, "%.40s is no number", v->value);
		return 0;
	}
	column = s->first[i] + v->element;
	if (is_twice(p, s, &t, column)) {
		past_refuse(p, v->at, "%.32s, element %zu, is there already at %.40s", v->variable,
			    v->element, v->time);
		return 0;
	}
	if (!s->gathering.any || !same_time(&s->gathering.time, &t) || s->given[column]) {
		r = begin_reading(p, s, v, &t, err);
		if (r != 1)
			return r;
	}
	s->seen[i] = true;
	s->given[column] = true;
	s->gathering.values[column] = value;
	return 0;
}

int past_add(struct past *p, const struct past_value *v, struct tesla_error *err)
{
	struct stream *s = NULL;
	int r = find_stream(p, v, &s, err);

	return r == 1 ? add(p, s, v, err) : r;
}

int past_end(struct past *p, struct tesla_error *err)
{
	int r = 0;

	for (size_t i = 0; i < p->n_streams && r == 0; i++) {
		struct stream *s = &p->streams[i];

		r = close_reading(p, s, err);
		if (r == 0)
			r = give(p, s, INT64_MIN, err);
		s->waiting.any = false;
	}
	return r;
}
