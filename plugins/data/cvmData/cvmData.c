/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Meters that answer a command with numbers as text, in fields of a fixed width: the Circutor CVMk.
 * Pure: what is decoded depends on the model and the replies alone.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tesla/plugin.h>

#include "../scaling.h"

struct element {
	const struct tesla_register *reg;
	struct scaling scaling;
};

struct plan {
	struct tesla_block *blocks; /* one of each variable, in their order */
	size_t *sizes;		    /* beside them: its elements */
	struct element *elements;   /* of all variables, one after the other */
	size_t n_blocks, n_elements;
};

/* ---- open: which commands are needed ---- */

static int variable_check(const struct tesla_variable *v, struct tesla_error *err)
{
	const struct tesla_register *first = v->elements[0];

	for (size_t i = 0; i < v->n_elements; i++) {
		const struct tesla_register *r = v->elements[i];

		if (r->command == NULL || r->type != TESLA_DECIMAL)
			return tesla_fail(err, -EINVAL,
					  "%s is read from registers, not by a command: its model "
					  "is for another data plugin",
					  v->name);
		if (strcmp(r->command, first->command) != 0 || r->digits != first->digits ||
		    r->digits == 0 || r->field != i)
			return tesla_fail(err, -EINVAL,
					  "%s: its elements are not the fields of one reply, in "
					  "their order",
					  v->name);
	}
	if (v->n_elements * first->digits > UINT16_MAX)
		return tesla_fail(err, -EINVAL, "%s: a reply of %zu fields is too long", v->name,
				  v->n_elements);
	return 0;
}

/* The same command has one reply. */
static int command_check(const struct plan *p, const struct tesla_block *b, const char *name,
			 struct tesla_error *err)
{
	for (size_t i = 0; i < p->n_blocks; i++)
		if (strcmp(p->blocks[i].command, b->command) == 0 && p->blocks[i].count != b->count)
			return tesla_fail(err, -EINVAL,
					  "%s: command %s answers %u characters, but %u to another "
					  "variable",
					  name, b->command, b->count, p->blocks[i].count);
	return 0;
}

static int variable_plan(struct plan *p, const struct tesla_variable *v, size_t index,
			 struct tesla_error *err)
{
	int r = variable_check(v, err);
	struct tesla_block b;

	if (r != 0)
		return r;
	b = (struct tesla_block){ .command = v->elements[0]->command,
				  .count = (uint16_t)(v->n_elements * v->elements[0]->digits),
				  .variable = (int32_t)index };
	r = command_check(p, &b, v->name, err);
	if (r != 0)
		return r;
	p->sizes[p->n_blocks] = v->n_elements;
	p->blocks[p->n_blocks++] = b;
	for (size_t i = 0; i < v->n_elements; i++)
		p->elements[p->n_elements++] =
			(struct element){ v->elements[i], scaling_of(v->elements[i]->scale,
								     v->elements[i]->offset) };
	return 0;
}

static void plan_free(void *self)
{
	struct plan *p = self;

	if (p == NULL)
		return;
	free(p->blocks);
	free(p->sizes);
	free(p->elements);
	free(p);
}

static struct plan *plan_new(const struct tesla_variable *const *wanted, size_t n)
{
	struct plan *p = calloc(1, sizeof *p);
	size_t n_elements = 0;

	if (p == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		n_elements += wanted[i]->n_elements;
	p->blocks = calloc(n + 1, sizeof *p->blocks);
	p->sizes = calloc(n + 1, sizeof *p->sizes);
	p->elements = calloc(n_elements + 1, sizeof *p->elements);
	if (p->blocks != NULL && p->sizes != NULL && p->elements != NULL)
		return p;
	plan_free(p);
	return NULL;
}

static int plan_open(const void *conf, const struct tesla_model *model,
		     const struct tesla_variable *const *wanted, size_t n, void **self,
		     struct tesla_error *err)
{
	struct plan *p = plan_new(wanted, n);
	int r = 0;

	(void)conf;
	if (p == NULL)
		return tesla_fail(err, -ENOMEM, "%s: no memory for %zu variables", model->name, n);
	for (size_t i = 0; i < n && r == 0; i++)
		r = variable_plan(p, wanted[i], i, err);
	if (r != 0)
		plan_free(p);
	else
		*self = p;
	return r;
}

static size_t plan_blocks(const void *self, const struct tesla_block **blocks)
{
	const struct plan *p = self;

	*blocks = p->blocks;
	return p->n_blocks;
}

/* ---- decode: what the text means ---- */

static const struct tesla_element failed = { NAN, TESLA_ERROR };
static const struct tesla_element unavailable = { NAN, TESLA_UNAVAILABLE };

enum field { FIELD_NUMBER, FIELD_NONE, FIELD_BAD };

/* A field without the blanks on both sides. */
struct text {
	const uint8_t *at;
	size_t len;
};

static struct text text_of(const uint8_t *at, size_t len)
{
	for (; len > 0 && *at == ' '; len--)
		at++;
	while (len > 0 && at[len - 1] == ' ')
		len--;
	return (struct text){ at, len };
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* Stars, dashes, letters: the meter shows that it has no number.  A digit among them is damage. */
static bool is_mark(struct text t)
{
	bool any = false;

	for (size_t i = 0; i < t.len; i++) {
		bool mark = is_letter(t.at[i]) || t.at[i] == '*' || t.at[i] == '-';

		if (!mark && t.at[i] != '.' && t.at[i] != ' ')
			return false;
		any = any || mark;
	}
	return any;
}

/* The sign may stand apart: "-    230". */
static double sign_cut(struct text *t)
{
	bool negative = *t->at == '-';

	if (!negative && *t->at != '+')
		return 1;
	*t = text_of(t->at + 1, t->len - 1);
	return negative ? -1 : 1;
}

/* Digits, with a point among them or none: *number = all digits, of which *places are behind it. */
static bool digits_read(struct text t, double *number, int *places)
{
	size_t digits = 0, points = 0;

	*number = 0;
	*places = 0;
	for (size_t i = 0; i < t.len; i++) {
		if (t.at[i] == '.') {
			points++;
			continue;
		}
		if (!is_digit(t.at[i]))
			return false;
		*number = 10 * *number + (t.at[i] - '0');
		*places += points > 0;
		digits++;
	}
	return digits > 0 && points <= 1;
}

static enum field field_read(const uint8_t *at, size_t len, double *number, int *places)
{
	struct text t = text_of(at, len);
	double sign;

	if (t.len == 0 || is_mark(t))
		return FIELD_NONE;
	sign = sign_cut(&t);
	if (!digits_read(t, number, places))
		return FIELD_BAD;
	if (*number != 0) /* zero has no sign */
		*number *= sign;
	return FIELD_NUMBER;
}

static struct tesla_element element_value(const struct element *e, double number, int places)
{
	const struct tesla_register *r = e->reg;
	double value;

	if (r->has_max && fabs(number) > r->max * pow(10, places))
		return unavailable;
	value = scaling_value(&e->scaling, number, -places);
	return isfinite(value) ? (struct tesla_element){ value, TESLA_GOOD } : unavailable;
}

/* False: a field is none, so that the reply is not to be believed, whatever its checksum says. */
static bool fields_decode(const struct element *e, size_t n, const uint8_t *bytes,
			  struct tesla_element *out)
{
	for (size_t i = 0; i < n; i++) {
		double number = 0;
		int places = 0;

		switch (field_read(bytes + i * e[i].reg->digits, e[i].reg->digits, &number,
				   &places)) {
		case FIELD_NUMBER:
			out[i] = element_value(&e[i], number, places);
			break;
		case FIELD_NONE:
			out[i] = unavailable;
			break;
		case FIELD_BAD:
			return false;
		}
	}
	return true;
}

static int plan_decode(const void *self, const struct tesla_reply *replies,
		       struct tesla_element *out, struct tesla_error *err)
{
	const struct plan *p = self;
	const struct element *e = p->elements;

	(void)err;
	for (size_t i = 0; i < p->n_blocks; e += p->sizes[i], out += p->sizes[i], i++) {
		const struct tesla_reply *r = &replies[i];
		bool good = r->status == TESLA_REPLY_OK && r->data != NULL &&
			    r->data->len == p->blocks[i].count &&
			    fields_decode(e, p->sizes[i], r->data->bytes, out);

		for (size_t k = 0; !good && k < p->sizes[i]; k++)
			out[k] = failed;
	}
	return 0;
}

static const struct tesla_data data = {
	.size = sizeof data,
	.takes = TESLA_TAKES_COMMANDS,
	.open = plan_open,
	.blocks = plan_blocks,
	.decode = plan_decode,
	.close = plan_free,
};

TESLA_DATA_PLUGIN("cvmData", PACKAGE_VERSION, &data,
		  .help = "Meters that answer commands with numbers as text: Circutor CVMk.");
