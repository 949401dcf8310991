/* SPDX-License-Identifier: Apache-2.0 */
/*
 * past CONFIG MODELS JOURNAL FROM UNTIL STEP [odd]: what teslad would have recorded between two instants
 * (2026-10-25T00:00:00Z) for exporters that took nothing, with readings every STEP seconds: by a
 * clock of its own, through the windows and the journal that teslad has.  Prints a line per record:
 * analyzer, end_ms.  `odd` adds, a second behind the last of the first two analyzers, a record with a
 * value that is no number and one with a name of a model that is too long for v2.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/calendar.h"
#include "base/cleanup.h"
#include "daemon/journal.h"
#include "daemon/window.h"

#define EXPORTERS_MAX 16

struct past {
	const struct config *config;
	struct journal *journal;
	struct window **windows;	 /* by analyzer */
	uint16_t numbers[EXPORTERS_MAX]; /* in the journal, by exporter of config */
	/* What ends at one instant is committed at once. */
	struct journal_entry *entries;
	uint16_t (*whom)[EXPORTERS_MAX];
	size_t n;
	struct buf bytes;
	struct arena memory;
};

static void die(const char *what, const char *why)
{
	(void)fprintf(stderr, "past: %s: %s\n", what, why);
	exit(1);
}

static int64_t instant_ms(const char *text)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

	if (end == NULL || *end != '\0')
		die(text, "expected an instant such as 2026-10-25T00:00:00Z");
	return (int64_t)timegm(&tm) * 1000;
}

/* A load that moves, and a counter that follows. */
static double value_at(const struct conf_analyzer *a, const struct tesla_variable *v,
		       size_t element, int64_t t_ms)
{
	double s = (double)(t_ms / 1000);

	if (v->kind == TESLA_COUNTER)
		return floor(s / 10) * 1000;
	return 1000 * (double)a->id + 100 * (double)element +
	       rint(50 * sin(s / 7000 + (double)a->id));
}

static void read_all(struct past *p, size_t i, int64_t t_ms)
{
	const struct conf_analyzer *a = &p->config->analyzers[i];
	const struct window_scale none = { .n = 0 };

	for (size_t k = 0; k < a->n_variables; k++) {
		const struct tesla_variable *v = a->variables[k].variable;
		struct tesla_element elements[64];

		for (size_t e = 0; e < v->n_elements; e++)
			elements[e] = (struct tesla_element){ value_at(a, v, e, t_ms), TESLA_GOOD };
		window_add(p->windows[i], a, k, elements, t_ms * 1000, &none);
	}
}

/* What was packed from `at` on is a record of `a`, for the exporters that it names. */
static void entry_add(struct past *p, const struct conf_analyzer *a, int64_t end_ms, size_t at)
{
	struct journal_entry *e = &p->entries[p->n];

	*e = (struct journal_entry){ .analyzer = a->id,
				     .start_ms = end_ms - a->record_ms,
				     .end_ms = end_ms,
				     .exporters = p->whom[p->n],
				     .len = p->bytes.pub.len - at };
	for (size_t x = 0; x < p->config->n_exporters; x++)
		for (size_t k = 0; k < p->config->exporters[x].n_analyzers; k++)
			if (p->config->exporters[x].analyzers[k] == a)
				p->whom[p->n][e->n_exporters++] = p->numbers[x];
	(void)printf("%" PRId64 " %" PRId64 "\n", a->id, end_ms);
	p->n++;
}

static void close_window(struct past *p, size_t i)
{
	const struct conf_analyzer *a = &p->config->analyzers[i];
	size_t at = p->bytes.pub.len;
	struct record r;

	if (window_close(p->windows[i], a, "past", &p->memory, &r) != 0 ||
	    record_encode(&r, &p->bytes) != 0)
		die("a record", "cannot be made");
	entry_add(p, a, r.end_ms, at);
}

static void commit(struct past *p, int64_t t_ms)
{
	const uint8_t *at = p->bytes.pub.bytes;
	struct tesla_error err = { 0 };

	for (size_t i = 0; i < p->n; at += p->entries[i++].len)
		p->entries[i].record = at;
	if (p->n > 0 && journal_write(p->journal, p->entries, p->n, NULL, 0, t_ms, &err) != 0)
		die("the journal", err.text);
	p->n = 0;
	buf_clear(&p->bytes);
	arena_release(&p->memory);
}

static void live(struct past *p, int64_t from_ms, int64_t until_ms, int64_t step_ms)
{
	size_t n = p->config->n_analyzers;

	for (size_t i = 0; i < n; i++)
		window_open(p->windows[i], &p->config->analyzers[i], from_ms * 1000);
	for (int64_t t = from_ms; t <= until_ms; t += step_ms) {
		for (size_t i = 0; i < n; i++) {
			if (t >= p->windows[i]->end_ms) {
				close_window(p, i);
				window_open(p->windows[i], &p->config->analyzers[i], t * 1000);
			}
			read_all(p, i, t);
		}
		commit(p, t);
	}
}

/* A record by hand: such as no window makes. */
static void odd_record(struct past *p, size_t i, double value, size_t model_len)
{
	const struct conf_analyzer *a = &p->config->analyzers[i];
	_cleanup_free_ char *model = malloc(model_len + 1);
	int64_t end_ms = p->windows[i]->end_ms + 1000;
	size_t at = p->bytes.pub.len;
	msgpack_packer pk;

	if (model == NULL)
		die("memory", "there is none");
	memset(model, '%', model_len);
	model[model_len] = '\0';
	mp_writer(&pk, &p->bytes);
	(void)msgpack_pack_array(&pk, 7);
	(void)msgpack_pack_int(&pk, RECORD_VERSION);
	(void)msgpack_pack_int64(&pk, a->id);
	(void)msgpack_pack_int64(&pk, end_ms - 1000);
	(void)msgpack_pack_int64(&pk, end_ms);
	mp_str(&pk, model);
	mp_str(&pk, NULL);
	(void)msgpack_pack_array(&pk, 1);
	(void)msgpack_pack_array(&pk, 5);
	mp_str(&pk, "FRE");
	mp_str(&pk, "Hz");
	(void)msgpack_pack_int(&pk, TESLA_STATUS);
	(void)msgpack_pack_double(&pk, 1);
	(void)msgpack_pack_array(&pk, 1);
	(void)msgpack_pack_array(&pk, 4);
	(void)msgpack_pack_int(&pk, TESLA_GOOD);
	(void)msgpack_pack_int(&pk, 1);
	(void)msgpack_pack_int(&pk, 1000);
	(void)msgpack_pack_double(&pk, value);
	entry_add(p, a, end_ms, at);
}

static void past_init(struct past *p, const struct config *c)
{
	struct tesla_error err = { 0 };

	*p = (struct past){ .config = c, .journal = p->journal };
	buf_init(&p->bytes, 1u << 30);
	p->windows = calloc(c->n_analyzers + 1, sizeof *p->windows);
	p->entries = calloc(c->n_analyzers + 1, sizeof *p->entries);
	p->whom = calloc(c->n_analyzers + 1, sizeof *p->whom);
	if (p->windows == NULL || p->entries == NULL || p->whom == NULL ||
	    c->n_exporters > EXPORTERS_MAX)
		die("memory", "there is none, or there are too many exporters");
	for (size_t i = 0; i < c->n_analyzers; i++) {
		p->windows[i] = malloc(window_size(&c->analyzers[i]));
		if (p->windows[i] == NULL)
			die("memory", "there is none");
		window_init(p->windows[i], &c->analyzers[i]);
	}
	for (size_t i = 0; i < c->n_exporters; i++)
		if (journal_exporter(p->journal, c->exporters[i].id, &p->numbers[i], &err) != 0)
			die(c->exporters[i].id, err.text);
}

static void past_release(struct past *p)
{
	for (size_t i = 0; i < p->config->n_analyzers; i++)
		free(p->windows[i]);
	free(p->windows);
	free(p->entries);
	free(p->whom);
	buf_release(&p->bytes);
	journal_close(p->journal);
}

int main(int argc, char **argv)
{
	const struct journal_limits limits = { .bytes = 4ull << 30, .rejects = 1000 };
	struct tesla_error err = { 0 };
	struct diags diags = { 0 };
	struct past p;
	struct config *c;

	if (argc < 7)
		die("usage", "past CONFIG MODELS JOURNAL FROM UNTIL STEP [odd]");
	tzset();
	c = config_load(argv[1], (const char *const[]){ argv[2], NULL }, &diags);
	if (c == NULL) {
		diags_print(&diags, stderr);
		return 1;
	}
	if (journal_open(argv[3], &limits, &p.journal, &err) != 0)
		die(argv[3], err.text);
	past_init(&p, c);
	live(&p, instant_ms(argv[4]), instant_ms(argv[5]), strtoll(argv[6], NULL, 10) * 1000);
	if (argc > 7) {
		odd_record(&p, 0, NAN, 5);
		odd_record(&p, 1, 50, 200000);
		commit(&p, instant_ms(argv[5]));
	}
	past_release(&p);
	config_free(c);
	diags_release(&diags);
	return 0;
}
