/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of which set a record is.  Those of an analyzer are told apart by a hash of what they mean.  A
 * client chooses that, so the hash has a key that it cannot know.
 */
#include <string.h>
#include <sys/random.h>

#include "central/store_internal.h"

void form_key_init(struct sets *sets)
{
	if (getrandom(&sets->form_key, sizeof sets->form_key, GRND_NONBLOCK) !=
	    sizeof sets->form_key)
		sets->form_key = UINT64_C(0x9e3779b97f4a7c15);
	sets->form_key |= 1;
}

static uint64_t mix(uint64_t h, uint64_t key, uint64_t v)
{
	h = (h ^ v) * key;
	return h ^ h >> 32;
}

/* With its end, or "ab", "c" were "a", "bc". */
static uint64_t mix_text(uint64_t h, uint64_t key, const char *text)
{
	do
		h = mix(h, key, (uint8_t)*text);
	while (*text++ != '\0');
	return h;
}

static uint64_t mix_variable(uint64_t h, uint64_t key, const struct set_variable *v)
{
	double factor = v->factor + 0.0; /* -0 is 0 */
	uint64_t bits;

	memcpy(&bits, &factor, sizeof bits);
	h = mix(mix(h, key, bits), key, v->n_elements << 8 | (uint64_t)v->kind);
	return mix_text(mix_text(h, key, v->name), key, v->unit);
}

static uint64_t mix_begin(const struct sets *sets, const char *model, const char *identity)
{
	uint64_t h = mix_text(0, sets->form_key, model);

	return mix_text(h, sets->form_key, identity != NULL ? identity : "");
}

uint64_t form_of_set(const struct sets *sets, const struct set *set)
{
	uint64_t h = mix_begin(sets, set->model, set->identity);

	for (size_t i = 0; i < set->n_variables; i++)
		h = mix_variable(h, sets->form_key, &set->variables[i]);
	return h;
}

static uint64_t form_of_record(const struct sets *sets, const struct record *r)
{
	uint64_t h = mix_begin(sets, r->model, r->identity);

	for (size_t i = 0; i < r->n_variables; i++) {
		const struct tesla_record_variable *v = r->variables[i];

		h = mix_variable(h, sets->form_key,
				 &(struct set_variable){ .name = v->name,
							 .unit = v->unit,
							 .kind = v->kind,
							 .factor = v->predecessor_factor,
							 .n_elements = v->n_elements });
	}
	return h;
}

static bool same_variable(const struct set_variable *a, const struct tesla_record_variable *b)
{
	return a->kind == b->kind && a->n_elements == b->n_elements &&
	       a->factor == b->predecessor_factor && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->unit, b->unit) == 0;
}

static bool is_of(const struct set *set, const struct record *r)
{
	const char *identity = r->identity != NULL ? r->identity : "";

	if (set->n_variables != r->n_variables || strcmp(set->model, r->model) != 0 ||
	    strcmp(set->identity != NULL ? set->identity : "", identity) != 0)
		return false;
	for (size_t i = 0; i < set->n_variables; i++)
		if (!same_variable(&set->variables[i], r->variables[i]))
			return false;
	return true;
}

const struct set *set_look_up(const struct sets *sets, const struct who *who,
			      const struct record *r)
{
	const struct set *set = who != NULL ? who->newest_set : NULL;
	uint64_t form;

	if (set == NULL || is_of(set, r)) /* as nearly always */
		return set;
	form = form_of_record(sets, r);
	do
		set = set->older;
	while (set != NULL && (set->form != form || !is_of(set, r)));
	return set;
}
