/* SPDX-License-Identifier: Apache-2.0 */
/* The meters of one line, or of several: by address. */
#include "sim/fleet.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "sim/text.h"
#include "sim/who.h"

#define MODEL_FILE_MAX (4u << 20)
#define RAW_MAX 1000	/* values in one setting */
#define EXPONENT_MAX 99 /* a double bears it for every type */

/* ---- models ---- */

static struct model *model_read(const char *dir, const char *name, struct tesla_error *err)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	struct diags diags = { 0 };
	struct model *model;
	struct tesla_error why;
	size_t len;

	if (strchr(name, '/') != NULL || *name == '\0') {
		tesla_fail(err, -EINVAL, "\"%s\" is no name of a model", name);
		return NULL;
	}
	if (asprintf(&path, "%s/%s.xml", dir, name) < 0) {
		path = NULL;
		tesla_fail(err, -ENOMEM, "no memory");
		return NULL;
	}
	if (file_read(path, MODEL_FILE_MAX, &text, &len, &why) != 0) {
		tesla_fail(err, why.code, "%.150s %.80s", path, why.text);
		return NULL;
	}
	model = model_parse(path, text, len, &diags);
	diags_print(&diags, stderr);
	if (model == NULL)
		tesla_fail(err, -EINVAL, "%s: no usable model, %zu errors", path, diags.n_errors);
	diags_release(&diags);
	return model;
}

const struct model *models_get(struct models *m, const char *name, struct tesla_error *err)
{
	struct model **grown, *model;

	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->list[i]->pub.name, name) == 0)
			return m->list[i];
	grown = realloc(m->list, (m->n + 1) * sizeof *grown);
	if (grown == NULL) {
		tesla_fail(err, -ENOMEM, "no memory");
		return NULL;
	}
	m->list = grown;
	model = model_read(m->dir, name, err);
	if (model != NULL)
		m->list[m->n++] = model;
	return model;
}

void models_release(struct models *m)
{
	for (size_t i = 0; i < m->n; i++)
		model_free(m->list[i]);
	free(m->list);
	*m = (struct models){ 0 };
}

/* ---- which meters there are ---- */

static int fleet_put(struct fleet *f, unsigned address, const struct model *model,
		     const struct fleet_rules *rules, struct tesla_error *err)
{
	struct meter *m = meter_new(model, address, rules->seed, &rules->meter, rules->t);

	if (m == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	meter_free(f->meter[address]);
	f->meter[address] = m;
	return 0;
}

static int fleet_add_one(struct fleet *f, char *item, struct models *models,
			 const struct fleet_rules *rules, struct tesla_error *err)
{
	char *name = item, *address = text_next(&name, '=');
	bool rest = strcmp(address, "*") == 0;
	int64_t first = 0, last = ADDRESSES - 1;
	const struct model *model;
	int r = 0;

	if (name == NULL || (!rest && !text_range(address, 0, ADDRESSES - 1, &first, &last)))
		return tesla_fail(err, -EINVAL,
				  "\"%s%s%s\": expected ADDRESS=MODEL, FIRST-LAST=MODEL (0 to 255) "
				  "or *=MODEL",
				  address, name ? "=" : "", name ? name : "");
	model = models_get(models, name, err);
	if (model == NULL)
		return err->code;
	for (int64_t a = first; a <= last && r == 0; a++)
		if (!rest || f->meter[a] == NULL)
			r = fleet_put(f, (unsigned)a, model, rules, err);
	return r;
}

int fleet_add(struct fleet *f, const char *spec, struct models *models,
	      const struct fleet_rules *rules, struct tesla_error *err)
{
	_cleanup_free_ char *text = strdup(spec);
	char *rest = text, *item;
	int r = text ? 0 : tesla_fail(err, -ENOMEM, "no memory");

	while (r == 0 && (item = text_next(&rest, ',')) != NULL)
		r = fleet_add_one(f, item, models, rules, err);
	return r;
}

void fleet_release(struct fleet *f)
{
	for (size_t i = 0; i < ADDRESSES; i++)
		meter_free(f->meter[i]);
	*f = (struct fleet){ 0 };
}

/* ---- what the user sets ---- */

struct setting {
	int64_t first, last;
	char *name, *value;
}; /* addresses; both sides of "=" */

/* Cuts "[ADDRESS:]NAME=VALUE" in place. */
static int setting_parse(char *text, const char *form, struct setting *ret, struct tesla_error *err)
{
	char *value = text, *name = text_next(&value, '='), *colon = strchr(name, ':');
	struct setting s = { 0, ADDRESSES - 1, name, value };

	if (colon != NULL) {
		*colon = '\0';
		s.name = colon + 1;
	}
	if (value == NULL || *s.name == '\0' ||
	    (colon != NULL && !text_range(name, 0, ADDRESSES - 1, &s.first, &s.last)))
		return tesla_fail(err, -EINVAL, "expected [ADDRESS:]%s", form);
	*ret = s;
	return 0;
}

/* Applies `one` to the meters of the setting; that some lack the name does not matter. */
static int setting_apply(struct fleet *f, const struct setting *s, size_t *n,
			 struct tesla_error *err,
			 int (*one)(struct meter *, const void *, struct tesla_error *),
			 const void *arg)
{
	int r = 0;

	for (int64_t a = s->first; a <= s->last && r == 0; a++) {
		if (f->meter[a] == NULL)
			continue;
		r = one(f->meter[a], arg, err);
		if (r == 0)
			(*n)++;
		else if (r == -ENOENT)
			r = 0;
	}
	return r;
}

struct fix {
	const char *variable, *label;
	const double *value;
};

static int fix_one(struct meter *m, const void *arg, struct tesla_error *err)
{
	const struct fix *fix = arg;

	return meter_fix(m, fix->variable, fix->label, fix->value, err);
}

/* NAN for "nan"; *given false for an empty text. */
static bool fix_value(const char *text, double *value, bool *given)
{
	*given = *text != '\0';
	*value = NAN;
	return !*given || strcmp(text, "nan") == 0 || text_real(text, -DBL_MAX, DBL_MAX, value);
}

int fleet_fix(struct fleet *f, const char *text, size_t *n, struct tesla_error *err)
{
	_cleanup_free_ char *copy = strdup(text);
	struct setting s;
	struct fix fix;
	double value;
	bool given;
	int r;

	if (copy == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	r = setting_parse(copy, "VAR[.LABEL]=VALUE", &s, err);
	if (r != 0)
		return r;
	if (!fix_value(s.value, &value, &given))
		return tesla_fail(err, -EINVAL, "%s: \"%s\" is no number", s.name, s.value);
	fix.variable = text_next(&s.name, '.');
	fix.label = s.name;
	fix.value = given ? &value : NULL;
	return setting_apply(f, &s, n, err, fix_one, &fix);
}

struct raw {
	uint16_t address, values[RAW_MAX];
	size_t n;
};

static int raw_one(struct meter *m, const void *arg, struct tesla_error *err)
{
	const struct raw *raw = arg;

	return meter_raw(m, raw->address, raw->values, raw->n) == 0
		       ? 0
		       : tesla_fail(err, -ENOMEM, "no memory");
}

static int raw_values(struct raw *raw, char *list, struct tesla_error *err)
{
	char *rest = *list != '\0' ? list : NULL, *item;
	int64_t v;

	while ((item = text_next(&rest, ',')) != NULL) {
		if (!text_int(item, INT16_MIN, UINT16_MAX, &v))
			return tesla_fail(err, -EINVAL, "raw: \"%s\" does not fit a register",
					  item);
		if (raw->n == RAW_MAX || raw->address + raw->n > UINT16_MAX)
			return tesla_fail(err, -EINVAL, "raw: too many values");
		raw->values[raw->n++] = (uint16_t)v;
	}
	return 0;
}

int fleet_raw(struct fleet *f, const char *text, size_t *n, struct tesla_error *err)
{
	_cleanup_free_ char *copy = strdup(text);
	struct raw raw = { 0 };
	struct setting s;
	int64_t address;
	int r;

	if (copy == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	r = setting_parse(copy, "REGISTER=VALUE[,VALUE...]", &s, err);
	if (r != 0)
		return r;
	if (!text_int(s.name, 0, UINT16_MAX, &address))
		return tesla_fail(err, -EINVAL, "\"%s\" is no register from 0 to 65535", s.name);
	raw.address = (uint16_t)address;
	r = raw_values(&raw, s.value, err);
	return r == 0 ? setting_apply(f, &s, n, err, raw_one, &raw) : r;
}

struct scale {
	const char *name;
	int64_t exponent;
};

static int scale_one(struct meter *m, const void *arg, struct tesla_error *err)
{
	const struct scale *scale = arg;

	return meter_scale(m, scale->name, (int)scale->exponent, err);
}

int fleet_scale(struct fleet *f, const char *text, size_t *n, struct tesla_error *err)
{
	_cleanup_free_ char *copy = strdup(text);
	struct scale scale;
	struct setting s;
	int r;

	if (copy == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	r = setting_parse(copy, "NAME=EXPONENT", &s, err);
	if (r != 0)
		return r;
	scale.name = s.name;
	if (!text_int(s.value, -EXPONENT_MAX, EXPONENT_MAX, &scale.exponent))
		return tesla_fail(err, -EINVAL, "%s: \"%s\" is no exponent", s.name, s.value);
	return setting_apply(f, &s, n, err, scale_one, &scale);
}

int fleet_identity(struct fleet *f, const char *text, size_t *n, struct tesla_error *err)
{
	for (size_t a = 0; a < ADDRESSES; a++) {
		if (f->meter[a] == NULL)
			continue;
		if (meter_identity(f->meter[a], text) != 0)
			return tesla_fail(err, -ENOMEM, "no memory");
		(*n)++;
	}
	return 0;
}

static int identity_by_one(struct meter *m, const void *arg, struct tesla_error *err)
{
	const unsigned *knows = arg;

	(void)err;
	meter_identity_by(m, *knows);
	return 0;
}

int fleet_identity_by(struct fleet *f, const char *text, size_t *n, struct tesla_error *err)
{
	_cleanup_free_ char *copy = strdup(text);
	struct setting s = { .last = ADDRESSES - 1 };
	char *list = copy, *addresses;
	unsigned knows;

	if (copy == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	addresses = text_next(&list, ':');
	if (list == NULL)
		list = addresses;
	else if (!text_range(addresses, 0, ADDRESSES - 1, &s.first, &s.last))
		return tesla_fail(err, -EINVAL, "expected [ADDRESS:]17|43|17,43|none");
	if (!who_parse(list, &knows))
		return tesla_fail(err, -EINVAL, "\"%s\": expected 17, 43, \"17,43\" or none", list);
	return setting_apply(f, &s, n, err, identity_by_one, &knows);
}
