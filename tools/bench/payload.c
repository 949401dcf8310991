/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payload FORM KIND [SAMPLES]: the samples of samples.h, of as many spans as it takes (default:
 * one), on standard output as bodies of requests.  Before each a line has its length and how many
 * samples it has.  FORM is what central takes, columns (MessagePack) or records (JSON), or json
 * (VictoriaMetrics' import) or line (InfluxDB's protocol).
 */
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>

#include "samples.h"

#define LINES 250u	  /* of 40 values, in a body */
#define COLUMN_ROWS 1260u /* an eighth of a span */
#define SERIES 8u	  /* whole ones, in a body */
#define SPAN_SAMPLES (SAMPLES_ANALYZERS * SAMPLES_VALUES * SAMPLES_ROWS)
#define TIMES 10u /* of all analyzers, in a body of records */

struct body {
	FILE *out;
	char *text;
	size_t len;
	unsigned long long wanted, written; /* samples */
};

static void put(struct body *b, size_t n_samples)
{
	if (b->written >= b->wanted) {
		rewind(b->out);
		return;
	}
	b->written += n_samples;
	(void)fflush(b->out);
	(void)printf("%zu %zu\n", b->len, n_samples);
	(void)fwrite(b->text, 1, b->len, stdout);
	rewind(b->out);
}

/* ---- VictoriaMetrics and InfluxDB ---- */

static void json_series(FILE *out, const struct samples *s, unsigned analyzer, unsigned k)
{
	(void)fprintf(out, "{\"metric\":{\"__name__\":\"v%u\",\"analyzer\":\"%u\"},\"values\":[", k,
		      analyzer);
	for (unsigned i = 0; i < SAMPLES_ROWS; i++)
		(void)fprintf(out, "%s%.15g", i > 0 ? "," : "", s->values[k][i]);
	(void)fprintf(out, "],\"timestamps\":[");
	for (unsigned i = 0; i < SAMPLES_ROWS; i++)
		(void)fprintf(out, "%s%lld", i > 0 ? "," : "", (long long)s->end_ms[i]);
	(void)fprintf(out, "]}\n");
}

static void write_json(struct body *b, const struct samples *all, enum samples_kind kind)
{
	(void)kind;
	for (unsigned a = 0; a < SAMPLES_ANALYZERS; a++)
		for (unsigned k = 0; k < SAMPLES_VALUES; k++) {
			json_series(b->out, &all[a], a, k);
			if (k % SERIES == SERIES - 1)
				put(b, (size_t)SERIES * SAMPLES_ROWS);
		}
}

static void line(FILE *out, const struct samples *s, unsigned analyzer, unsigned i)
{
	(void)fprintf(out, "m,analyzer=%u ", analyzer);
	for (unsigned k = 0; k < SAMPLES_VALUES; k++)
		(void)fprintf(out, "%sv%u=%.15g", k > 0 ? "," : "", k, s->values[k][i]);
	(void)fprintf(out, " %lld\n", (long long)s->end_ms[i]);
}

static void write_lines(struct body *b, const struct samples *all, enum samples_kind kind)
{
	unsigned n = 0;

	(void)kind;
	for (unsigned a = 0; a < SAMPLES_ANALYZERS; a++)
		for (unsigned i = 0; i < SAMPLES_ROWS; i++) {
			line(b->out, &all[a], a, i);
			if (++n < LINES && i < SAMPLES_ROWS - 1)
				continue;
			put(b, (size_t)n * SAMPLES_VALUES);
			n = 0;
		}
}

/* ---- central ---- */

static int write_bytes(void *file, const char *bytes, size_t len)
{
	return fwrite(bytes, 1, len, file) == len ? 0 : -1;
}

static void text(msgpack_packer *pk, const char *s)
{
	(void)msgpack_pack_str(pk, strlen(s));
	(void)msgpack_pack_str_body(pk, s, strlen(s));
}

static void column(msgpack_packer *pk, unsigned k, const double *values)
{
	char name[8];

	(void)snprintf(name, sizeof name, "v%u", k);
	text(pk, name);
	(void)msgpack_pack_map(pk, 3);
	text(pk, "unit");
	text(pk, "V");
	text(pk, "kind");
	text(pk, "gauge");
	text(pk, "value");
	(void)msgpack_pack_array(pk, 1); /* of its element */
	(void)msgpack_pack_array(pk, COLUMN_ROWS);
	for (unsigned i = 0; i < COLUMN_ROWS; i++)
		(void)msgpack_pack_double(pk, values[i]);
}

static void columns(msgpack_packer *pk, const struct samples *s, unsigned analyzer, unsigned from,
		    enum samples_kind kind)
{
	(void)msgpack_pack_map(pk, 2);
	text(pk, "node");
	text(pk, "bench");
	text(pk, "columns");
	(void)msgpack_pack_array(pk, 1);
	(void)msgpack_pack_map(pk, 5);
	text(pk, "analyzer");
	(void)msgpack_pack_unsigned_int(pk, analyzer + 1);
	text(pk, "window_ms");
	(void)msgpack_pack_int64(pk, samples_step_ms(kind));
	text(pk, "model");
	text(pk, "m");
	text(pk, "end_ms");
	(void)msgpack_pack_array(pk, COLUMN_ROWS);
	for (unsigned i = 0; i < COLUMN_ROWS; i++)
		(void)msgpack_pack_int64(pk, s->end_ms[from + i]);
	text(pk, "variables");
	(void)msgpack_pack_map(pk, SAMPLES_VALUES);
	for (unsigned k = 0; k < SAMPLES_VALUES; k++)
		column(pk, k, s->values[k] + from);
}

static void write_columns(struct body *b, const struct samples *all, enum samples_kind kind)
{
	msgpack_packer pk;

	msgpack_packer_init(&pk, b->out, write_bytes);
	for (unsigned from = 0; from < SAMPLES_ROWS; from += COLUMN_ROWS)
		for (unsigned a = 0; a < SAMPLES_ANALYZERS; a++) {
			columns(&pk, &all[a], a, from, kind);
			put(b, (size_t)COLUMN_ROWS * SAMPLES_VALUES);
		}
}

static void record(FILE *out, const struct samples *s, unsigned analyzer, unsigned i, int64_t step)
{
	(void)fprintf(out,
		      "{\"analyzer\":%u,\"start_ms\":%lld,\"end_ms\":%lld,\"model\":\"m\","
		      "\"identity\":null,\"variables\":{",
		      analyzer + 1, (long long)(s->end_ms[i] - step), (long long)s->end_ms[i]);
	for (unsigned k = 0; k < SAMPLES_VALUES; k++)
		(void)fprintf(out,
			      "%s\"v%u\":{\"unit\":\"V\",\"kind\":\"gauge\",\"value\":[%.15g]}",
			      k > 0 ? "," : "", k, s->values[k][i]);
	(void)fprintf(out, "}}");
}

static void write_records(struct body *b, const struct samples *all, enum samples_kind kind)
{
	for (unsigned from = 0; from < SAMPLES_ROWS; from += TIMES) {
		(void)fprintf(b->out, "{\"node\":\"bench\",\"records\":[");
		for (unsigned i = from; i < from + TIMES; i++)
			for (unsigned a = 0; a < SAMPLES_ANALYZERS; a++) {
				if (i > from || a > 0)
					(void)fputc(',', b->out);
				record(b->out, &all[a], a, i, samples_step_ms(kind));
			}
		(void)fprintf(b->out, "]}");
		put(b, (size_t)TIMES * SAMPLES_ANALYZERS * SAMPLES_VALUES);
	}
}

static const struct form {
	const char *name;
	void (*write)(struct body *b, const struct samples *all, enum samples_kind kind);
} forms[] = {
	{ "columns", write_columns },
	{ "records", write_records },
	{ "json", write_json },
	{ "line", write_lines },
};

static const struct form *form_named(const char *name)
{
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if (strcmp(forms[i].name, name) == 0)
			return &forms[i];
	return NULL;
}

int main(int argc, char *argv[])
{
	const struct form *form = argc >= 3 ? form_named(argv[1]) : NULL;
	int kind = argc >= 3 ? samples_kind_named(argv[2]) : -1;
	struct samples *all = calloc(SAMPLES_ANALYZERS, sizeof *all);
	struct body b = { .wanted = argc >= 4 ? strtoull(argv[3], NULL, 10) : SPAN_SAMPLES };

	if (form == NULL || kind < 0 || argc > 4) {
		(void)fprintf(stderr, "payload columns|records|json|line whole|jittered|means "
				      "[SAMPLES]\n");
		return 1;
	}
	b.out = open_memstream(&b.text, &b.len);
	if (all == NULL || b.out == NULL)
		return 1;
	for (unsigned span = 0; b.written < b.wanted; span++) {
		for (unsigned a = 0; a < SAMPLES_ANALYZERS; a++)
			samples_make(&all[a], a, span, (enum samples_kind)kind);
		form->write(&b, all, (enum samples_kind)kind);
	}
	(void)fclose(b.out);
	free(b.text);
	free(all);
	return fflush(stdout) != 0;
}
