/* SPDX-License-Identifier: Apache-2.0 */
/* Tables to bytes.  By hand: a series has a hundred thousand numbers. */
#include "central/table.h"

#include <endian.h>
#include <math.h>
#include <string.h>

#include "base/mp.h"
#include "base/number.h"
#include "central/query.h"

#define CELL_MAX 40u /* a number or a moment, with its quotes and what is between two */

static void put(struct buf *out, const char *text)
{
	(void)buf_append(out, text, strlen(text));
}

/* ---- JSON ---- */

void table_json_text(const char *text, struct buf *out)
{
	static const char hex[] = "0123456789abcdef";
	size_t len = strlen(text), plain = 0;

	put(out, "\"");
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		char escaped[7] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15], '\0' };

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		(void)buf_append(out, text + plain, i - plain);
		if (c < 0x20) {
			put(out, escaped);
		} else {
			escaped[1] = (char)c;
			(void)buf_append(out, escaped, 2);
		}
		plain = i + 1;
	}
	(void)buf_append(out, text + plain, len - plain);
	put(out, "\"");
}

static size_t time_put(int64_t ms, bool iso, bool quoted, char *at)
{
	size_t len = 0;

	if (!iso)
		return number_int_text(ms, at);
	if (quoted)
		at[len++] = '"';
	len += moment_text(ms, at + len);
	if (quoted)
		at[len++] = '"';
	return len;
}

/* A cell that is no text; `none` is what stands for nothing. */
static size_t cell_put(const struct table *t, size_t column, union table_cells cells, size_t row,
		       char *at)
{
	const char *none = t->form == TABLE_JSON ? "null" : "";
	enum table_type type = t->columns[column].type;

	if (type == TABLE_REAL ? !isfinite(cells.reals[row]) : cells.ints[row] == INT64_MIN) {
		memcpy(at, none, strlen(none));
		return strlen(none);
	}
	switch (type) {
	case TABLE_REAL:
		return number_text(cells.reals[row], at);
	case TABLE_TIME:
		return time_put(cells.ints[row], t->iso, t->form == TABLE_JSON, at);
	default:
		return number_int_text(cells.ints[row], at);
	}
}

static void csv_text(const char *text, struct buf *out)
{
	if (text[strcspn(text, ",\"\r\n")] == '\0') {
		put(out, text);
		return;
	}
	put(out, "\"");
	for (const char *quote; (quote = strchr(text, '"')) != NULL; text = quote + 1) {
		(void)buf_append(out, text, (size_t)(quote - text));
		put(out, "\"\"");
	}
	put(out, text);
	put(out, "\"");
}

static void text_put(const struct table *t, const char *text, struct buf *out)
{
	if (text == NULL)
		put(out, t->form == TABLE_JSON ? "null" : "");
	else if (t->form == TABLE_JSON)
		table_json_text(text, out);
	else
		csv_text(text, out);
}

static void row_put(struct table *t, const union table_cells *cells, size_t row, struct buf *out)
{
	bool json = t->form == TABLE_JSON;

	if (json)
		put(out, t->some ? ",[" : "[");
	else if (t->series != NULL)
		csv_text(t->series, out);
	t->some = true;
	for (size_t i = 0; i < t->n_columns; i++) {
		char *at;

		if (i > 0 || (!json && t->series != NULL))
			put(out, ",");
		if (t->columns[i].type == TABLE_TEXT) {
			text_put(t, cells[i].texts[row], out);
			continue;
		}
		at = (char *)buf_reserve(out, CELL_MAX);
		if (at == NULL)
			return;
		buf_advance(out, cell_put(t, i, cells[i], row, at));
	}
	put(out, json ? "]" : "\n");
}

static const char *name_of(const struct table *t, size_t i)
{
	const struct table_column *c = &t->columns[i];

	return t->iso && t->form != TABLE_MSGPACK && c->iso_name != NULL ? c->iso_name : c->name;
}

static void json_open(const struct table *t, const struct table_label *labels, size_t n,
		      struct buf *out)
{
	char number[NUMBER_TEXT];

	put(out, "{");
	for (size_t i = 0; i < n; i++) {
		table_json_text(labels[i].name, out);
		put(out, ":");
		(void)number_int_text(labels[i].number, number);
		if (labels[i].text != NULL)
			table_json_text(labels[i].text, out);
		else
			put(out, number);
		put(out, ",");
	}
	put(out, "\"columns\":[");
	for (size_t i = 0; i < t->n_columns; i++) {
		put(out, i > 0 ? "," : "");
		table_json_text(name_of(t, i), out);
	}
	put(out, "],\"rows\":[");
}

void table_csv_head(const struct table *t, struct buf *out)
{
	put(out, t->series != NULL ? "series" : "");
	for (size_t i = 0; i < t->n_columns; i++) {
		put(out, i > 0 || t->series != NULL ? "," : "");
		csv_text(name_of(t, i), out);
	}
	put(out, "\n");
}

/* ---- MessagePack ---- */

static uint8_t *big(uint8_t *at, uint8_t tag, uint64_t v)
{
	v = htobe64(v);
	*at = tag;
	memcpy(at + 1, &v, sizeof v);
	return at + 1 + sizeof v;
}

static uint8_t *nil(uint8_t *at)
{
	*at = 0xc0;
	return at + 1;
}

static uint8_t *int_pack(uint8_t *at, int64_t v)
{
	if (v > UINT16_MAX)
		return big(at, 0xd3, (uint64_t)v);
	if (v == INT64_MIN)
		return nil(at);
	if (v < 0)
		return big(at, 0xd3, (uint64_t)v);
	if (v < 128) {
		*at = (uint8_t)v;
		return at + 1;
	}
	at[0] = 0xcd;
	at[1] = (uint8_t)(v >> 8);
	at[2] = (uint8_t)v;
	return at + 3;
}

static uint8_t *ints_pack(uint8_t *at, const int64_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		at = int_pack(at, v[i]);
	return at;
}

static uint8_t *reals_pack(uint8_t *at, const double *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t bits;

		memcpy(&bits, &v[i], sizeof bits);
		at = isfinite(v[i]) ? big(at, 0xcb, bits) : nil(at);
	}
	return at;
}

static void column_pack(enum table_type type, union table_cells cells, size_t from, size_t n,
			msgpack_packer *pk, struct buf *out)
{
	uint8_t *begin, *at;

	(void)msgpack_pack_array(pk, n);
	for (size_t i = from; type == TABLE_TEXT && i < from + n; i++)
		mp_str(pk, cells.texts[i]);
	if (type == TABLE_TEXT)
		return;
	begin = buf_reserve(out, n * 9 + 1);
	if (begin == NULL)
		return;
	at = type == TABLE_REAL ? reals_pack(begin, cells.reals + from, n)
				: ints_pack(begin, cells.ints + from, n);
	buf_advance(out, (size_t)(at - begin));
}

static void columns_pack(struct table *t, const union table_cells *cells, size_t from, size_t n,
			 struct buf *out)
{
	msgpack_packer pk;

	mp_writer(&pk, out);
	(void)msgpack_pack_map(&pk, t->n_columns);
	for (size_t i = 0; i < t->n_columns; i++) {
		mp_str(&pk, t->columns[i].name);
		column_pack(t->columns[i].type, cells[i], from, n, &pk, out);
	}
}

static void msgpack_open(const struct table *t, const struct table_label *labels, size_t n,
			 struct buf *out)
{
	msgpack_packer pk;

	mp_writer(&pk, out);
	(void)msgpack_pack_map(&pk, n + 1);
	for (size_t i = 0; i < n; i++) {
		mp_str(&pk, labels[i].name);
		if (labels[i].text != NULL)
			mp_str(&pk, labels[i].text);
		else
			(void)msgpack_pack_int64(&pk, labels[i].number);
	}
	mp_str(&pk, "columns");
	(void)msgpack_pack_array(&pk, t->n_columns);
	for (size_t i = 0; i < t->n_columns; i++)
		mp_str(&pk, t->columns[i].name);
}

/* ---- any ---- */

void table_open(struct table *t, const struct table_label *labels, size_t n_labels, struct buf *out)
{
	t->some = false;
	if (t->form == TABLE_JSON)
		json_open(t, labels, n_labels, out);
	else if (t->form == TABLE_MSGPACK)
		msgpack_open(t, labels, n_labels, out);
}

void table_rows(struct table *t, const union table_cells *cells, size_t from, size_t n,
		struct buf *out)
{
	if (t->form == TABLE_MSGPACK && n > 0) {
		columns_pack(t, cells, from, n, out);
		return;
	}
	for (size_t i = from; t->form != TABLE_MSGPACK && i < from + n && !out->failed; i++)
		row_put(t, cells, i, out);
}

void table_close(struct table *t, struct buf *out)
{
	if (t->form == TABLE_JSON)
		put(out, "]}");
}

void table_end(enum table_form form, struct buf *out)
{
	if (form == TABLE_MSGPACK)
		(void)buf_append(out,
				 "\x81\xa3"
				 "end\xc3",
				 6);
}
