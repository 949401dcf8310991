/* SPDX-License-Identifier: Apache-2.0 */
/* A record as the predecessor posts it: times, values in its units, model. */
#include "form.h"

#include <curl/curl.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "instant.h"
#include "records.h"
#include "rest.h"
#include "text.h"
#include "verdict.h"

static bool all_good(const struct tesla_record_variable *v)
{
	for (size_t i = 0; i < v->n_elements; i++)
		if (v->elements[i].quality != TESLA_GOOD)
			return false;
	return v->n_elements > 0;
}

/* -EINVAL: a value that is no number in the predecessor's unit. */
static int lectura_add(yajl_gen g, const struct tesla_record_variable *v)
{
	yajl_gen_status s = yajl_gen_string(g, (const unsigned char *)v->name, strlen(v->name));

	if (s == yajl_gen_status_ok)
		s = yajl_gen_array_open(g);
	for (size_t i = 0; i < v->n_elements && s == yajl_gen_status_ok; i++) {
		double value = tesla_predecessor_value(v, v->elements[i].value);
		char text[NUMBER_SIZE];

		if (!isfinite(value))
			return -EINVAL;
		text_number(text, value);
		s = yajl_gen_number(g, text, strlen(text));
	}
	if (s == yajl_gen_status_ok)
		s = yajl_gen_array_close(g);
	return s == yajl_gen_status_ok ? 0 : -EILSEQ;
}

static int lectura_make(const struct tesla_item *record, yajl_gen g, struct tesla_verdict *v)
{
	size_t n = 0;

	(void)yajl_gen_map_open(g);
	for (size_t i = 0; i < record->n_variables; i++) {
		const struct tesla_record_variable *var = record->variables[i];
		int r = all_good(var) ? (n++, lectura_add(g, var)) : 0;

		if (r != 0) {
			verdict_reject(v, r, "%.60s: %s", var->name,
				       r == -EINVAL ? "not a number" : "a name that is not UTF-8");
			return -EINVAL;
		}
	}
	(void)yajl_gen_map_close(g);
	if (n > 0)
		return 0;
	verdict_reject(v, -ENODATA, "no good value");
	return -EINVAL;
}

/* As HTML's forms are encoded; a blank is a plus.  For curl_free(). */
static char *field_escape(const char *text)
{
	char *field = curl_easy_escape(NULL, text, 0), *to = field;

	for (const char *from = field; from != NULL && *from != '\0'; to++) {
		bool blank = strncmp(from, "%20", 3) == 0;

		*to = blank ? '+' : *from;
		from += blank ? 3 : 1;
	}
	if (to != NULL)
		*to = '\0';
	return field;
}

static int fields_join(const char *const fields[4], char **body)
{
	static const char form[] = "DATA_HORA=%s&LECTURA=%s&MODEL=%s&DATA_UTC=%s";
	char *escaped[4];
	int len = -1;

	for (size_t i = 0; i < 4; i++)
		escaped[i] = field_escape(fields[i]);
	if (escaped[0] && escaped[1] && escaped[2] && escaped[3])
		len = asprintf(body, form, escaped[0], escaped[1], escaped[2], escaped[3]);
	for (size_t i = 0; i < 4; i++)
		curl_free(escaped[i]);
	return len < 0 ? -ENOMEM : 0;
}

static int form_fill(const struct tesla_item *record, yajl_gen g, char **body,
		     struct tesla_verdict *v)
{
	char local[INSTANT_SIZE], utc[INSTANT_SIZE];
	const char *fields[4] = { local, NULL, record->model ? record->model : "", utc };
	const unsigned char *lectura;
	size_t len;
	int r = lectura_make(record, g, v);

	if (r != 0)
		return r;
	if (!instant_local(record->t_ms, local) || !instant_utc(record->t_ms, utc)) {
		verdict_reject(v, -ERANGE, "the end of its window is out of range: %lld ms",
			       (long long)record->t_ms);
		return -EINVAL;
	}
	if (yajl_gen_get_buf(g, &lectura, &len) != yajl_gen_status_ok)
		return -ENOMEM;
	fields[1] = (const char *)lectura;
	r = fields_join(fields, body);
	if (r != 0 || record_fits(strlen(*body), v))
		return r;
	free(*body);
	return -EINVAL;
}

int form_make(const struct tesla_item *record, char **body, struct tesla_verdict *v)
{
	yajl_gen g;
	int r;

	if (!record_is_sound(record, v))
		return -EINVAL;
	g = yajl_gen_alloc(NULL);
	if (g == NULL)
		return -ENOMEM;
	(void)yajl_gen_config(g, yajl_gen_validate_utf8, 1);
	r = form_fill(record, g, body, v);
	yajl_gen_free(g);
	return r;
}
