/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON object a line: all that a record says, in base units; what there is not is left out. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "format.h"

/* yajl's status is sticky here: the first that is not right is kept. */
struct json {
	yajl_gen gen;
	yajl_gen_status status;
};

static void json_did(struct json *j, yajl_gen_status s)
{
	if (j->status == yajl_gen_status_ok)
		j->status = s;
}

static void json_text(struct json *j, const char *text)
{
	json_did(j, yajl_gen_string(j->gen, (const unsigned char *)text, strlen(text)));
}

static void json_number(struct json *j, double value)
{
	char text[FORMAT_NUMBER_MAX];

	format_number_text(value, text);
	json_did(j, yajl_gen_number(j->gen, text, strlen(text)));
}

static void json_pair(struct json *j, const char *key, const char *text)
{
	json_text(j, key);
	json_text(j, text);
}

static void json_element(struct json *j, const struct tesla_record_variable *v,
			 const struct tesla_record_element *e)
{
	struct format_number numbers[FORMAT_NUMBERS];
	size_t n = format_numbers(v, e, numbers);

	json_did(j, yajl_gen_map_open(j->gen));
	for (size_t i = 0; i < n; i++) {
		if (isnan(numbers[i].value))
			continue;
		json_text(j, numbers[i].name);
		json_number(j, numbers[i].value);
	}
	json_pair(j, "quality", format_quality_name(format_quality(e)));
	json_did(j, yajl_gen_map_close(j->gen));
}

static void json_variable(struct json *j, const struct tesla_record_variable *v)
{
	json_text(j, v->name);
	json_did(j, yajl_gen_map_open(j->gen));
	json_pair(j, "unit", v->unit ? v->unit : "");
	json_text(j, "elements");
	json_did(j, yajl_gen_array_open(j->gen));
	for (size_t i = 0; i < v->n_elements; i++)
		json_element(j, v, &v->elements[i]);
	json_did(j, yajl_gen_array_close(j->gen));
	json_did(j, yajl_gen_map_close(j->gen));
}

static void json_record(struct json *j, const struct tesla_item *item, const struct moment *start,
			const struct moment *end)
{
	json_did(j, yajl_gen_map_open(j->gen));
	json_pair(j, "time", end->iso);
	json_pair(j, "start", start->iso);
	json_text(j, "variables");
	json_did(j, yajl_gen_map_open(j->gen));
	for (size_t i = 0; i < item->n_variables; i++)
		json_variable(j, item->variables[i]);
	json_did(j, yajl_gen_map_close(j->gen));
	json_did(j, yajl_gen_map_close(j->gen));
}

static void json_print(void *out, const char *text, size_t len)
{
	(void)fwrite(text, 1, len, out);
}

static int jsonl_line(FILE *out, const struct tesla_item *item, const struct moment *end)
{
	struct json j = { .gen = yajl_gen_alloc(NULL), .status = yajl_gen_status_ok };
	struct moment start;

	if (j.gen == NULL)
		return -ENOMEM;
	(void)yajl_gen_config(j.gen, yajl_gen_print_callback, json_print, out);
	(void)yajl_gen_config(j.gen, yajl_gen_validate_utf8, 1);
	if (moment_at(item->start_ms, &start))
		json_record(&j, item, &start, end);
	else
		j.status = yajl_gen_in_error_state;
	yajl_gen_free(j.gen);
	(void)fputc('\n', out);
	return j.status == yajl_gen_status_ok ? 0 : -EBADMSG;
}

static void jsonl_header(FILE *out, const struct tesla_item *item)
{
	(void)out, (void)item;
}

const struct format format_jsonl = {
	.ext = "jsonl", .has_units = true, .header = jsonl_header, .line = jsonl_line
};
