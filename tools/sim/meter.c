/* SPDX-License-Identifier: Apache-2.0 */
/* One simulated meter: its registers, and how they follow load, fixes and scales. */
#include "sim/meter.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "sim/about.h"
#include "sim/bank.h"
#include "sim/encode.h"
#include "sim/quantity.h"
#include "sim/who.h"

#define READ_MAX 125 /* registers: what fits a PDU */

struct exponent {
	int value;
	bool set;
}; /* set: by the user, never chosen anew */

struct point { /* one element */
	const struct tesla_variable *variable;
	const struct tesla_register *reg;
	struct source src;
	bool fixed;
	double fix;
};

struct meter {
	const struct model *model;
	const struct meter_rules *rules;
	char *identity;
	unsigned identity_by; /* WHO_17, WHO_43 */
	struct load load;
	double refreshed; /* time that the bank shows; NAN: it must be made anew */
	struct bank bank;
	struct point *points;
	size_t n_points;
	struct exponent *exponents; /* one per scale register */
};

/* ---- scale registers ---- */

static int point_exponent(const struct meter *m, const struct point *p)
{
	return p->reg->scale_register ? m->exponents[p->reg->scale_register->index].value : 0;
}

static bool point_fits(const struct meter *m, const struct point *p, double value)
{
	double lo, hi;

	if (isnan(value))
		return true;
	encode_limits(p->reg, point_exponent(m, p), &lo, &hi);
	return value >= lo && value <= hi;
}

static bool scale_fits(const struct meter *m, const struct tesla_scale *scale)
{
	for (size_t i = 0; i < m->n_points; i++) {
		const struct point *p = &m->points[i];

		if (p->reg->scale_register == scale &&
		    !point_fits(m, p, p->fixed ? p->fix : source_peak(&p->src, &m->load)))
			return false;
	}
	return true;
}

/* As a fitter would set them: the finest exponent that bears the peak and all fixed values. */
static void scales_choose(struct meter *m)
{
	for (size_t i = 0; i < m->model->pub.n_scales; i++) {
		const struct tesla_scale *scale = m->model->pub.scales[i];
		struct exponent *e = &m->exponents[scale->index];

		if (e->set)
			continue;
		e->value = scale->min;
		while (e->value < scale->max && !scale_fits(m, scale))
			e->value++;
	}
}

int meter_scale(struct meter *m, const char *name, int exponent, struct tesla_error *err)
{
	for (size_t i = 0; i < m->model->pub.n_scales; i++) {
		const struct tesla_scale *scale = m->model->pub.scales[i];

		if (strcmp(scale->name, name) != 0)
			continue;
		m->exponents[scale->index] = (struct exponent){ exponent, true };
		scales_choose(m);
		m->refreshed = NAN;
		return 0;
	}
	return tesla_fail(err, -ENOENT, "%s: %s has no scale register of that name", name,
			  meter_model(m)->name);
}

/* ---- values ---- */

static void point_show(struct meter *m, const struct point *p, double value)
{
	unsigned address = about_base(m->model) + p->reg->address;
	size_t n = encode_words(p->reg->type);
	uint16_t words[ENCODE_WORDS];
	int exponent = point_exponent(m, p);
	double lo, hi;

	encode_limits(p->reg, exponent, &lo, &hi);
	if (!isnan(value))
		value = fmin(fmax(value, lo), hi); /* as a meter does at the end of its range */
	if (p->reg->command != NULL)
		return;
	bank_get(&m->bank, p->reg->function, address, words, n);
	if (encode(p->reg, exponent, value, words) == 0)
		bank_put(&m->bank, p->reg->function, address, words, n);
}

static double point_value(const struct meter *m, const struct point *p, const struct sample *s)
{
	return p->fixed ? p->fix : source_value(&p->src, &m->load, s);
}

static void meter_refresh(struct meter *m, double t)
{
	struct sample s = { 0 };

	if (t == m->refreshed)
		return;
	load_advance(&m->load, t);
	load_at(&m->load, t, &s);
	for (size_t i = 0; i < m->n_points; i++)
		point_show(m, &m->points[i], point_value(m, &m->points[i], &s));
	/* Last: a model may list its scale registers as variables too. */
	for (size_t i = 0; i < m->model->pub.n_scales; i++) {
		const struct tesla_scale *scale = m->model->pub.scales[i];
		uint16_t word = (uint16_t)m->exponents[scale->index].value;

		bank_put(&m->bank, scale->function, about_base(m->model) + scale->address, &word,
			 1);
	}
	about_put(&m->bank, m->model, m->identity, m->load.serial);
	m->refreshed = t;
}

static bool point_is(const struct point *p, const char *variable, const char *label)
{
	return strcmp(p->variable->name, variable) == 0 &&
	       (label == NULL || (p->reg->label != NULL && strcmp(p->reg->label, label) == 0));
}

static int point_check(const struct meter *m, const struct point *p, struct tesla_error *err)
{
	uint16_t words[ENCODE_WORDS] = { 0 };
	const char *label = p->reg->label ? p->reg->label : "";
	int r = encode(p->reg, point_exponent(m, p), p->fix, words);
	double lo, hi;

	if (r == -EDOM)
		return tesla_fail(err, r, "%s.%s: %s cannot say \"not available\"",
				  p->variable->name, label, meter_model(m)->name);
	encode_limits(p->reg, point_exponent(m, p), &lo, &hi);
	return r == 0 ? 0
		      : tesla_fail(err, r, "%s.%s: %g does not fit, %s shows %g to %g",
				   p->variable->name, label, p->fix, meter_model(m)->name, lo, hi);
}

static int points_fix(struct meter *m, const char *variable, const char *label, const double *value,
		      struct tesla_error *err)
{
	int r = 0;
	bool found = false;

	for (size_t i = 0; i < m->n_points; i++) {
		struct point *p = &m->points[i];

		if (!point_is(p, variable, label))
			continue;
		found = true;
		p->fixed = value != NULL;
		p->fix = value ? *value : 0;
	}
	if (!found)
		return tesla_fail(err, -ENOENT, "%s%s%s: %s has no such variable", variable,
				  label ? "." : "", label ? label : "", meter_model(m)->name);
	scales_choose(m);
	for (size_t i = 0; i < m->n_points && r == 0; i++)
		if (value != NULL && point_is(&m->points[i], variable, label))
			r = point_check(m, &m->points[i], err);
	return r;
}

int meter_fix(struct meter *m, const char *variable, const char *label, const double *value,
	      struct tesla_error *err)
{
	size_t size = m->n_points * sizeof *m->points;
	_cleanup_free_ struct point *before = malloc(size + 1);
	int r;

	if (before == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	memcpy(before, m->points, size);
	r = points_fix(m, variable, label, value, err);
	if (r != 0) {
		memcpy(m->points, before, size);
		scales_choose(m);
	}
	m->refreshed = NAN;
	return r;
}

int meter_raw(struct meter *m, uint16_t address, const uint16_t *values, size_t n)
{
	return bank_overlay(&m->bank, address, values, n);
}

int meter_identity(struct meter *m, const char *text)
{
	char *copy;

	if (text != NULL)
		copy = strdup(text);
	else if (meter_takes_commands(m))
		copy = strdup("simulated");
	else if (asprintf(&copy, "%s simulated", meter_model(m)->name) < 0)
		copy = NULL;
	if (copy == NULL)
		return -ENOMEM;
	free(m->identity);
	m->identity = copy;
	m->refreshed = NAN;
	return 0;
}

void meter_identity_by(struct meter *m, unsigned knows)
{
	m->identity_by = knows;
}

/* ---- requests ---- */

static bool range_hit(const struct model_range *list, size_t n, unsigned function, unsigned first,
		      unsigned last)
{
	for (size_t i = 0; i < n; i++)
		if ((list[i].function == 0 || list[i].function == function) &&
		    list[i].first <= last && list[i].last >= first)
			return true;
	return false;
}

static int read_refusal(const struct meter *m, unsigned function, unsigned first, unsigned count)
{
	unsigned limit = m->model->pub.max_registers ? m->model->pub.max_registers : READ_MAX;
	unsigned last = first + count - 1;

	if (count == 0 || count > READ_MAX || count > limit)
		return MODBUS_BAD_VALUE;
	if (last > UINT16_MAX ||
	    range_hit(m->model->forbidden, m->model->n_forbidden, function, first, last) ||
	    range_hit(m->rules->forbidden, m->rules->n_forbidden, function, first, last) ||
	    (m->rules->refuse_holes && bank_has_hole(&m->bank, function, first, count)))
		return MODBUS_BAD_ADDRESS;
	return 0;
}

static int answer_read(struct meter *m, const struct pdu *rq, double t, struct pdu *reply)
{
	unsigned function = rq->bytes[0], first, count;
	int refusal;

	if (!(m->bank.functions & 1u << function))
		return MODBUS_BAD_FUNCTION;
	if (rq->len != 5)
		return MODBUS_BAD_VALUE;
	first = be16(rq->bytes + 1);
	count = be16(rq->bytes + 3);
	refusal = read_refusal(m, function, first, count);
	if (refusal != 0)
		return refusal;
	meter_refresh(m, t);
	reply->bytes[0] = (uint8_t)function;
	reply->bytes[1] = (uint8_t)(2 * count);
	bank_read(&m->bank, function, first, count, reply->bytes + 2);
	reply->len = 2 + 2 * count;
	return 0;
}

void meter_answer(struct meter *m, uint8_t unit, const struct pdu *rq, double t, struct pdu *reply)
{
	int refusal = MODBUS_BAD_FUNCTION;

	if (rq->bytes[0] == 3 || rq->bytes[0] == 4)
		refusal = answer_read(m, rq, t, reply);
	else if (rq->bytes[0] == 17 || rq->bytes[0] == 43)
		refusal = who_answer(m->identity, m->identity_by, unit, rq, reply);
	if (refusal != 0)
		modbus_exception(reply, rq->bytes[0], refusal);
}

bool meter_takes_commands(const struct meter *m)
{
	return m->model->pub.variables[0]->elements[0]->command != NULL;
}

static bool command_is(const char *command, const struct pdu *rq)
{
	return command != NULL && strlen(command) == rq->len &&
	       memcmp(command, rq->bytes, rq->len) == 0;
}

static void answer_version(const struct meter *m, struct pdu *reply)
{
	reply->len = strnlen(m->identity, PDU_MAX);
	memcpy(reply->bytes, m->identity, reply->len);
}

/* The fields of the first variable that has the command. */
bool meter_command(struct meter *m, const struct pdu *rq, double t, struct pdu *reply)
{
	struct sample s = { 0 };

	reply->len = 0;
	if (command_is("VER", rq))
		answer_version(m, reply);
	load_advance(&m->load, t);
	load_at(&m->load, t, &s);
	for (size_t i = 0; i < m->n_points; i++) {
		const struct point *p = &m->points[i];
		size_t at = (size_t)p->reg->field * p->reg->digits, end = at + p->reg->digits;

		if (!command_is(p->reg->command, rq) || end > PDU_MAX)
			continue;
		encode_text(p->reg, point_value(m, p, &s), (char *)reply->bytes + at);
		reply->len = end > reply->len ? end : reply->len;
	}
	return reply->len > 0;
}

/* ---- making ---- */

const struct tesla_model *meter_model(const struct meter *m)
{
	return &m->model->pub;
}

static void points_add(struct meter *m, const struct tesla_variable *v)
{
	for (size_t k = 0; k < v->n_elements; k++) {
		const struct tesla_register *r = v->elements[k];

		m->points[m->n_points++] =
			(struct point){ .variable = v, .reg = r, .src = source_of(v, r->label) };
		if (r->command == NULL)
			bank_add(&m->bank, r->function, about_base(m->model) + r->address,
				 encode_words(r->type));
	}
}

static int meter_build(struct meter *m)
{
	const struct tesla_model *pub = &m->model->pub;
	size_t n = 0;

	for (size_t i = 0; i < pub->n_variables; i++)
		n += pub->variables[i]->n_elements;
	m->points = calloc(n + 1, sizeof *m->points);
	m->exponents = calloc(pub->n_scales + 1, sizeof *m->exponents);
	if (m->points == NULL || m->exponents == NULL || meter_identity(m, NULL) != 0 ||
	    bank_init(&m->bank, n * ENCODE_WORDS + pub->n_scales + about_registers(m->model)) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < pub->n_variables; i++)
		points_add(m, pub->variables[i]);
	for (size_t i = 0; i < pub->n_scales; i++)
		bank_add(&m->bank, pub->scales[i]->function,
			 about_base(m->model) + pub->scales[i]->address, 1);
	about_add(&m->bank, m->model);
	bank_seal(&m->bank);
	scales_choose(m);
	return 0;
}

struct meter *meter_new(const struct model *model, unsigned address, uint64_t seed,
			const struct meter_rules *rules, double t)
{
	struct meter *m = calloc(1, sizeof *m);

	if (m == NULL)
		return NULL;
	m->model = model;
	m->rules = rules;
	m->identity_by = WHO_17 | WHO_43;
	m->refreshed = NAN;
	load_init(&m->load, seed, address, t);
	if (meter_build(m) != 0) {
		meter_free(m);
		return NULL;
	}
	return m;
}

void meter_free(struct meter *m)
{
	if (m == NULL)
		return;
	free(m->identity);
	bank_release(&m->bank);
	free(m->points);
	free(m->exponents);
	free(m);
}
