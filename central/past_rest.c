/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer of the predecessor: {"ResultSet": {"Lectures": [{"dataHora", "descripcio", "unitats",
 * "valor", "variable"}]}}, valor a number or an array of them.  Read piece by piece: it may be of
 * years.
 */
#include <errno.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/cleanup.h"
#include "central/past_internal.h"

#define TEXT_MAX 64
#define ELEMENTS 64
#define NUMBER_CHARS 32
#define PIECE 65536

enum depth { OUTSIDE, IN_ANSWER, IN_RESULT, IN_LIST, IN_READING, IN_VALUES };

struct rest {
	struct past *past;
	struct tesla_error *err;
	int r; /* what ended it */
	enum depth depth;
	char key[TEXT_MAX];
	uint64_t n; /* readings so far */
	bool complete;
	/* the reading */
	char time[TEXT_MAX], variable[TEXT_MAX];
	size_t n_values;
	bool too_many;
	char values[ELEMENTS][NUMBER_CHARS];
};

static int form_fail(struct rest *p)
{
	if (p->r == 0)
		p->r = tesla_fail(p->err, -EBADMSG,
				  "it is no answer of history/load: behind reading %llu",
				  (unsigned long long)p->n);
	return 0;
}

/* A longer one is none that anybody knows. */
static void keep(char text[TEXT_MAX], const unsigned char *from, size_t len)
{
	len = len < TEXT_MAX ? len : TEXT_MAX - 1;
	memcpy(text, from, len);
	text[len] = '\0';
}

/* ---- what yajl tells ---- */

static int on_key(void *arg, const unsigned char *text, size_t len)
{
	struct rest *p = arg;

	keep(p->key, text, len);
	return 1;
}

static int on_map(void *arg)
{
	struct rest *p = arg;

	if (p->depth == OUTSIDE && !p->complete)
		p->depth = IN_ANSWER;
	else if (p->depth == IN_ANSWER && strcmp(p->key, "ResultSet") == 0)
		p->depth = IN_RESULT;
	else if (p->depth == IN_LIST)
		p->depth = IN_READING;
	else
		return form_fail(p);
	if (p->depth == IN_READING) {
		p->n++;
		p->time[0] = p->variable[0] = '\0';
		p->n_values = 0;
		p->too_many = false;
	}
	return 1;
}

static int give(struct rest *p)
{
	struct past_value v = { .at = p->n, .time = p->time, .variable = p->variable };

	if (p->time[0] == '\0' || p->variable[0] == '\0' || p->n_values == 0 || p->too_many) {
		past_refuse(p->past, p->n, "expected dataHora, variable and valor");
		return 1;
	}
	for (v.element = 0; v.element < p->n_values && p->r == 0; v.element++) {
		v.value = p->values[v.element];
		p->r = past_add(p->past, &v, p->err);
	}
	return p->r == 0;
}

static int on_map_end(void *arg)
{
	struct rest *p = arg;
	bool reading = p->depth == IN_READING;

	p->depth--;
	p->complete = p->depth == OUTSIDE;
	return reading ? give(p) : 1;
}

static int on_array(void *arg)
{
	struct rest *p = arg;

	if (p->depth == IN_RESULT && strcmp(p->key, "Lectures") == 0)
		p->depth = IN_LIST;
	else if (p->depth == IN_READING && strcmp(p->key, "valor") == 0 && p->n_values == 0)
		p->depth = IN_VALUES;
	else
		return form_fail(p);
	return 1;
}

static int on_array_end(void *arg)
{
	struct rest *p = arg;

	p->depth--;
	return 1;
}

static int add_value(struct rest *p, const char *text, size_t len)
{
	if (p->depth != IN_VALUES &&
	    (p->depth != IN_READING || strcmp(p->key, "valor") != 0 || p->n_values != 0))
		return p->depth == IN_READING ? 1 : form_fail(p);
	if (p->n_values == ELEMENTS || len >= NUMBER_CHARS) {
		p->too_many = true;
		return 1;
	}
	memcpy(p->values[p->n_values], text, len);
	p->values[p->n_values++][len] = '\0';
	return 1;
}

static int on_number(void *arg, const char *text, size_t len)
{
	return add_value(arg, text, len);
}

static int on_null(void *arg)
{
	return add_value(arg, "", 0);
}

static int on_bool(void *arg, int value)
{
	(void)value;
	return form_fail(arg);
}

static int on_text(void *arg, const unsigned char *text, size_t len)
{
	struct rest *p = arg;

	if (p->depth != IN_READING)
		return form_fail(p);
	if (strcmp(p->key, "dataHora") == 0)
		keep(p->time, text, len);
	else if (strcmp(p->key, "variable") == 0)
		keep(p->variable, text, len);
	else if (strcmp(p->key, "valor") == 0)
		p->too_many = true;
	return 1;
}

static const yajl_callbacks callbacks = { .yajl_null = on_null,
					  .yajl_boolean = on_bool,
					  .yajl_number = on_number,
					  .yajl_string = on_text,
					  .yajl_start_map = on_map,
					  .yajl_map_key = on_key,
					  .yajl_end_map = on_map_end,
					  .yajl_start_array = on_array,
					  .yajl_end_array = on_array_end };

/* ---- the file ---- */

static int not_json(struct rest *p)
{
	if (p->r == 0)
		p->r = tesla_fail(p->err, -EBADMSG,
				  "it is no JSON, or ends in the middle: behind "
				  "reading %llu",
				  (unsigned long long)p->n);
	return p->r;
}

static int feed(struct rest *p, yajl_handle y, FILE *file)
{
	unsigned char bytes[PIECE];
	size_t n;

	while ((n = fread(bytes, 1, sizeof bytes, file)) > 0)
		if (yajl_parse(y, bytes, n) != yajl_status_ok)
			return not_json(p);
	if (ferror(file))
		return tesla_fail(p->err, -EIO, "%s", strerror(errno));
	return yajl_complete_parse(y) == yajl_status_ok && p->complete ? 0 : not_json(p);
}

int past_read_rest(struct past *past, FILE *file, struct tesla_error *err)
{
	struct rest *p = calloc(1, sizeof *p);
	yajl_handle y = p != NULL ? yajl_alloc(&callbacks, NULL, p) : NULL;
	int r = -ENOMEM;

	if (y == NULL) {
		(void)tesla_fail(err, r, "no memory");
	} else {
		p->past = past;
		p->err = err;
		r = feed(p, y, file);
		yajl_free(y);
	}
	free(p);
	return r;
}
