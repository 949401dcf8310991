/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of /ws/v2: local times, units, lengths of windows, LECTURA, answers of a node. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "central/cadence.h"
#include "central/lectura.h"
#include "central/local_time.h"
#include "central/old_units.h"
#include "central/v2_live.h"

#define MINUTE INT64_C(60000)

/* ---- times ---- */

static struct zone *zone(const char *name)
{
	struct tesla_error err = { 0 };
	struct zone *z = NULL;

	cr_assert(zone_open(name, &z, &err) == 0, "%s", err.text);
	return z;
}

static const struct local_case { /* a local time, and which instants it is */
	const char *zone, *local, *first, *second;
} locals[] = {
	{ "Europe/Madrid", "22/11/2026 10:15:00", "2026-11-22T09:15:00Z", NULL },
	{ "Europe/Madrid", "1/5/2012 0:0:0", "2012-04-30T22:00:00Z", NULL },
	{ "Europe/Madrid", "29/03/2026 01:59:59", "2026-03-29T00:59:59Z", NULL },
	{ "Europe/Madrid", "29/03/2026 02:00:00", NULL, NULL },
	{ "Europe/Madrid", "29/03/2026 02:59:59", NULL, NULL },
	{ "Europe/Madrid", "29/03/2026 03:00:00", "2026-03-29T01:00:00Z", NULL },
	{ "Europe/Madrid", "25/10/2026 01:59:59", "2026-10-24T23:59:59Z", NULL },
	{ "Europe/Madrid", "25/10/2026 02:00:00", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z" },
	{ "Europe/Madrid", "25/10/2026 02:59:59", "2026-10-25T00:59:59Z", "2026-10-25T01:59:59Z" },
	{ "Europe/Madrid", "25/10/2026 03:00:00", "2026-10-25T02:00:00Z", NULL },
	{ "Australia/Lord_Howe", "05/04/2026 01:45:00", "2026-04-04T14:45:00Z",
	  "2026-04-04T15:15:00Z" },
	{ "Pacific/Apia", "30/12/2011 12:00:00", NULL, NULL }, /* a day that was left out */
	{ "UTC", "25/10/2026 02:15:00", "2026-10-25T02:15:00Z", NULL },
};

Test(v2, local_times_are_instants)
{
	for (size_t i = 0; i < N_ELEMENTS(locals); i++) {
		const struct local_case *c = &locals[i];
		struct zone *z = zone(c->zone);
		int64_t local_s = 0, found_ms[2];
		size_t n = (c->first != NULL) + (c->second != NULL);
		char text[LOCAL_TIME_SIZE];

		cr_assert(local_time_parse(c->local, &local_s), "%s", c->local);
		cr_expect_eq(local_instants(z, local_s * 1000, found_ms), n, "%s in %s", c->local,
			     c->zone);
		for (size_t k = 0; k < n; k++) {
			utc_time_print(found_ms[k] / 1000, text);
			cr_expect_str_eq(text, k == 0 ? c->first : c->second, "%s", c->local);
		}
		zone_free(z);
	}
}

static const struct { /* where days begin, and how many hours they have */
	const char *zone, *day, *begin;
	int64_t hours;
} days[] = {
	{ "Europe/Madrid", "28-03-2026", "2026-03-27T23:00:00Z", 24 },
	{ "Europe/Madrid", "29-03-2026", "2026-03-28T23:00:00Z", 23 },
	{ "Europe/Madrid", "25-10-2026", "2026-10-24T22:00:00Z", 25 },
	{ "UTC", "29-02-2028", "2028-02-29T00:00:00Z", 24 },
	{ "America/Sao_Paulo", "04-11-2018", "2018-11-04T03:00:00Z",
	  23 }, /* midnight is left out */
	{ "America/Sao_Paulo", "03-11-2018", "2018-11-03T03:00:00Z", 24 },
};

Test(v2, days_begin_where_the_zone_says)
{
	for (size_t i = 0; i < N_ELEMENTS(days); i++) {
		struct zone *z = zone(days[i].zone);
		int64_t midnight_s = 0, begin_s;
		char text[LOCAL_TIME_SIZE];

		cr_assert(local_date_parse(days[i].day, &midnight_s));
		begin_s = local_day_begin(z, midnight_s);
		utc_time_print(begin_s, text);
		cr_expect_str_eq(text, days[i].begin, "%s %s: %s", days[i].zone, days[i].day, text);
		cr_expect_eq(local_day_begin(z, midnight_s + 86400) - begin_s, days[i].hours * 3600,
			     "%s %s", days[i].zone, days[i].day);
		zone_free(z);
	}
}

static const struct {
	bool (*parse)(const char *text, int64_t *ret);
	const char *text;
	bool good;
} texts[] = {
	{ local_time_parse, "22/11/2026 10:15:00", true },
	{ local_time_parse, "29/02/2028 23:59:59", true },
	{ local_time_parse, "29/02/2026 10:15:00", false },
	{ local_time_parse, "22/13/2026 10:15:00", false },
	{ local_time_parse, "00/11/2026 10:15:00", false },
	{ local_time_parse, "22/11/2026 24:00:00", false },
	{ local_time_parse, "22/11/2026 10:60:00", false },
	{ local_time_parse, "22/11/2026 10:15:60", false },
	{ local_time_parse, "22/11/26 10:15:00", false },
	{ local_time_parse, "22/11/2026 10:15:00 ", false },
	{ local_time_parse, "22/11/2026 10:15", false },
	{ local_time_parse, "22-11-2026 10:15:00", false },
	{ local_time_parse, "-1/11/2026 10:15:00", false },
	{ local_time_parse, "122/11/2026 10:15:00", false },
	{ local_time_parse, "", false },
	{ local_time_parse, "25/11/0026 02:15:00", false },
	{ local_date_parse, "01-05-2012", true },
	{ local_date_parse, "1-5-2012", true },
	{ local_date_parse, "31-04-2012", false },
	{ local_date_parse, "2012-05-01", false },
	{ local_date_parse, "01-05-2012x", false },
	{ utc_time_parse, "2026-10-25T01:15:00Z", true },
	{ utc_time_parse, "2026-10-25T01:15:00", false },
	{ utc_time_parse, "2026-10-25 01:15:00Z", false },
	{ utc_time_parse, "2026-10-25T1:15:00Z", false },
	{ utc_time_parse, "2026-10-25T01:15:00+01:00", false },
};

Test(v2, what_is_a_time)
{
	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		int64_t t_s;

		cr_expect_eq(texts[i].parse(texts[i].text, &t_s), texts[i].good, "%s",
			     texts[i].text);
	}
}

/* ---- units ---- */

static const struct {
	double factor, old, value; /* kW, W */
} units[] = {
	{ 1, 230.1, 230.1 },
	{ 0.001, 58392.626, 58392626 },
	{ 0.001, -1.5, -1500 },
	{ 0.001, 0, 0 },
	{ 0.001, 0.1, 100 },
	{ 0.001, 1.0001, 1000.1 },
	{ 10, 5839.2, 583.92 },
	{ 1e-6, 3.25, 3250000 },
	{ 0.001, 4294967.295, 4294967295 },
};

Test(v2, units_there_and_back)
{
	uint64_t z = 1;

	for (size_t i = 0; i < N_ELEMENTS(units); i++) {
		cr_expect_eq(new_value(units[i].old, units[i].factor), units[i].value, "%.17g",
			     new_value(units[i].old, units[i].factor));
		cr_expect_eq(old_value(units[i].value, units[i].factor), units[i].old);
	}
	for (size_t i = 0; i < 20000; i++) {
		double old, value, back;
		char text[32];

		z = z * UINT64_C(6364136223846793005) + 1442695040888963407;
		(void)snprintf(text, sizeof text, "%.15g", (double)(z >> 20) / 1e7);
		old = strtod(text, NULL);
		value = new_value(old, 0.001);
		(void)snprintf(text, sizeof text, "%.15ge3", old);
		cr_expect_eq(value, strtod(text, NULL), "%s: %.17g", text, value);
		back = old_value(value, 0.001);
		cr_expect(fabs(back - old) <= old * 0x1p-52, "%.17g: %.17g", old, back);
	}
}

static const struct {
	const char *unit, *old;
	double factor;
} names[] = {
	{ "W", "kW", 0.001 }, { "varh", "kvarh", 0.001 }, { "V", "V", 1 },
	{ "", "", 0.001 },    { "Wh", "MWh", 1e-6 },	  { "A", "A", 3 },
};

Test(v2, units_have_names_and_numbers_two_decimals)
{
	char text[OLD_UNIT_SIZE];

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		old_unit(names[i].unit, names[i].factor, text);
		cr_expect_str_eq(text, names[i].old);
	}
	cr_expect_eq(old_rounded(230.0625, 1), 230.06);
	cr_expect_eq(old_rounded(12345.678, 0.001), 12.35);
	cr_expect(old_rounded(-0.001, 1) == 0 && !signbit(old_rounded(-0.001, 1)));
	cr_expect_eq(old_rounded(1e300, 1), 1e300);
}

/* ---- lengths of windows ---- */

Test(v2, windows_are_as_long_as_records_are_apart)
{
	static const struct {
		int64_t end, length; /* in minutes; 0: not known */
	} steps[] = {
		{ 15, 0 },    { 30, 15 },   { 45, 15 },	  { 45, 15 },
		{ 105, 15 },					      /* some are missing */
		{ 120, 15 },  { 125, 5 },			      /* cut off by a reload */
		{ 140, 5 },   { 155, 15 },  { 170, 15 },  { 50, 15 }, /* late */
		{ 3000, 15 }, { 3060, 15 }, { 3120, 60 },	      /* another interval */
	};
	struct cadence c = { 0 };

	for (size_t i = 0; i < N_ELEMENTS(steps); i++) {
		int64_t length = cadence_length_ms(&c, steps[i].end * MINUTE);

		cr_expect_eq(length,
			     steps[i].length ? steps[i].length * MINUTE : CADENCE_UNKNOWN_MS,
			     "%zu: %lld", i, (long long)length);
		cadence_note(&c, steps[i].end * MINUTE, length);
	}
}

/* ---- LECTURA ---- */

static struct model *model(const char *name)
{
	_cleanup_free_ char *text = NULL;
	struct diags diags = { 0 };
	struct tesla_error err;
	struct model *m;
	char path[400];
	size_t len;

	(void)snprintf(path, sizeof path, "%s/%s.xml", MODELS, name);
	cr_assert(file_read(path, 1 << 20, &text, &len, &err) == 0, "%s", err.text);
	m = model_parse(path, text, len, &diags);
	cr_assert_not_null(m);
	diags_release(&diags);
	return m;
}

static const struct lectura_case {
	const char *text, *kept, *said; /* said of what is skipped, or why nothing is kept */
} lecturas[] = {
	{ "{\"TPF\": [230.1, 231, 229.5], \"CEA\": [58392.626], \"PAT\": [1.5]}",
	  "TPF V 230.1 231 229.5; PAT W 1500; CEA Wh 58392626; ", "" },
	{ "{\"PAT\": 1.5}", "PAT W 1500; ", "" },
	{ "{\"PAT\": [1.5], \"XYZ\": [1]}", "PAT W 1500; ", "XYZ is no variable of PM710" },
	{ "{\"PAT\": [1.5], \"pat\": [1]}", "PAT W 1500; ", "pat is no variable" },
	{ "{\"PAT\": [1.5], \"TPF\": [1]}", "PAT W 1500; ", "TPF has 1 values, expected 3" },
	{ "{\"PAT\": [1.5, 2]}", "", "PAT has 2 values, expected 1" },
	{ "{\"CEA\": [1.5, 2]}", "CEA Wh 1500 2000; ", "" }, /* compost: as many as there are */
	{ "{\"PAT\": [1.5], \"PAT\": [2]}", "PAT W 1500; ", "PAT comes twice" },
	{ "{\"PAT\": [1.5], \"PAP\": [null]}", "PAT W 1500; ", "PAP is not an array of numbers" },
	{ "{\"PAT\": [1.5], \"PAP\": [\"1\"]}", "PAT W 1500; ", "PAP is not" },
	{ "{\"PAT\": [1.5], \"PAP\": []}", "PAT W 1500; ", "PAP is not" },
	{ "{\"PAT\": [1.5], \"PAP\": {}}", "PAT W 1500; ", "PAP is not" },
	{ "{\"PAT\": [NaN]}", "", "LECTURA: " },
	{ "{\"PAT\": [1e400]}", "", "LECTURA: " },
	{ "{}", "", "nothing in it" },
	{ "[]", "", "expected an object" },
	{ "17", "", "expected an object" },
	{ "", "", "LECTURA: " },
	{ "{\"PAT\": [1.5]} x", "", "LECTURA: " },
	{ "{\"PAT\": [1.5", "", "LECTURA: " },
};

static void describe(const struct lectura *l, char *text, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < l->n_variables; i++) {
		const struct tesla_record_variable *v = l->variables[i];

		len += (size_t)snprintf(text + len, size - len, "%s %s", v->name, v->unit);
		for (size_t e = 0; e < v->n_elements; e++) {
			const struct tesla_record_element *el = &v->elements[e];

			cr_expect(el->quality == TESLA_GOOD && isnan(el->min) && isnan(el->max) &&
				  isnan(el->increase) && el->count == 0 && el->covered_ms == 0);
			len += (size_t)snprintf(text + len, size - len, " %.15g", el->value);
		}
		len += (size_t)snprintf(text + len, size - len, "; ");
	}
}

Test(v2, lectura)
{
	struct model *m = model("PM710");

	for (size_t i = 0; i < N_ELEMENTS(lecturas); i++) {
		const struct lectura_case *c = &lecturas[i];
		struct arena memory = { 0 };
		struct lectura l = { 0 };
		struct tesla_error err = { 0 };
		int r = lectura_read(c->text, m, &memory, &l, &err);
		char text[400] = "";

		describe(&l, text, sizeof text);
		cr_expect_eq(r, c->kept[0] != '\0' ? 0 : -EBADMSG, "%s: %s", c->text, err.text);
		cr_expect_str_eq(text, c->kept, "%s: %s", c->text, text);
		cr_expect_not_null(strstr(r == 0 ? l.skipped : err.text, c->said), "%s: %s%s",
				   c->text, l.skipped, err.text);
		cr_expect(r != 0 || (c->said[0] == '\0') == (l.n_skipped == 0));
		arena_release(&memory);
	}
	model_free(m);
}

/* ---- what a node answers ---- */

#define DEFINITIONS \
	"{\"definitions\": [{\"analyzer\": 3, \"variables\": [" \
	"{\"name\": \"TPF\", \"description\": \"Voltage\", \"unit\": \"V\", \"factor\": 1," \
	" \"compost\": false, \"labels\": [\"L1\", \"L2\"], \"registers\": [" \
	"{\"address\": 4032, \"count\": 1, \"type\": \"uint16\", \"scale\": 1," \
	" \"scale_register\": 4105, \"exponent\": -1, \"max\": 32767}," \
	"{\"address\": 4033, \"count\": 1, \"type\": \"uint16\", \"scale\": 1," \
	" \"scale_register\": 4105, \"exponent\": -1, \"max\": 32767}]}," \
	"{\"name\": \"CEA\", \"description\": \"Energy\", \"unit\": \"Wh\", \"factor\": 0.001," \
	" \"compost\": true, \"labels\": [\"total\"], \"registers\": [" \
	"{\"address\": 3999, \"count\": 2, \"type\": \"uint32\", \"scale\": 1000," \
	" \"scale_register\": null, \"exponent\": null, \"max\": null}]}]}]}"
#define READINGS \
	"{\"readings\": [" \
	"{\"analyzer\": 3, \"variable\": \"TPF\", \"t\": 1792890900000, \"v\": [230.5, 231]," \
	" \"q\": [0, 0]}," \
	"{\"analyzer\": 3, \"variable\": \"FRE\", \"t\": 1792890960000, \"v\": [null]," \
	" \"q\": [1]}," \
	"{\"analyzer\": 3, \"variable\": \"PAT\", \"t\": 1792890900000, \"v\": [1], \"q\": [2]}," \
	"{\"analyzer\": 3, \"variable\": \"CEA\", \"t\": 1792890900000, \"v\": [58392626]," \
	" \"q\": [0]}]}"
#define DEVICE(run, comm, identity) \
	"{\"devices\": [{\"analyzer\": 2}, {\"analyzer\": 3, \"run\": \"" run \
	"\", \"comm\": " comm ", \"identity\": " identity "}]}"

static const struct live_case {
	enum live_what what;
	const char *replies[2], *want; /* NULL: refused */
} lives[] = {
	{ LIVE_VARS,
	  { READINGS, DEFINITIONS },
	  "{\"lastRead\":\"25/10/2026 02:16:00\",\"values\":{\"TPF\":[230.5,231],"
	  "\"CEA\":[58392.626]}}" },
	{ LIVE_VARS, { "{\"readings\": []}", DEFINITIONS }, "{\"lastRead\":\"\",\"values\":{}}" },
	{ LIVE_VARS, { READINGS, "{}" }, NULL },
	{ LIVE_VARS, { "17", DEFINITIONS }, "{\"lastRead\":\"\",\"values\":{}}" },
	{ LIVE_DEFS,
	  { DEFINITIONS },
	  "{\"TPF\":{\"registre\":4033,\"numRegs\":2,\"descripcio\":\"Voltage\",\"regEscala\":4106,"
	  "\"valEscala\":0.1,\"valMax\":32767,\"compost\":false},"
	  "\"CEA\":{\"registre\":4000,\"numRegs\":2,\"descripcio\":\"Energy\",\"regEscala\":0,"
	  "\"valEscala\":1,\"valMax\":0,\"compost\":true}}" },
	{ LIVE_DEFS, { "{\"definitions\": [{\"analyzer\": 4}]}" }, NULL },
	{ LIVE_STATUS, { DEVICE("started", "true", "null") }, "[1,255]" },
	{ LIVE_STATUS, { DEVICE("paused", "false", "null") }, "[2,240]" },
	{ LIVE_STATUS, { DEVICE("stopped", "false", "null") }, "[0,240]" },
	{ LIVE_STATUS, { "{\"devices\": {}}" }, NULL },
	{ LIVE_ID, { DEVICE("started", "true", "\"PM710 1\"") }, "\"PM710 1\"" },
	{ LIVE_ID, { DEVICE("started", "true", "null") }, "\"\"" },
	{ LIVE_ID, { "[]" }, NULL },
	{ LIVE_CONF,
	  { "{\"devices\": [{\"id\": \"1\", \"kind\": \"tcp\", \"params\": {\"host\": \"h\"}}],"
	    " \"analyzers\": [{\"id\": 3, \"device\": \"1\", \"model\": \"PM710\","
	    " \"manufacturer\": \"Schneider\", \"driver\": \"modBusComm\", \"data\": \"pmData\","
	    " \"interval_ms\": 1500, \"record_ms\": 900000, \"variables\": [{\"name\": \"TPF\"}],"
	    " \"exporters\": [\"e1\", \"gone\"]}],"
	    " \"exporters\": [{\"id\": \"e1\", \"type\": \"localFile\", \"target\": \"data\"}]}" },
	  "{\"devices\":[{\"id\":\"1\",\"type\":\"tcp\",\"host\":\"h\"}],\"equips\":[{\"id\":3,"
	  "\"device\":\"1\",\"model\":\"PM710\",\"driver\":\"modBusComm\","
	  "\"dataDriver\":\"pmData\","
	  "\"params\":{\"fabricant\":\"Schneider\",\"model\":\"PM710\",\"tempsgravacio\":15,"
	  "\"tempslectura\":1.5},\"dataexports\":[{\"type\":\"localFile\",\"target\":\"data\"}],"
	  "\"peticions\":[\"TPF\"]}]}" },
	{ LIVE_CONF, { "{\"analyzers\": [{\"id\": 4}]}" }, NULL },
};

static void expect_live(const struct live_case *c, const struct zone *z)
{
	struct live l = { .what = c->what, .analyzer = 3, .zone = z };
	struct mp_doc docs[2], answer;
	struct buf packed[2], out, text;
	struct tesla_error err = { 0 };
	int r;

	for (size_t i = 0; i < 2 && c->replies[i] != NULL; i++) {
		buf_init(&packed[i], 1 << 16);
		cr_assert(json_read(c->replies[i], strlen(c->replies[i]), &packed[i], &err) == 0,
			  "%s: %s", c->replies[i], err.text);
		cr_assert(mp_unpack(&docs[i], packed[i].pub.bytes, packed[i].pub.len, &err) == 0);
		l.replies[i] = &docs[i].u.data;
	}
	buf_init(&out, 1 << 16);
	r = live_pack(&l, &out, &err);
	cr_expect_eq(r, c->want != NULL ? 0 : -EBADMSG, "%s: %s", c->replies[0], err.text);
	if (r == 0) {
		buf_init(&text, 1 << 16);
		cr_assert(mp_unpack(&answer, out.pub.bytes, out.pub.len, &err) == 0, "%s",
			  err.text);
		cr_assert(json_write(&text, &answer.u.data, &err) == 0);
		cr_assert(buf_append(&text, "", 1) == 0);
		cr_expect_str_eq((char *)text.pub.bytes, c->want, "%s", (char *)text.pub.bytes);
		mp_doc_release(&answer);
		buf_release(&text);
	}
	buf_release(&out);
	for (size_t i = 0; i < 2 && c->replies[i] != NULL; i++) {
		mp_doc_release(&docs[i]);
		buf_release(&packed[i]);
	}
}

Test(v2, what_a_node_answers_in_the_old_words)
{
	struct zone *z = zone("Europe/Madrid");

	for (size_t i = 0; i < N_ELEMENTS(lives); i++)
		expect_live(&lives[i], z);
	zone_free(z);
}

/* A meter that takes commands: only its model says which. */
Test(v2, definitions_of_commands)
{
	static const char reply[] =
		"{\"definitions\": [{\"analyzer\": 3, \"variables\": [{\"name\": \"PAT\","
		" \"description\": \"Power\", \"unit\": \"W\", \"factor\": 0.001, \"labels\":"
		" [\"total\", \"L1\"], \"registers\": [{\"type\": \"decimal\", \"scale\": 1},"
		" {\"type\": \"decimal\", \"scale\": 1}]}]}]}";
	struct model *m = model("CVMk");
	struct live l = { .what = LIVE_DEFS, .analyzer = 3, .model = m };
	struct tesla_error err = { 0 };
	struct mp_doc doc, answer;
	struct buf packed, out, text;

	buf_init(&packed, 1 << 16);
	buf_init(&out, 1 << 16);
	buf_init(&text, 1 << 16);
	cr_assert(json_read(reply, strlen(reply), &packed, &err) == 0, "%s", err.text);
	cr_assert(mp_unpack(&doc, packed.pub.bytes, packed.pub.len, &err) == 0);
	l.replies[0] = &doc.u.data;
	cr_assert(live_pack(&l, &out, &err) == 0, "%s", err.text);
	cr_assert(mp_unpack(&answer, out.pub.bytes, out.pub.len, &err) == 0, "%s", err.text);
	cr_assert(json_write(&text, &answer.u.data, &err) == 0);
	cr_assert(buf_append(&text, "", 1) == 0);
	cr_expect_str_eq((char *)text.pub.bytes,
			 "{\"PAT\":{\"registre\":\"RPI\",\"numRegs\":2,\"descripcio\":\"Power\","
			 "\"valEscala\":0.001,\"numDigits\":9,\"descVars\":[\"total\",\"L1\"],"
			 "\"magnitut\":\"kW\"}}",
			 "%s", (char *)text.pub.bytes);
	mp_doc_release(&answer);
	mp_doc_release(&doc);
	buf_release(&packed);
	buf_release(&out);
	buf_release(&text);
	model_free(m);
}
