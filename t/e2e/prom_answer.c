/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prom_answer FILE SAMPLES_MAX: a request of Prometheus' remote read on standard input, the answer
 * on standard output.  The file has a line for each series, and below it its samples:
 *
 *	NODE ANALYZER MODEL VARIABLE UNIT KIND ELEMENT FIELD
 *	TIME VALUE
 *
 * Kind and field are numbers as in the headers, - is for none.  Ends with 0; else with 1, and the
 * status and the sentence on standard output.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/prom.h"

#define SERIES_MAX 4096
#define SAMPLES_MAX 100000

struct known {
	char *text; /* what the texts of `series` point into */
	struct prom_series series;
	size_t n;
	int64_t *t;
	double *v;
};

static void die(const char *what)
{
	(void)fprintf(stderr, "prom_answer: %s\n", what);
	exit(2);
}

static const char *word(char **rest)
{
	const char *w = strsep(rest, " \n");

	if (w == NULL)
		die("a line is too short");
	return strcmp(w, "-") == 0 ? "" : w;
}

static void take_series(struct known *k, const char *line)
{
	char *rest = k->text = strdup(line);
	struct prom_series *s = &k->series;

	k->t = calloc(SAMPLES_MAX, sizeof *k->t);
	k->v = calloc(SAMPLES_MAX, sizeof *k->v);
	if (rest == NULL || k->t == NULL || k->v == NULL)
		die("no memory");
	s->node = word(&rest);
	s->analyzer = strtoll(word(&rest), NULL, 10);
	s->model = word(&rest);
	s->variable = word(&rest);
	s->unit = word(&rest);
	s->kind = (enum tesla_variable_kind)strtol(word(&rest), NULL, 10);
	s->element = word(&rest);
	s->field = (enum store_field)strtol(word(&rest), NULL, 10);
}

static size_t read_known(const char *path, struct known *known)
{
	_cleanup_fclose_ FILE *f = fopen(path, "r");
	_cleanup_free_ char *line = NULL;
	size_t cap = 0, n = 0;

	if (f == NULL)
		die("no such file");
	while (getline(&line, &cap, f) > 0) {
		struct known *k = n > 0 ? &known[n - 1] : NULL;
		char *end;

		if (strchr(line, ' ') != strrchr(line, ' ')) {
			if (n == SERIES_MAX)
				die("too many series");
			take_series(&known[n++], line);
		} else if (k != NULL && k->n < SAMPLES_MAX) {
			k->t[k->n] = strtoll(line, &end, 10);
			k->v[k->n++] = strtod(end, NULL);
		}
	}
	return n;
}

static void refuse(int rc, const struct tesla_error *err)
{
	(void)printf("%u %s\n", prom_http_status(rc), err->text);
	exit(1);
}

/* What of a series is in the time that is asked for, in chunks of 1,000. */
static int answer_series(struct prom_response *p, const struct known *k, const struct prom_query *q,
			 struct tesla_error *err)
{
	size_t from = 0, to = k->n, n;
	int rc = 0;

	while (from < to && k->t[from] < q->from_ms)
		from++;
	while (to > from && k->t[to - 1] > q->to_ms)
		to--;
	for (; rc == 0 && from < to; from += n) {
		n = to - from < 1000 ? to - from : 1000;
		rc = prom_response_samples(p, k->t + from, k->v + from, n, err);
	}
	return rc;
}

static int answer_query(struct prom_request *r, size_t i, const struct known *known, size_t n,
			struct prom_response *p, struct tesla_error *err)
{
	struct prom_labels l;
	int rc = prom_response_query(p, err);

	prom_labels_init(&l);
	for (size_t k = 0; rc >= 0 && k < n; k++) {
		rc = prom_labels_set(&l, &known[k].series, err);
		if (rc == 0)
			rc = prom_request_matches(r, i, &l, err);
		if (rc == 1) {
			rc = prom_response_series(p, &l, err);
			if (rc == 0)
				rc = answer_series(p, &known[k], prom_request_query(r, i), err);
		}
	}
	prom_labels_release(&l);
	return rc < 0 ? rc : 0;
}

static int answer(const void *body, size_t len, const struct known *known, size_t n,
		  const struct prom_limits *limits, struct tesla_error *err)
{
	struct prom_request *r = NULL;
	struct prom_response *p = NULL;
	const void *bytes = NULL;
	size_t n_bytes = 0;
	int rc = prom_request_read(body, len, &r, err);

	if (rc == 0)
		rc = prom_response_new(limits, &p, err);
	for (size_t i = 0; rc == 0 && i < prom_request_n_queries(r); i++)
		rc = answer_query(r, i, known, n, p, err);
	if (rc == 0)
		rc = prom_response_finish(p, &bytes, &n_bytes, err);
	if (rc == 0 && fwrite(bytes, 1, n_bytes, stdout) != n_bytes)
		die("cannot write");
	prom_response_free(p);
	prom_request_free(r);
	return rc;
}

int main(int argc, char **argv)
{
	struct known *known = calloc(SERIES_MAX, sizeof *known);
	char *body = malloc(PROM_REQUEST_MAX + 1);
	struct prom_limits limits = { 0 };
	struct tesla_error err;
	size_t n, len;
	int rc;

	if (argc != 3 || known == NULL || body == NULL)
		die("usage: prom_answer FILE SAMPLES_MAX");
	limits.samples = strtoul(argv[2], NULL, 10);
	n = read_known(argv[1], known);
	len = fread(body, 1, PROM_REQUEST_MAX + 1, stdin);
	rc = answer(body, len, known, n, &limits, &err);
	for (size_t i = 0; i < n; i++) {
		free(known[i].text);
		free(known[i].t);
		free(known[i].v);
	}
	free(known);
	free(body);
	if (rc != 0)
		refuse(rc, &err);
	return 0;
}
