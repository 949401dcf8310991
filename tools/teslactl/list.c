/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer holds, as text for people. */
#include "teslactl/list.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/param.h"
#include "teslactl/ctl.h"

/* A text, a number, or a list of them, as text. */
static void text_add(FILE *out, const msgpack_object *o)
{
	double real;
	int64_t v;

	if (o->type == MSGPACK_OBJECT_STR) {
		(void)fwrite(o->via.str.ptr, 1, o->via.str.size, out);
	} else if (mp_to_int(o, &v)) {
		(void)fprintf(out, "%lld", (long long)v);
	} else if (mp_to_real(o, &real)) {
		(void)fprintf(out, "%.10g", real);
	} else if (o->type == MSGPACK_OBJECT_ARRAY) {
		for (uint32_t i = 0; i < o->via.array.size; i++) {
			const msgpack_object *item = &o->via.array.ptr[i];

			(void)fputs(i ? "," : "", out);
			if (item->type != MSGPACK_OBJECT_ARRAY)
				text_add(out, item);
		}
	}
}

char *text_of(const msgpack_object *o)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	if (o != NULL)
		text_add(out, o);
	(void)fclose(out);
	return text;
}

void bytes_format(double n, char *text, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t u = 0;

	for (; n >= 1024 && u + 1 < N_ELEMENTS(units); u++)
		n /= 1024;
	(void)snprintf(text, size, n < 10 && u > 0 ? "%.1f %s" : "%.0f %s", n, units[u]);
}

static void number_add(struct table *t, double v, enum form form)
{
	char text[32];

	if (form == SHARE && v >= 0) {
		table_addf(t, "%.1f%%", v * 100);
		return;
	}
	if (form == RATE) {
		table_addf(t, v < 10 ? "%.2f/s" : "%.0f/s", v);
		return;
	}
	if (form == SHARE || (form == AGE && v <= 0)) {
		table_add(t, NULL);
		return;
	}
	if (form == AGE)
		age_format(clock_wall_us() / 1000 - (int64_t)v, text, sizeof text);
	else if (form == BYTES)
		bytes_format(v, text, sizeof text);
	else
		duration_format((int64_t)v, text, sizeof text);
	table_add(t, text);
}

/* The elements of a reading, with their labels. */
static char *values_of(const msgpack_object *reading)
{
	char *text = NULL;
	size_t size, n, n_q, n_labels;
	const msgpack_object *v = mp_array(reading, "v", &n), *q = mp_array(reading, "q", &n_q),
			     *labels = mp_array(reading, "labels", &n_labels);
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; out != NULL && i < n; i++) {
		struct tesla_element e = { NAN, TESLA_GOOD };
		_cleanup_free_ char *label = i < n_labels ? mp_to_strdup(&labels[i]) : NULL;
		int64_t quality = q == NULL ? TESLA_GOOD : TESLA_ERROR;

		(void)mp_to_real(&v[i], &e.value);
		(void)mp_to_int(i < n_q ? &q[i] : NULL, &quality);
		e.quality = (enum tesla_quality)quality;
		element_print(out, i ? "  " : "", label ? label : "", &e);
	}
	if (out != NULL)
		(void)fclose(out);
	return text;
}

static void field_add(struct table *t, const msgpack_object *map, const struct field *f)
{
	const msgpack_object *o = mp_get(map, f->key);
	double v;

	if (f->form == FLAG) {
		table_add(t, mp_bool(map, f->key, false) ? "yes" : "no");
	} else if (f->form == VALUES) {
		_cleanup_free_ char *text = values_of(map);

		table_add(t, text);
	} else if (f->form == TEXT || f->form == COUNT || !mp_to_real(o, &v)) {
		_cleanup_free_ char *text = text_of(o);

		table_add(t, text);
	} else {
		number_add(t, v, f->form);
	}
}

void list_row(struct table *t, const struct list *l, const msgpack_object *map)
{
	for (size_t c = 0; c < l->n; c++)
		field_add(t, map, &l->fields[c]);
}

void list_print(const msgpack_object *answer, const struct list *l)
{
	size_t n;
	const msgpack_object *maps = mp_array(answer, l->key, &n);
	struct table t;

	if (n == 0)
		return;
	table_init(&t, l->columns, l->n);
	for (size_t i = 0; i < n; i++)
		list_row(&t, l, &maps[i]);
	(void)puts("");
	table_print(&t, stdout);
	table_release(&t);
}

char *word(const msgpack_object *map, const char *key)
{
	char *text = text_of(mp_get(map, key));

	if (text != NULL && *text == '\0') {
		free(text);
		text = strdup("-");
	}
	if (text == NULL) {
		(void)fputs("teslactl: no memory\n", stderr);
		exit(CTL_NO);
	}
	text_clean(text);
	return text;
}

void texts_print(const msgpack_object *map, const char *key, const char *before)
{
	size_t n;
	const msgpack_object *texts = mp_array(map, key, &n);

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *text = text_of(&texts[i]);

		if (text == NULL)
			continue;
		text_clean(text);
		(void)printf("%s%s\n", before, text);
	}
}
