/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payload FORM KIND: the samples of samples.h, on standard output.  FORM is raw (struct samples, 25
 * times), or json (VictoriaMetrics' import) or line (InfluxDB's protocol), in bodies of requests,
 * each behind a line with its length.
 */
#include <stdio.h>
#include <stdlib.h>

#include "samples.h"

#define LINES 250 /* of 40 values, in a body */

static void put(FILE *body, char **text, size_t *len)
{
	(void)fflush(body);
	(void)printf("%zu\n", *len);
	(void)fwrite(*text, 1, *len, stdout);
	rewind(body);
}

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

static void lines(FILE *out, const struct samples *s, unsigned analyzer, unsigned from)
{
	for (unsigned i = from; i < from + LINES && i < SAMPLES_ROWS; i++) {
		(void)fprintf(out, "m,analyzer=%u ", analyzer);
		for (unsigned k = 0; k < SAMPLES_VALUES; k++)
			(void)fprintf(out, "%sv%u=%.15g", k > 0 ? "," : "", k, s->values[k][i]);
		(void)fprintf(out, " %lld\n", (long long)s->end_ms[i]);
	}
}

static void write_analyzer(const char *form, const struct samples *s, unsigned analyzer)
{
	char *text = NULL;
	size_t len = 0;
	FILE *body = open_memstream(&text, &len);

	if (body == NULL)
		exit(1);
	if (form[0] == 'r')
		(void)fwrite(s, sizeof *s, 1, stdout);
	for (unsigned k = 0; form[0] == 'j' && k < SAMPLES_VALUES; k++) {
		json_series(body, s, analyzer, k);
		if (k % 8 == 7)
			put(body, &text, &len);
	}
	for (unsigned i = 0; form[0] == 'l' && i < SAMPLES_ROWS; i += LINES) {
		lines(body, s, analyzer, i);
		put(body, &text, &len);
	}
	(void)fclose(body);
	free(text);
}

int main(int argc, char *argv[])
{
	int kind = argc == 3 ? samples_kind_named(argv[2]) : -1;
	struct samples *s = calloc(1, sizeof *s);

	if (kind < 0 || s == NULL) {
		(void)fprintf(stderr, "payload raw|json|line whole|jittered|means\n");
		return 1;
	}
	for (unsigned a = 0; a < SAMPLES_ANALYZERS; a++) {
		samples_make(s, a, (enum samples_kind)kind);
		write_analyzer(argv[1], s, a);
	}
	free(s);
	return fflush(stdout) != 0;
}
