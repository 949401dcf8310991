/* SPDX-License-Identifier: Apache-2.0 */
/* Live readings, in and out. */
#include "central/readings.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mp.h"

/* ---- what is too much ---- */

bool reading_text_fits(const char *text)
{
	return text == NULL || strnlen(text, READINGS_TEXT + 1) <= READINGS_TEXT;
}

bool reading_fits(const struct tesla_client_reading *r)
{
	if (r->n_elements > READINGS_ELEMENTS || r->variable == NULL || r->variable[0] == '\0' ||
	    !reading_text_fits(r->variable) || !reading_text_fits(r->unit) ||
	    !reading_text_fits(r->error))
		return false;
	for (size_t i = 0; r->labels != NULL && i < r->n_elements; i++)
		if (!reading_text_fits(r->labels[i]))
			return false;
	return true;
}

/* ---- in ---- */

static void state_release(struct readings_state *s)
{
	free(s->state);
	free(s->reason);
}

void readings_release(struct readings *in)
{
	for (size_t i = 0; i < in->n; i++)
		reading_release(&in->list[i]);
	for (size_t i = 0; i < in->n_states; i++)
		state_release(&in->states[i]);
	free(in->list);
	free(in->states);
	free(in->node);
	*in = (struct readings){ 0 };
}

static int rows_find(const msgpack_object *body, const char *key, size_t max,
		     const msgpack_object **rows, size_t *n, struct tesla_error *err)
{
	const msgpack_object *o = mp_get(body, key);

	*rows = mp_array(body, key, n);
	if (o != NULL && o->type != MSGPACK_OBJECT_NIL && *rows == NULL && *n == 0 &&
	    o->type != MSGPACK_OBJECT_ARRAY)
		return tesla_fail(err, -EBADMSG, "%s: expected a list", key);
	if (*n > max)
		return tesla_fail(err, -EMSGSIZE, "%s: %zu of them: expected at most %zu", key, *n,
				  max);
	return 0;
}

static int take_readings(const msgpack_object *body, struct readings *in, struct tesla_error *err)
{
	const msgpack_object *rows;
	size_t n;

	if (rows_find(body, "readings", READINGS_MAX, &rows, &n, err) != 0)
		return err->code;
	in->list = calloc(n + 1, sizeof *in->list);
	if (in->list == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	for (size_t i = 0; i < n; i++) {
		struct reading *r = &in->list[in->n];
		int got = reading_parse_row(r, &rows[i], in->epoch_ms, err);

		if (got == -ENOMEM)
			return got;
		if (got == 0 && reading_fits(&r->pub)) {
			in->n++;
			continue;
		}
		reading_release(r);
		in->n_bad++;
	}
	return 0;
}

static bool state_take(const msgpack_object *row, struct readings_state *s)
{
	s->state = mp_strdup(row, "state");
	s->reason = mp_strdup(row, "reason");
	return mp_to_int(mp_get(row, "analyzer"), &s->analyzer) && s->analyzer > 0 &&
	       mp_to_int(mp_get(row, "t"), &s->t_ms) && s->state != NULL &&
	       reading_text_fits(s->state) && reading_text_fits(s->reason);
}

static int take_states(const msgpack_object *body, struct readings *in, struct tesla_error *err)
{
	const msgpack_object *rows;
	size_t n;

	if (rows_find(body, "status", READINGS_STATES, &rows, &n, err) != 0)
		return err->code;
	in->states = calloc(n + 1, sizeof *in->states);
	if (in->states == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	for (size_t i = 0; i < n; i++) {
		struct readings_state s = { 0 };

		if (state_take(&rows[i], &s)) {
			in->states[in->n_states++] = s;
			continue;
		}
		state_release(&s);
		in->n_bad++;
	}
	return 0;
}

static int take_head(const msgpack_object *body, struct readings *in, struct tesla_error *err)
{
	const msgpack_object *node = mp_get(body, "node");

	if (body->type != MSGPACK_OBJECT_MAP)
		return tesla_fail(err, -EBADMSG, "expected a map");
	if (!mp_to_int(mp_get(body, "e"), &in->epoch_ms) || in->epoch_ms <= 0)
		return tesla_fail(err, -EBADMSG, "e: expected when the sender started, in ms");
	if (node == NULL || node->type == MSGPACK_OBJECT_NIL)
		return 0;
	in->node = mp_to_strdup(node);
	return in->node != NULL ? 0 : tesla_fail(err, -EBADMSG, "node: expected a text");
}

int readings_read(const msgpack_object *body, struct readings *in, struct tesla_error *err)
{
	int r;

	*in = (struct readings){ 0 };
	r = take_head(body, in, err);
	if (r == 0)
		r = take_readings(body, in, err);
	if (r == 0)
		r = take_states(body, in, err);
	if (r != 0)
		readings_release(in);
	return r;
}

/* ---- out ---- */

static bool all_good(const struct tesla_client_reading *r)
{
	for (size_t i = 0; i < r->n_elements; i++)
		if (r->elements[i].quality != TESLA_GOOD)
			return false;
	return true;
}

static void pack_values(msgpack_packer *pk, const struct tesla_client_reading *r)
{
	mp_str(pk, "v");
	(void)msgpack_pack_array(pk, r->n_elements);
	for (size_t i = 0; i < r->n_elements; i++)
		if (isfinite(r->elements[i].value))
			(void)msgpack_pack_double(pk, r->elements[i].value);
		else
			(void)msgpack_pack_nil(pk);
	if (all_good(r))
		return;
	mp_str(pk, "q");
	(void)msgpack_pack_array(pk, r->n_elements);
	for (size_t i = 0; i < r->n_elements; i++)
		(void)msgpack_pack_int(pk, (int)r->elements[i].quality);
}

void reading_pack(msgpack_packer *pk, const struct tesla_client_reading *r,
		  const struct reading_form *form)
{
	bool labels = form->labels && r->labels != NULL;

	(void)msgpack_pack_map(pk, 9u + (form->node != NULL) + !all_good(r) + (r->error != NULL) +
					   labels + form->stale);
	if (form->node != NULL)
		mp_key_str(pk, "node", form->node);
	mp_key_int(pk, "analyzer", r->analyzer);
	mp_key_str(pk, "variable", r->variable);
	mp_key_int(pk, "t", r->t_ms);
	mp_key_real(pk, "dt", r->dt_ms);
	mp_key_int(pk, "e", r->epoch_ms);
	mp_key_int(pk, "n", (int64_t)r->n);
	mp_key_int(pk, "k", (int64_t)r->k);
	mp_key_str(pk, "u", r->unit);
	pack_values(pk, r);
	if (r->error != NULL)
		mp_key_str(pk, "x", r->error);
	if (labels) {
		mp_str(pk, "labels");
		(void)msgpack_pack_array(pk, r->n_elements);
		for (size_t i = 0; i < r->n_elements; i++)
			mp_str(pk, r->labels[i]);
	}
	if (form->stale)
		mp_key_bool(pk, "stale", true);
}
