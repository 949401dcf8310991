/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines.  Reading makes MessagePack of them, which record_parse then checks. */
#include "central/jsonl.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>
#include <yajl/yajl_tree.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/model_tables.h"

#define DEPTH_MAX 8 /* yajl's trees are released by recursion */

/* ---- what of an element stands in which array ---- */

enum column_of { OF_VALUE, OF_MIN, OF_MAX, OF_INCREASE, OF_COUNT, OF_COVERED_MS, OF_QUALITY, N_OF };
static const char *const column_names[N_OF] = {
	"value", "min", "max", "increase", "count", "covered_ms", "quality",
};
static const struct kind { /* in the order of base/record.h */
	const char *name;
	size_t n;
	enum column_of at[6];
} kinds[] = {
	[TESLA_GAUGE] = { "gauge",
			  6,
			  { OF_QUALITY, OF_COUNT, OF_COVERED_MS, OF_VALUE, OF_MIN, OF_MAX } },
	[TESLA_COUNTER] = { "counter",
			    5,
			    { OF_QUALITY, OF_COUNT, OF_COVERED_MS, OF_VALUE, OF_INCREASE } },
	[TESLA_STATUS] = { "status", 4, { OF_QUALITY, OF_COUNT, OF_COVERED_MS, OF_VALUE } },
};

/* ---- reading ---- */

/* Brackets outside of texts; a tree that is too deep never gets made. */
static bool is_shallow(const char *line, size_t len)
{
	bool text = false;
	int depth = 0;

	for (size_t i = 0; i < len; i++) {
		if (text && line[i] == '\\')
			i++;
		else if (line[i] == '"')
			text = !text;
		else if (!text && (line[i] == '{' || line[i] == '['))
			depth++;
		else if (!text && (line[i] == '}' || line[i] == ']'))
			depth--;
		if (depth > DEPTH_MAX)
			return false;
	}
	return true;
}

static yajl_val get(yajl_val map, const char *key)
{
	return yajl_tree_get(map, (const char *[]){ key, NULL }, yajl_t_any);
}

/* The tree has none for what strtod says ERANGE to, as it does to numbers below DBL_MIN, too. */
static void pack_real(msgpack_packer *pk, const char *text)
{
	double v = strtod(text, NULL);

	if (isfinite(v))
		(void)msgpack_pack_double(pk, v);
	else
		(void)msgpack_pack_nil(pk);
}

static void pack_value(msgpack_packer *pk, yajl_val v)
{
	if (YAJL_IS_STRING(v))
		mp_str(pk, YAJL_GET_STRING(v));
	else if (YAJL_IS_INTEGER(v))
		(void)msgpack_pack_int64(pk, YAJL_GET_INTEGER(v));
	else if (YAJL_IS_NUMBER(v))
		pack_real(pk, YAJL_GET_NUMBER(v));
	else
		(void)msgpack_pack_nil(pk); /* missing, or refused by its type further on */
}

static int kind_of(yajl_val variable)
{
	const char *name = YAJL_GET_STRING(get(variable, "kind"));

	for (int k = TESLA_GAUGE; name != NULL && k <= TESLA_STATUS; k++)
		if (strcmp(kinds[k].name, name) == 0)
			return k;
	return 0;
}

static int pack_elements(msgpack_packer *pk, yajl_val variable, const struct kind *kind,
			 const char *name, struct tesla_error *err)
{
	yajl_val columns[6];
	size_t n = 0;

	for (size_t i = 0; i < kind->n; i++) {
		columns[i] = get(variable, column_names[kind->at[i]]);
		if (!YAJL_IS_ARRAY(columns[i]) || (i > 0 && YAJL_GET_ARRAY(columns[i])->len != n))
			return tesla_fail(err, -EBADMSG,
					  "%.40s: \"%s\" is not an array with a number for each "
					  "element",
					  name, column_names[kind->at[i]]);
		n = YAJL_GET_ARRAY(columns[i])->len;
	}
	(void)msgpack_pack_array(pk, n);
	for (size_t e = 0; e < n; e++) {
		(void)msgpack_pack_array(pk, kind->n);
		for (size_t i = 0; i < kind->n; i++)
			pack_value(pk, YAJL_GET_ARRAY(columns[i])->values[e]);
	}
	return 0;
}

static int pack_variable(msgpack_packer *pk, const char *name, yajl_val variable,
			 struct tesla_error *err)
{
	int kind = kind_of(variable);

	if (kind == 0)
		return tesla_fail(err, -EBADMSG,
				  "%.40s: expected \"kind\" gauge, counter or status", name);
	(void)msgpack_pack_array(pk, 5);
	mp_str(pk, name);
	pack_value(pk, get(variable, "unit"));
	(void)msgpack_pack_int(pk, kind);
	if (get(variable, "factor") != NULL)
		pack_value(pk, get(variable, "factor"));
	else
		(void)msgpack_pack_int(pk, 1);
	return pack_elements(pk, variable, &kinds[kind], name, err);
}

static int pack_record(msgpack_packer *pk, yajl_val record, struct tesla_error *err)
{
	static const char *const head[] = { "analyzer", "start_ms", "end_ms", "model", "identity" };
	yajl_val variables = get(record, "variables");
	int r = 0;

	if (!YAJL_IS_OBJECT(variables))
		return tesla_fail(err, -EBADMSG, "expected a record, with a map \"variables\"");
	(void)msgpack_pack_array(pk, 2 + N_ELEMENTS(head));
	(void)msgpack_pack_int(pk, RECORD_VERSION);
	for (size_t i = 0; i < N_ELEMENTS(head); i++)
		pack_value(pk, get(record, head[i]));
	(void)msgpack_pack_array(pk, YAJL_GET_OBJECT(variables)->len);
	for (size_t i = 0; i < YAJL_GET_OBJECT(variables)->len && r == 0; i++)
		r = pack_variable(pk, YAJL_GET_OBJECT(variables)->keys[i],
				  YAJL_GET_OBJECT(variables)->values[i], err);
	return r;
}

static int read_tree(yajl_val tree, struct arena *memory, struct jsonl_record *ret,
		     struct tesla_error *err)
{
	yajl_val record = get(tree, "record"), node = get(tree, "node");
	msgpack_packer pk;
	struct buf b;
	int r;

	buf_init(&b, JSONL_LINE_MAX);
	mp_writer(&pk, &b);
	*ret = (struct jsonl_record){ .node = arena_strdup(memory, YAJL_GET_STRING(node)) };
	r = pack_record(&pk, record != NULL ? record : tree, err);
	if (r == 0 && (b.failed || memory->failed))
		r = tesla_fail(err, -ENOMEM, "no memory");
	if (r == 0)
		r = record_parse(b.pub.bytes, b.pub.len, memory, &ret->record, err);
	buf_release(&b);
	return r;
}

static int not_json(struct tesla_error *err, char *why)
{
	why[strcspn(why, "\n")] = '\0'; /* then it draws an arrow */
	return tesla_fail(err, -EBADMSG, "no JSON: %s", why[0] != '\0' ? why : "nothing is there");
}

int jsonl_read(const char *line, size_t len, struct arena *memory, struct jsonl_record *ret,
	       struct tesla_error *err)
{
	_cleanup_free_ char *text = NULL;
	char why[200] = "";
	yajl_val tree;
	int r;

	if (len > JSONL_LINE_MAX)
		return tesla_fail(err, -EMSGSIZE, "a line of %zu bytes: at most %zu", len,
				  JSONL_LINE_MAX);
	if (!is_shallow(line, len))
		return tesla_fail(err, -EBADMSG, "nested more than %d deep", DEPTH_MAX);
	text = strndup(line, len);
	if (text == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	if (strlen(text) != len || strstr(text, "\\u0000") != NULL)
		return tesla_fail(err, -EBADMSG, "it has a NUL");
	tree = yajl_tree_parse(text, why, sizeof why);
	if (tree == NULL)
		return not_json(err, why);
	r = read_tree(tree, memory, ret, err);
	yajl_tree_free(tree);
	return r;
}

/* ---- writing ---- */

/* The generator remembers what went wrong: a text that is not UTF-8. */
static bool gen_text(yajl_gen g, const char *text)
{
	return yajl_gen_string(g, (const unsigned char *)text, strlen(text)) == yajl_gen_status_ok;
}

static void gen_of(yajl_gen g, const struct tesla_record_element *e, enum column_of of)
{
	const double reals[] = { e->value, e->min, e->max, e->increase };

	if (of <= OF_INCREASE)
		(void)json_number(g, reals[of]);
	else
		(void)yajl_gen_integer(g, of == OF_COUNT	? (long long)e->count
					  : of == OF_COVERED_MS ? (long long)e->covered_ms
								: (long long)e->quality);
}

static bool gen_variable(yajl_gen g, const struct tesla_record_variable *v)
{
	const struct kind *kind = &kinds[v->kind];
	bool good = gen_text(g, v->name) && yajl_gen_map_open(g) == yajl_gen_status_ok;

	good = good && gen_text(g, "unit") && gen_text(g, v->unit) && gen_text(g, "kind") &&
	       gen_text(g, kind->name);
	if (good && v->predecessor_factor != 1) {
		good = gen_text(g, "factor");
		(void)json_number(g, v->predecessor_factor);
	}
	for (size_t i = 0; i < kind->n && good; i++) {
		good = gen_text(g, column_names[kind->at[i]]);
		(void)yajl_gen_array_open(g);
		for (size_t e = 0; e < v->n_elements; e++)
			gen_of(g, &v->elements[e], kind->at[i]);
		(void)yajl_gen_array_close(g);
	}
	return good && yajl_gen_map_close(g) == yajl_gen_status_ok;
}

static void gen_int(yajl_gen g, const char *key, int64_t v)
{
	(void)gen_text(g, key);
	(void)yajl_gen_integer(g, v);
}

static bool gen_line(yajl_gen g, const char *node, const struct record *r)
{
	bool good;

	(void)yajl_gen_map_open(g);
	good = gen_text(g, "node") && gen_text(g, node) && gen_text(g, "record");
	(void)yajl_gen_map_open(g);
	gen_int(g, "analyzer", r->analyzer);
	gen_int(g, "start_ms", r->start_ms);
	gen_int(g, "end_ms", r->end_ms);
	good = good && gen_text(g, "model") && gen_text(g, r->model) && gen_text(g, "identity");
	if (r->identity == NULL)
		(void)yajl_gen_null(g);
	else
		good = good && gen_text(g, r->identity);
	(void)gen_text(g, "variables");
	(void)yajl_gen_map_open(g);
	for (size_t i = 0; i < r->n_variables && good; i++)
		good = gen_variable(g, r->variables[i]);
	(void)yajl_gen_map_close(g);
	(void)yajl_gen_map_close(g);
	return yajl_gen_map_close(g) == yajl_gen_status_ok && good;
}

int jsonl_write(FILE *out, const char *node, const struct record *r, struct tesla_error *err)
{
	yajl_gen g = yajl_gen_alloc(NULL);
	const unsigned char *text;
	size_t len;
	int rc = 0;

	if (g == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	(void)yajl_gen_config(g, yajl_gen_validate_utf8, 1);
	if (!gen_line(g, node, r) || yajl_gen_get_buf(g, &text, &len) != yajl_gen_status_ok)
		rc = tesla_fail(err, -EINVAL,
				"a record of analyzer %lld cannot be written as JSON: a text in it "
				"is not UTF-8",
				(long long)r->analyzer);
	else if (fwrite(text, 1, len, out) != len || putc('\n', out) == EOF)
		rc = tesla_fail(err, -EIO, "standard output: %s", strerror(errno));
	yajl_gen_free(g);
	return rc;
}
