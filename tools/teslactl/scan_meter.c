/* SPDX-License-Identifier: Apache-2.0 */
/* Which models a meter may be: by what it says, and by how much sense its registers make. */
#include "teslactl/scan_meter.h"

#include <errno.h>
#include <math.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/model_say.h"
#include "teslactl/number.h"

#define READS_MAX 2000 /* of one meter */
#define SILENT_MAX 3   /* reads without an answer, one after the other: no guessing any more */
#define ELEMENTS_MAX 9 /* of a model, that are looked at */
#define UNLIKELY 0.25
#define LIKELY 0.5  /* from there on it is worth to see whether all can be read */
#define SPAN_MAX 60 /* registers that are read together for neighbours */
#define MARKER 0x53756e53u
#define END_OF_CHAIN 0xffffu
#define LINKS_MAX 100

/* What was read of the meter: many models have the same registers. */
struct read {
	struct look_what what;
	bool ok;
	uint8_t bytes[2 * SPAN_MAX];
};

struct meter {
	struct looker *looker;
	struct found *f;
	struct read *reads;
	size_t n_reads;
	unsigned silent; /* the last so many reads */
	int failed;	 /* negative: the line cannot be asked */
	struct tesla_error *err;
	uint16_t base[FOUND_CHAIN]; /* where the chain's models are */
};

/* ---- reading ---- */

static bool ask(struct meter *m, const struct look_what *what, struct looked *ret)
{
	if (m->failed == 0)
		m->failed = look(m->looker, m->f->address, what, ret, m->err);
	return m->failed == 0;
}

static struct read *read_new(struct meter *m, const struct look_what *what)
{
	struct read *reads;

	reads = realloc(m->reads, (m->n_reads + 1) * sizeof *reads);
	if (reads == NULL)
		return NULL;
	m->reads = reads;
	reads[m->n_reads] = (struct read){ .what = *what };
	return &reads[m->n_reads++];
}

/* The registers, or NULL; a wrong checksum is tried once more. */
static const uint8_t *registers(struct meter *m, uint16_t function, uint32_t first, uint16_t count)
{
	struct look_what what = { function, (uint16_t)first, count };
	struct looked looked = { .status = LOOK_TIMEOUT };
	struct read *r;

	if (first + count > 65536 || count > SPAN_MAX)
		return NULL;
	for (size_t i = 0; i < m->n_reads; i++)
		if (memcmp(&m->reads[i].what, &what, sizeof what) == 0)
			return m->reads[i].ok ? m->reads[i].bytes : NULL;
	if (m->n_reads == READS_MAX || !ask(m, &what, &looked) ||
	    (looked.status == LOOK_GARBLED && !ask(m, &what, &looked)))
		return NULL;
	/* Many a meter hangs up on what it does not know. */
	m->silent =
		looked.status == LOOK_TIMEOUT || looked.status == LOOK_BROKEN ? m->silent + 1 : 0;
	r = read_new(m, &what);
	if (r == NULL || looked.status != LOOK_OK || looked.len != 2u * count)
		return NULL;
	memcpy(r->bytes, looked.bytes, looked.len);
	r->ok = true;
	return r->bytes;
}

static uint32_t word(const uint8_t *bytes, size_t i)
{
	return (uint32_t)bytes[2 * i] << 8 | bytes[2 * i + 1];
}

/* ---- what it says ---- */

static void text_take(char text[FOUND_TEXT], const struct looked *looked)
{
	size_t n = looked->status == LOOK_OK ? looked->len : 0;

	if (n >= FOUND_TEXT)
		n = FOUND_TEXT - 1;
	memcpy(text, looked->bytes, n);
	text[n] = '\0';
	for (char *p = text; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

static void names_ask(struct meter *m)
{
	struct looked looked;

	if (ask(m, &(struct look_what){ .function = 17 }, &looked))
		text_take(m->f->said17, &looked);
	if (ask(m, &(struct look_what){ .function = 43 }, &looked))
		text_take(m->f->said43, &looked);
}

static bool is_known(const struct catalogue *models, uint32_t sunspec)
{
	for (size_t i = 0; i < models->n; i++)
		if (models->list[i]->sunspec == sunspec)
			return true;
	return false;
}

/* The models behind SunSpec's marker. */
static void chain_read(struct meter *m, const struct catalogue *models, uint32_t at)
{
	struct found *f = m->f;
	const uint8_t *link;

	for (int i = 0; i < LINKS_MAX && f->n_chain < FOUND_CHAIN; i++) {
		link = registers(m, 3, at, 2);
		if (link == NULL || word(link, 0) == END_OF_CHAIN)
			return;
		if (word(link, 0) != 0 && is_known(models, word(link, 0))) {
			m->base[f->n_chain] = (uint16_t)at;
			f->chain[f->n_chain++] = (uint16_t)word(link, 0);
		}
		at += word(link, 1) + 2;
	}
}

static void sunspec_find(struct meter *m, const struct catalogue *models)
{
	static const uint16_t markers[] = { 40000, 50000, 0 };
	const uint8_t *bytes;

	for (size_t i = 0; i < N_ELEMENTS(markers); i++) {
		bytes = registers(m, 3, markers[i], 2);
		if (bytes != NULL && (word(bytes, 0) << 16 | word(bytes, 1)) == MARKER) {
			chain_read(m, models, markers[i] + 2u);
			return;
		}
	}
}

/* ---- does it fit a model? ---- */

static bool matches(const char *pattern, const char *text)
{
	regex_t regex;
	bool fits;

	if (pattern == NULL || *text == '\0' || regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB))
		return false;
	fits = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return fits;
}

/* A label with whatever number behind it says nothing of the meter. */
static bool fits_any(const struct model *model)
{
	char one[2 * FOUND_TEXT], other[2 * FOUND_TEXT];

	if (model->identity.label == NULL || model->identity.type == 0)
		return false;
	(void)snprintf(one, sizeof one, "%s 12345", model->identity.label);
	(void)snprintf(other, sizeof other, "%s 54321", model->identity.label);
	return matches(model->identity_pattern, one) && matches(model->identity_pattern, other);
}

/* What the registers of its identity say, as the host of a line puts it. */
static bool identity_matches(struct meter *m, const struct model *model)
{
	const struct model_text *t = &model->identity;
	_cleanup_free_ char *text = NULL;
	const uint8_t *bytes;

	if (t->count == 0 || model->identity_pattern == NULL)
		return false;
	bytes = registers(m, t->function, t->address, t->count);
	if (bytes != NULL)
		text = model_text_say(t, t->label, bytes);
	return text != NULL && matches(model->identity_pattern, text);
}

static const char *recognised_by(struct meter *m, const struct model *model, uint16_t *base)
{
	*base = 0;
	for (size_t i = 0; model->sunspec != 0 && i < m->f->n_chain; i++) {
		if (m->f->chain[i] == model->sunspec) {
			*base = m->base[i];
			return "SunSpec";
		}
	}
	if (model->identity.count > 0)
		return !fits_any(model) && identity_matches(m, model) ? "register" : NULL;
	if (matches(model->identity_pattern, m->f->said17) ||
	    matches(model->identity_pattern, m->f->said43))
		return "name";
	return NULL;
}

/* ---- does it make sense as that model? ---- */

static bool exponent_of(struct meter *m, const struct tesla_register *r, uint16_t base, int *ret)
{
	const struct tesla_scale *s = r->scale_register;
	const uint8_t *bytes;

	*ret = 0;
	if (s == NULL)
		return true;
	bytes = registers(m, s->function, (uint32_t)s->address + base, 1);
	if (bytes == NULL)
		return false;
	*ret = (int16_t)word(bytes, 0);
	return *ret >= s->min && *ret <= s->max;
}

/* Registers of neighbours are read together. */
static const uint8_t *element_bytes(struct meter *m, const struct tesla_variable *v, size_t i,
				    uint16_t base)
{
	const struct tesla_register *r = v->elements[i], *first = v->elements[0],
				    *last = v->elements[v->n_elements - 1];
	uint32_t span = (uint32_t)last->address + last->count - first->address;
	const uint8_t *all = NULL;

	if (first->function == last->function && last->address >= first->address &&
	    span <= SPAN_MAX && r->address >= first->address &&
	    (uint32_t)r->address + r->count <= first->address + span)
		all = registers(m, r->function, (uint32_t)first->address + base, (uint16_t)span);
	return all != NULL ? all + 2 * (r->address - first->address)
			   : registers(m, r->function, (uint32_t)r->address + base, r->count);
}

static void variable_judge(struct meter *m, const struct tesla_variable *v, uint16_t base,
			   struct found_model *fm)
{
	bool is_hertz = strcmp(v->unit, "Hz") == 0;

	for (size_t i = 0; i < v->n_elements && fm->tried < ELEMENTS_MAX; i++) {
		const uint8_t *bytes = element_bytes(m, v, i, base);
		int exponent;
		double p = 0;

		if (bytes != NULL && exponent_of(m, v->elements[i], base, &exponent)) {
			/* Reading the scale may have moved what was read before. */
			bytes = element_bytes(m, v, i, base);
			p = plausible(v->unit, number_of(v->elements[i], bytes, exponent));
		}
		fm->tried++;
		fm->good += p > UNLIKELY;
		fm->hertz_tried += is_hertz;
		fm->hertz_good += is_hertz && p > UNLIKELY;
		fm->score += p > 0 ? p : 0;
	}
}

static void model_judge(struct meter *m, uint16_t base, struct found_model *fm)
{
	const struct tesla_model *model = &fm->model->pub;

	for (size_t i = 0; i < model->n_variables && m->failed == 0; i++) {
		const struct tesla_variable *v = model->variables[i];

		if (v->kind == TESLA_GAUGE && plausible(v->unit, 0) >= 0)
			variable_judge(m, v, base, fm);
	}
	fm->score = fm->tried > 0 ? fm->score / fm->tried : 0;
}

/* A meter that has all registers of one model rather than of another. */
static void readable_count(struct meter *m, uint16_t base, struct found_model *fm)
{
	const struct tesla_model *model = &fm->model->pub;

	for (size_t i = 0; i < model->n_variables && m->failed == 0; i++)
		fm->readable += element_bytes(m, model->variables[i], 0, base) != NULL;
}

/*
 * Phases may be without voltage, but where there is a frequency it is one; without that, half of
 * the voltages.  A model that measures neither, such as a DAS-8000, may be any meter.
 */
static bool makes_sense(const struct found_model *m)
{
	if (m->tried == 0)
		return m->readable > 0;
	return m->hertz_tried > 0 ? m->hertz_good > 0 && m->good > 1 : 2 * m->good >= m->tried;
}

/* ---- all models ---- */

/* Recognised before guessed; much that makes sense before little; what has all before parts. */
static double rank(const struct found_model *m)
{
	double all = (double)m->readable / (double)m->model->pub.n_variables;

	return (m->by != NULL ? 10 : 0) + m->score * (1 - pow(0.5, m->good)) * (0.5 + 0.5 * all) +
	       0.05 * m->hinted + 1e-4 * m->readable;
}

static bool is_better(const struct found_model *a, const struct found_model *b)
{
	return rank(a) > rank(b);
}

static void model_add(struct found *f, struct found_model fm)
{
	for (size_t i = 0; i < f->n_models; i++) {
		if (is_better(&fm, &f->models[i])) {
			struct found_model other = f->models[i];

			f->models[i] = fm;
			fm = other;
		}
	}
	if (f->n_models < FOUND_MODELS)
		f->models[f->n_models++] = fm;
}

static bool is_named(const struct found *f, const struct model *model)
{
	return strcasestr(f->said17, model->pub.name) != NULL ||
	       strcasestr(f->said43, model->pub.name) != NULL;
}

/* Models that know a name for themselves are not meant when the meter says another. */
static bool can_be(const struct meter *m, const struct model *model)
{
	bool named = m->f->said17[0] != '\0' || m->f->said43[0] != '\0';

	return m->f->commands ||
	       (model->sunspec == 0 &&
		(!named || model->identity_pattern == NULL || model->identity.count > 0));
}

static void models_try(struct meter *m, const struct catalogue *models, bool guess)
{
	for (size_t i = 0; i < models->n && m->failed == 0; i++) {
		struct found_model fm = { .model = models->list[i] };
		uint16_t base = 0;

		if (model_has_commands(fm.model) != m->f->commands)
			continue;
		if (guess)
			fm.hinted = identity_matches(m, fm.model) || is_named(m->f, fm.model);
		else
			fm.by = recognised_by(m, fm.model, &base);
		if (guess ? !can_be(m, fm.model) || m->silent >= SILENT_MAX : fm.by == NULL)
			continue;
		if (!m->f->commands) {
			model_judge(m, base, &fm);
			if (fm.score >= LIKELY || fm.tried == 0)
				readable_count(m, base, &fm);
		}
		if (!guess || m->f->commands || makes_sense(&fm))
			model_add(m->f, fm);
	}
}

int scan_meter(struct looker *l, const struct catalogue *models, struct found *f,
	       struct tesla_error *err)
{
	struct meter m = { .looker = l, .f = f, .err = err };

	if (!f->commands) {
		names_ask(&m);
		sunspec_find(&m, models);
	}
	models_try(&m, models, false);
	if (f->n_models == 0)
		models_try(&m, models, true);
	free(m.reads);
	return m.failed;
}
