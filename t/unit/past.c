/* SPDX-License-Identifier: Apache-2.0 */
/* The predecessor's history: its times, its units, its windows, and what is refused. */
#include "central/past.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"

Test(past, times)
{
	static const struct {
		const char *text;
		bool good;
		int64_t ms;
		bool local;
	} cases[] = {
		{ "2012-05-01T10:15:00", true, INT64_C(1335867300000), true },
		{ "2012-05-01 10:15", true, INT64_C(1335867300000), true },
		{ "2012-05-01 10:15:00.25", true, INT64_C(1335867300250), true },
		{ "2012-05-01T10:15:00Z", true, INT64_C(1335867300000), false },
		{ "2012-05-01T12:15:00+02:00", true, INT64_C(1335867300000), false },
		{ "2012-05-01 05:45:00-0430", true, INT64_C(1335867300000), false },
		{ "2012-05-01 12:15:00+02", true, INT64_C(1335867300000), false },
		{ "01/05/2012 10:15:00", true, INT64_C(1335867300000), true },
		{ "1970-01-01T00:00:00Z", true, 0, false },
		{ "2024-02-29T00:00:00Z", true, INT64_C(1709164800000), false },
		{ "2023-02-29T00:00:00", false, 0, false },
		{ "2012-13-01T10:15:00", false, 0, false },
		{ "2012-05-01T24:00:00", false, 0, false },
		{ "2012-05-01T10:60:00", false, 0, false },
		{ "2012-05-01T10:15:00.", false, 0, false },
		{ "2012-05-01T10:15:00 ", false, 0, false },
		{ "2012-05-01T10:15:00+2:00", false, 0, false },
		{ "2012-05-01", false, 0, false },
		{ "1/5/2012 10:15", false, 0, false },
		{ "", false, 0, false },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct local_time t = { 0 };

		cr_expect(past_time_parse(cases[i].text, &t) == cases[i].good &&
				  t.ms == cases[i].ms &&
				  t.zoned == (cases[i].good && !cases[i].local),
			  "%s: %lld", cases[i].text, (long long)t.ms);
	}
}

static struct zone *madrid(void)
{
	struct tesla_error err = { 0 };
	struct zone *z = NULL;

	cr_assert(zone_open("Europe/Madrid", &z, &err) == 0, "%s", err.text);
	return z;
}

Test(past, instants_of_local_times)
{
	static const struct {
		const char *text;
		size_t n;
		const char *first, *second;
	} cases[] = {
		{ "2026-10-25T01:59:00", 1, "2026-10-24T23:59:00Z", NULL },
		{ "2026-10-25T02:00:00", 2, "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z" },
		{ "2026-10-25T02:59:59", 2, "2026-10-25T00:59:59Z", "2026-10-25T01:59:59Z" },
		{ "2026-10-25T03:00:00", 1, "2026-10-25T02:00:00Z", NULL },
		{ "2026-03-29T01:59:59", 1, "2026-03-29T00:59:59Z", NULL },
		{ "2026-03-29T02:00:00", 0, NULL, NULL },
		{ "2026-03-29T02:59:59", 0, NULL, NULL },
		{ "2026-03-29T03:00:00", 1, "2026-03-29T01:00:00Z", NULL },
	};
	struct zone *z = madrid();

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		const char *const wanted[] = { cases[i].first, cases[i].second };
		struct local_time t;
		int64_t got[2];

		cr_assert(past_time_parse(cases[i].text, &t));
		cr_expect(local_instants(z, t.ms, got) == cases[i].n, "%s", cases[i].text);
		for (size_t k = 0; k < cases[i].n; k++) {
			struct local_time w;

			cr_assert(past_time_parse(wanted[k], &w));
			cr_expect(got[k] == w.ms, "%s: %lld", cases[i].text, (long long)got[k]);
		}
	}
	zone_free(z);
}

/* ---- records, as text: one a line ---- */

struct rig {
	struct past_conf conf;
	struct arena memory;
	struct zone *zone;
	FILE *out;
	char *text;
	size_t len;
};

static int take(void *arg, const char *node, const struct record *r, uint64_t at,
		struct tesla_error *err)
{
	struct rig *rig = arg;

	(void)err;
	(void)fprintf(rig->out, "%s/%lld %lld+%lld %s @%llu", node, (long long)r->analyzer,
		      (long long)(r->end_ms / 1000), (long long)((r->end_ms - r->start_ms) / 1000),
		      r->model, (unsigned long long)at);
	for (size_t i = 0; i < r->n_variables; i++) {
		const struct tesla_record_variable *v = r->variables[i];

		(void)fprintf(rig->out, " %s", v->name);
		for (size_t k = 0; k < v->n_elements; k++) {
			const struct tesla_record_element *e = &v->elements[k];

			(void)fprintf(rig->out, ",%.17g", e->value);
			if (v->kind == TESLA_COUNTER)
				(void)fprintf(rig->out, "(%g)", e->increase);
			cr_expect(isnan(e->value) == (e->quality == TESLA_ERROR));
			cr_expect(v->kind != TESLA_GAUGE || isnan(e->value) ||
				  (e->min == e->value && e->max == e->value));
		}
	}
	(void)fputc('\n', rig->out);
	arena_release(&rig->memory);
	return 0;
}

static void refuse(void *arg, uint64_t at, const char *why)
{
	struct rig *rig = arg;

	(void)fprintf(rig->out, "!%llu %s\n", (unsigned long long)at, why);
}

enum form { CSV, REST, DAY };

/* What comes of a file, or why it is none. */
static char *read_text(const struct past_conf *conf, enum form form, const char *text,
		       const char *name)
{
	struct rig rig = { .conf = *conf, .zone = madrid() };
	struct tesla_error err = { 0 };
	FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	struct past *p;
	int r;

	rig.out = open_memstream(&rig.text, &rig.len);
	rig.conf.models = MODELS;
	rig.conf.zone = rig.zone;
	rig.conf.memory = &rig.memory;
	rig.conf.take = take;
	rig.conf.refuse = refuse;
	rig.conf.arg = &rig;
	p = past_new(&rig.conf);
	cr_assert(in != NULL && rig.out != NULL && p != NULL);
	r = form == CSV	   ? past_read_csv(p, in, &err)
	    : form == REST ? past_read_rest(p, in, &err)
			   : past_read_day(p, in, name, &err);
	if (r != 0)
		(void)fprintf(rig.out, "?%s\n", err.text);
	cr_assert(past_end(p, &err) == 0);
	past_free(p);
	(void)fclose(in);
	(void)fclose(rig.out);
	arena_release(&rig.memory);
	zone_free(rig.zone);
	return rig.text;
}

static const struct past_conf usual = {
	.node = "4", .analyzer = "1", .model = "PM710", .local = true
};

static void expect(const struct past_conf *conf, enum form form, const char *text, const char *name,
		   const char *wanted)
{
	_cleanup_free_ char *got = read_text(conf, form, text, name);

	cr_expect(strcmp(got, wanted) == 0, "%s\ngives\n%s\nnot\n%s", text, got, wanted);
}

Test(past, csv)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		/* 12.34 kW are 12340 W to the bit; a counter's increase is from the one before */
		{ "time,variable,value\n"
		  "2012-05-01T10:15:00,PAT,12.34\n2012-05-01T10:15:00,CEA,1234.57\n"
		  "2012-05-01T10:30:00,PAT,\n2012-05-01T10:30:00,CEA,1234.82\n",
		  "4/1 1335860100+900 PM710 @2 PAT,12340 CEA,1234570(nan)\n"
		  "4/1 1335861000+900 PM710 @4 PAT,nan CEA,1234820(250)\n" },
		/* arrays, elements, quotes, another separator, Catalan names, another analyzer */
		{ "Node;Analitzador;Model;Data_Hora;Variable;Index;Valor\r\n"
		  "\"n \"\"1\"\"\";7;PM710;01/05/2012 10:15:00;tpf;;[230.1, null, 231]\r\n"
		  ";8;;2012-05-01 08:15:00+00;TPF;1;230\r\n",
		  "n \"1\"/7 1335860100+900 PM710 @2 TPF,230.09999999999999,nan,231\n"
		  "4/8 1335860100+900 PM710 @3 TPF,nan,230,nan\n" },
		/* a gap: a window is never longer than an hour, nor than the distance behind it */
		{ "time,variable,value\n2012-05-01T00:00:00Z,FRE,50\n2012-05-02T00:00:00Z,FRE,51\n"
		  "2012-05-02T00:05:00Z,FRE,52\n2012-05-04T00:00:00Z,FRE,52\n",
		  "4/1 1335830400+3600 PM710 @2 FRE,50\n4/1 1335916800+300 PM710 @3 FRE,51\n"
		  "4/1 1335917100+300 PM710 @4 FRE,52\n4/1 1336089600+3600 PM710 @5 FRE,52\n" },
		/* what is not understood is said, and nothing else is lost */
		{ "time,variable,element,value\n2012-05-01T00:00:00Z,FRE,0,50\n"
		  "2012-05-01T00:00:00Z,FRE,0,51\n2012-05-01T00:00:00Z,XXX,0,51\n"
		  "2012-05-01T00:00:00Z,TPF,3,51\n2012-05-01T00:00:00Z,TPF,-1,51\n"
		  "2012-05-01T00:00:00Z,PAT,0,0x10\n2012-05-01T00:00:00Z,PAT,0,1,2\n"
		  "2012-05-01T00:00:00Z,PAT,0,nan\n2012-05-01T00:00:00Z,PAT,0,1e400\n"
		  "12-05-01,PAT,0,1\n2012-05-01T00:00:00Z,PAT,0,1.5\n"
		  "2012-04-01T00:00:00Z,PAT,0,1.5\n",
		  "!3 FRE, element 0, is there already at 2012-05-01T00:00:00Z\n"
		  "!4 model PM710 has no XXX, element 0\n!5 model PM710 has no TPF, element 3\n"
		  "!6 an element is a number, from 0: -1\n!7 0x10 is no number\n"
		  "!8 it has other fields than the header\n!9 nan is no number\n"
		  "!10 1e400 is no number\n!11 12-05-01 is no time\n"
		  "!13 2012-04-01T00:00:00Z is not after the reading before: expected an "
		  "analyzer's readings in the order of time\n"
		  "4/1 1335830400+900 PM710 @2 FRE,50 PAT,1500\n" },
		/* the hour that comes again, and the one that never was */
		{ "time,variable,value\n2026-10-25T02:00:00,FRE,50\n2026-10-25T02:30:00,FRE,51\n"
		  "2026-10-25T02:00:00,FRE,52\n2026-10-25T02:30:00,FRE,53\n"
		  "2026-10-25T03:00:00,FRE,54\n",
		  "4/1 1792886400+1800 PM710 @2 FRE,50\n4/1 1792888200+1800 PM710 @3 FRE,51\n"
		  "4/1 1792890000+1800 PM710 @4 FRE,52\n4/1 1792891800+1800 PM710 @5 FRE,53\n"
		  "4/1 1792893600+1800 PM710 @6 FRE,54\n" },
		{ "time,variable,value\n2026-10-25T02:00:00,FRE,50\n2026-10-25T02:00:00,FRE,52\n"
		  "2026-10-25T02:00:00,FRE,53\n",
		  "!4 FRE, element 0, is there already at 2026-10-25T02:00:00\n"
		  "4/1 1792886400+3600 PM710 @2 FRE,50\n4/1 1792890000+3600 PM710 @3 FRE,52\n" },
		{ "time,variable,value\n2026-03-29T02:30:00,FRE,50\n",
		  "!2 there was no 2026-03-29T02:30:00: the clock was put forward over it\n" },
		{ "time,variable,worth\n", "?line 1: worth is no name of a column: expected node, "
					   "analyzer, model, time, variable, element, value\n" },
		{ "time,variable\n", "?line 1: expected time, variable and value at least\n" },
		{ "time,time\n", "?line 1: time is there twice\n" },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		expect(&usual, CSV, cases[i].text, NULL, cases[i].wanted);
}

Test(past, what_is_not_said_is_asked_for)
{
	static const char text[] = "time,variable,value\n2012-05-01T10:15:00,FRE,50\n";
	struct past_conf conf = usual;

	conf.local = false;
	expect(&conf, CSV, text, NULL,
	       "!2 the time 2012-05-01T10:15:00 is a local one: say --time-zone\n");
	conf = usual;
	conf.node = NULL;
	expect(&conf, CSV, text, NULL, "!2 which node?  Say --node\n");
	conf = usual;
	conf.analyzer = NULL;
	expect(&conf, CSV, text, NULL,
	       "!2 which analyzer?  Expected a number from 1: say --analyzer\n");
	conf = usual;
	conf.model = NULL;
	expect(&conf, CSV, text, NULL, "!2 which model?  Say --model\n");
	conf.model = "../PM710";
	expect(&conf, CSV, text, NULL, "!2 there is no model ../PM710\n");
	conf = usual;
	conf.interval_ms = 60000;
	expect(&conf, CSV, text, NULL, "4/1 1335860100+60 PM710 @2 FRE,50\n");
}

#define ANSWER(readings) "{\"ResultSet\": {\"Lectures\": [" readings "]}}"
#define READING(time, variable, value) \
	"{\"dataHora\": \"" time \
	"\", \"descripcio\": \"x\", \"unitats\": \"kW\", \"valor\": " value \
	", \"variable\": \"" variable "\"}"

Test(past, rest)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{ ANSWER(""), "" },
		{ ANSWER(READING("2012-05-01T10:15:00", "PAT", "12.34") ", " READING(
			  "2012-05-01T10:15:00", "TPF",
			  "[230.1, 231, 232.25]") ", " READING("2012-05-01T10:30:00", "PAT",
							       "-0.5")),
		  "4/1 1335860100+900 PM710 @1 TPF,230.09999999999999,231,232.25 PAT,12340\n"
		  "4/1 1335861000+900 PM710 @3 TPF,nan,nan,nan PAT,-500\n" },
		{ ANSWER(READING("2012-05-01T10:15:00", "PAT", "\"x\"") ", " READING(
			  "2012-05-01T10:15:00", "PAT", "[]") ", " READING("2012-05-01T10:30:00",
									   "PAT", "1")),
		  "!1 expected dataHora, variable and valor\n"
		  "!2 expected dataHora, variable and valor\n"
		  "4/1 1335861000+900 PM710 @3 PAT,1000\n" },
		{ "{\"ResultSet\": {\"Lectures\": [" READING("2012-05-01T10:15:00", "PAT", "1"),
		  "?it is no JSON, or ends in the middle: behind reading 1\n"
		  "4/1 1335860100+900 PM710 @1 PAT,1000\n" },
		{ "[]", "?it is no answer of history/load: behind reading 0\n" },
		{ "{\"ResultSet\": 1}", "?it is no answer of history/load: behind reading 0\n" },
		{ ANSWER("[1]"), "?it is no answer of history/load: behind reading 0\n" },
		{ ANSWER("") ANSWER(""),
		  "?it is no JSON, or ends in the middle: behind reading 0\n" },
		{ "", "?it is no JSON, or ends in the middle: behind reading 0\n" },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		expect(&usual, REST, cases[i].text, NULL, cases[i].wanted);
}

Test(past, day_files)
{
	static const char text[] = "HORA\tTPF0\tTPF2\tPAT0\t\n"
				   "00:00:00\t   230.10\t   231.00\t    12.34\t\n"
				   "00:15:00\t   230.10\t         \t    12.35\t\n"
				   "00:30:00\t   230.10\t\n"
				   "HORA\tPAT0\tXYZ0\t\n"
				   "00:30:00\t     0.01\t     1.00\t\n";
	struct past_conf conf = usual;

	expect(&usual, DAY, text, "20120501.txt",
	       "!4 expected HH:MM:SS and 3 values, with a tab behind each\n"
	       "!5 the model has no XYZ0: its column is left out\n"
	       "4/1 1335823200+900 PM710 @2 TPF,230.09999999999999,nan,231 PAT,12340\n"
	       "4/1 1335824100+900 PM710 @3 TPF,230.09999999999999,nan,nan PAT,12350\n"
	       "4/1 1335825000+900 PM710 @6 TPF,nan,nan,nan PAT,10\n");
	conf.analyzer = NULL;
	expect(&conf, DAY, "HORA\tPAT0\t\n00:15:00\t     0.01\t\n", "/a/12/20120501.txt",
	       "4/12 1335824100+900 PM710 @2 PAT,10\n");
	expect(&conf, DAY, "HORA\tPAT0\t\n00:15:00\t     0.01\t\n", "12/20120501.txt",
	       "4/12 1335824100+900 PM710 @2 PAT,10\n");
	expect(&usual, DAY, "00:15:00\t     0.01\t\n", "20120501.txt",
	       "!1 expected HH:MM:SS and 0 values, with a tab behind each\n");
	expect(&usual, DAY, "x", "today.txt", "?expected the name of a day file, YYYYMMDD.txt\n");
	/* both passes of the hour */
	expect(&usual, DAY,
	       "HORA\tFRE0\t\n02:00:00\t    50.00\t\n02:30:00\t    50.01\t\n"
	       "02:00:00\t    50.02\t\n02:30:00\t    50.03\t\n",
	       "20261025.txt",
	       "4/1 1792886400+1800 PM710 @2 FRE,50\n"
	       "4/1 1792888200+1800 PM710 @3 FRE,50.009999999999998\n"
	       "4/1 1792890000+1800 PM710 @4 FRE,50.020000000000003\n"
	       "4/1 1792891800+1800 PM710 @5 FRE,50.030000000000001\n");
}
