/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong on request. */
#include "sim/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "sim/text.h"

#define NO_FLAG SIZE_MAX

struct fault_kind {
	const char *name, *help;
	size_t flag;	  /* the bool of struct effect that it sets */
	int64_t ms, code; /* when the user says none */
};

#define FLAG(member) offsetof(struct effect, member)
static const struct fault_kind kinds[] = {
	{ "silent", "no answer", FLAG(silent), 0, 0 },
	{ "late", "the answer comes ms=N later (1000)", NO_FLAG, 1000, 0 },
	{ "checksum", "a wrong checksum; on TCP a wrong unit id", FLAG(checksum), 0, 0 },
	{ "exception", "exception code=N (4)", NO_FLAG, 0, 4 },
	{ "noise", "random bytes before the answer", FLAG(noise), 0, 0 },
	{ "partial", "half of the answer", FLAG(partial), 0, 0 },
	{ "disconnect", "the connection is closed instead; on a pty: silent", FLAG(disconnect), 0,
	  0 },
	{ "double", "the answer comes twice", FLAG(twice), 0, 0 },
	{ "wrong-address", "the answer is another address's", FLAG(wrong_address), 0, 0 },
};

static const struct key {
	const char *name;
	size_t offset;
	int64_t min, max;
} keys[] = {
	{ "address", offsetof(struct fault, address), 0, 255 },
	{ "after", offsetof(struct fault, after), 0, INT64_MAX },
	{ "every", offsetof(struct fault, every), 1, INT64_MAX },
	{ "count", offsetof(struct fault, count), 1, INT64_MAX },
	{ "ms", offsetof(struct fault, ms), 0, 3600000 },
	{ "code", offsetof(struct fault, code), 1, 255 },
};

const char *fault_name(const struct fault *f)
{
	return f->kind->name;
}

void faults_describe(FILE *out)
{
	for (size_t i = 0; i < N_ELEMENTS(kinds); i++)
		(void)fprintf(out, "  %-14s %s\n", kinds[i].name, kinds[i].help);
}

static int number_set(struct fault *f, const struct key *k, const char *value,
		      struct tesla_error *err)
{
	if (text_int(value, k->min, k->max, (int64_t *)(void *)((char *)f + k->offset)))
		return 0;
	return tesla_fail(err, -EINVAL, "%s: \"%s\" is no whole number from %lld to %lld", k->name,
			  value, (long long)k->min, (long long)k->max);
}

static int key_set(struct fault *f, const char *name, const char *value, struct tesla_error *err)
{
	for (size_t i = 0; i < N_ELEMENTS(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return number_set(f, &keys[i], value, err);
	if (strcmp(name, "probability") != 0)
		return tesla_fail(err, -EINVAL,
				  "\"%s\": expected address, after, every, count, "
				  "ms, code or probability",
				  name);
	if (text_real(value, 0, 1, &f->probability))
		return 0;
	return tesla_fail(err, -EINVAL, "probability: \"%s\" is no number from 0 to 1", value);
}

static int fault_parse(char *text, struct fault *ret, struct tesla_error *err)
{
	struct fault f = { .address = -1, .every = 1, .probability = 1 };
	char *rest = text, *name = text_next(&rest, ':'), *item;

	for (size_t i = 0; i < N_ELEMENTS(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			f.kind = &kinds[i];
	if (f.kind == NULL)
		return tesla_fail(err, -EINVAL, "\"%s\" is no kind of fault (see --help)", name);
	f.ms = f.kind->ms;
	f.code = f.kind->code;
	while ((item = text_next(&rest, ',')) != NULL) {
		char *value = item, *key = text_next(&value, '=');
		int r = key_set(&f, key, value ? value : "", err);

		if (r != 0)
			return r;
	}
	*ret = f;
	return 0;
}

int faults_add(struct faults *f, const char *spec, struct tesla_error *err)
{
	_cleanup_free_ char *text = strdup(spec);
	struct fault *grown;
	struct fault fault;
	int r;

	if (text == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	r = fault_parse(text, &fault, err);
	if (r != 0)
		return r;
	grown = realloc(f->list, (f->n + 1) * sizeof *grown);
	if (grown == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	f->list = grown;
	f->list[f->n++] = fault;
	return 0;
}

void faults_clear(struct faults *f)
{
	free(f->list);
	f->list = NULL;
	f->n = 0;
}

/* xorshift64*: the same faults again with the same --seed. */
static uint64_t random_next(uint64_t *state)
{
	*state = *state ? *state : 1;
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

static bool fault_applies(struct fault *f, unsigned address, uint64_t *random)
{
	uint64_t n;

	if (f->address >= 0 && f->address != address)
		return false;
	n = ++f->seen;
	if (n <= (uint64_t)f->after || (n - (uint64_t)f->after) % (uint64_t)f->every != 0)
		return false;
	if (f->count > 0 && f->applied >= (uint64_t)f->count)
		return false;
	if (f->probability < 1 && (double)(random_next(random) >> 11) * 0x1p-53 >= f->probability)
		return false;
	f->applied++;
	return true;
}

static void fault_apply(const struct fault *f, struct effect *fx)
{
	if (f->kind->flag != NO_FLAG)
		*(bool *)((char *)fx + f->kind->flag) = true;
	if (f->code != 0)
		fx->exception = (int)f->code;
	fx->late_us += f->ms * 1000;
}

struct effect faults_next(struct faults *f, unsigned address)
{
	struct effect fx = { 0 };

	for (size_t i = 0; i < f->n; i++)
		if (fault_applies(&f->list[i], address, &f->random))
			fault_apply(&f->list[i], &fx);
	if (fx.noise)
		fx.random = random_next(&f->random);
	return fx;
}
