/* SPDX-License-Identifier: Apache-2.0 */
/* clientRest without a server: what it writes, and what it makes of what it reads. */
#include "../../plugins/export/clientRest/answer.h"
#include "../../plugins/export/clientRest/form.h"
#include "../../plugins/export/clientRest/instant.h"
#include "../../plugins/export/clientRest/packed.h"
#include "../../plugins/export/clientRest/records.h"
#include "../../plugins/export/clientRest/text.h"
#include "json_pack.h"
#include "rest_fixture.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <time.h>

static void zone(const char *name)
{
	cr_assert_eq(setenv("TZ", name, 1), 0);
	tzset();
}

/* ---- numbers and lines ---- */

Test(clientRest, numbers_read_back_the_same)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = {
		{ 0.1, "0.1" },
		{ 230.5, "230.5" },
		{ 1234000, "1234000" },
		{ -0.25, "-0.25" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ 1e22, "1e+22" },
		{ 123456789012345680.0, "1.2345678901234568e+17" },
	};
	uint64_t seed = 88172645463325252u;
	char text[NUMBER_SIZE];

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		text_number(text, rows[i].value);
		cr_expect_str_eq(text, rows[i].text);
	}
	for (int i = 0; i < 100000; i++) {
		double value;

		seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
		memcpy(&value, &seed, sizeof value);
		if (!isfinite(value))
			continue;
		text_number(text, value);
		cr_expect_eq(strtod(text, NULL), value, "%s is not %.17g", text, value);
	}
}

Test(clientRest, lines_are_short_and_printable)
{
	char line[8];

	text_line(line, sizeof line, "a\tb\x80~\x7f", 6);
	cr_expect_str_eq(line, "a?b?~?");
	text_line(line, sizeof line, "one\r\ntwo", 8);
	cr_expect_str_eq(line, "one");
	text_line(line, sizeof line, "0123456789", 10);
	cr_expect_str_eq(line, "0123456");
	text_line(line, sizeof line, NULL, 0);
	cr_expect_str_eq(line, "");
}

Test(clientRest, a_login_is_cut_out_of_a_message)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{ "Unsupported proxy syntax in 'http://u:pw@h:1'",
		  "Unsupported proxy syntax in 'http://h:1'" },
		{ "in 'http://u:p@w/ @h' of http://v:pw@i", "in 'http://i" },
		{ "Could not resolve proxy: h", "Could not resolve proxy: h" },
		{ "a@b http://h/", "a@b http://h/" },
		{ "http://@", "http://" },
		{ "", "" },
	};
	char text[80];

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		(void)snprintf(text, sizeof text, "%s", rows[i].text);
		text_hide_login(text);
		cr_expect_str_eq(text, rows[i].expected);
	}
}

/* ---- instants ---- */

Test(clientRest, instants)
{
	static const struct {
		const char *zone, *local, *utc;
		int64_t t_s;
		bool second_pass;
	} rows[] = {
		{ "Europe/Madrid", "30/10/2026 10:15:00", "2026-10-30T09:15:00Z", 1793351700,
		  false },
		{ "Europe/Madrid", "25/10/2026 02:00:00", "2026-10-25T00:00:00Z", 1792886400,
		  false },
		{ "Europe/Madrid", "25/10/2026 02:45:00", "2026-10-25T00:45:00Z", 1792889100,
		  false },
		{ "Europe/Madrid", "25/10/2026 02:00:00", "2026-10-25T01:00:00Z", 1792890000,
		  true },
		{ "Europe/Madrid", "25/10/2026 02:59:59", "2026-10-25T01:59:59Z", 1792893599,
		  true },
		{ "Europe/Madrid", "25/10/2026 03:00:00", "2026-10-25T02:00:00Z", 1792893600,
		  false },
		{ "Europe/Madrid", "29/03/2026 03:00:00", "2026-03-29T01:00:00Z", 1774746000,
		  false },
		{ "Australia/Lord_Howe", "05/04/2026 01:45:00", "2026-04-04T15:15:00Z", 1775315700,
		  true },
		{ "Australia/Lord_Howe", "05/04/2026 02:00:00", "2026-04-04T15:30:00Z", 1775316600,
		  false },
		{ "UTC", "31/12/1969 23:59:59", "1969-12-31T23:59:59Z", -1, false },
	};
	char text[INSTANT_SIZE];

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		zone(rows[i].zone);
		cr_expect(instant_local(rows[i].t_s * 1000, text));
		cr_expect_str_eq(text, rows[i].local, "%s", rows[i].utc);
		cr_expect(instant_utc(rows[i].t_s * 1000, text));
		cr_expect_str_eq(text, rows[i].utc);
		cr_expect_eq(instant_is_second_pass(rows[i].t_s * 1000), rows[i].second_pass, "%s",
			     rows[i].utc);
	}
	cr_expect_not(instant_utc(INT64_MAX, text));
	cr_expect_not(instant_local(INT64_MIN, text));
}

/* ---- v2: the form ---- */

static const struct form_case {
	const char *name;
	struct made_variable rows[4];
	const char *lectura; /* of the body; NULL: it is refused */
	const char *why;
} forms[] = {
	{ "all good",
	  { { "TPF", "V", TESLA_GAUGE, 1, 2, { GAUGE(230.5, 0), GAUGE(231, 0) } } },
	  "%7B%22TPF%22%3A%5B230.5%2C231%5D%7D",
	  NULL },
	{ "in the predecessor's unit",
	  { { "PAT", "W", TESLA_GAUGE, 0.001, 1, { GAUGE(1500, 0) } },
	    { "CEA", "Wh", TESLA_COUNTER, 0.001, 1, { COUNTER(1234000, 250, 0) } } },
	  "%7B%22PAT%22%3A%5B1.5%5D%2C%22CEA%22%3A%5B1234%5D%7D",
	  NULL },
	{ "one element absent: left out",
	  { { "TPF", "V", TESLA_GAUGE, 1, 2, { GAUGE(230, 0), ABSENT(TESLA_UNAVAILABLE) } },
	    { "FRE", "Hz", TESLA_GAUGE, 1, 1, { GAUGE(50, 0) } } },
	  "%7B%22FRE%22%3A%5B50%5D%7D",
	  NULL },
	{ "suspect: left out",
	  { { "CEA", "Wh", TESLA_COUNTER, 1, 1, { COUNTER(7, 1, TESLA_SUSPECT) } },
	    { "FRE", "Hz", TESLA_GAUGE, 1, 1, { GAUGE(50, 0) } } },
	  "%7B%22FRE%22%3A%5B50%5D%7D",
	  NULL },
	{ "nothing is left",
	  { { "TPF", "V", TESLA_GAUGE, 1, 1, { ABSENT(TESLA_ERROR) } } },
	  NULL,
	  "no good value" },
	{ "no variable", { { .name = NULL } }, NULL, "no good value" },
	{ "not a number",
	  { { "TPF", "V", TESLA_GAUGE, 1, 1, { GAUGE(NAN, 0) } } },
	  NULL,
	  "TPF: not a number" },
	{ "infinite",
	  { { "TPF", "V", TESLA_GAUGE, 1, 1, { GAUGE(INFINITY, 0) } } },
	  NULL,
	  "TPF: not a number" },
	{ "infinite in the predecessor's unit",
	  { { "TPF", "V", TESLA_GAUGE, 1000, 1, { GAUGE(1e308, 0) } } },
	  NULL,
	  "TPF: not a number" },
	{ "not UTF-8",
	  { { "T\xff", "V", TESLA_GAUGE, 1, 1, { GAUGE(1, 0) } } },
	  NULL,
	  "T\xff: a name that is not UTF-8" },
};

Test(clientRest, forms)
{
	zone("Europe/Madrid");
	for (size_t i = 0; i < N_ELEMENTS(forms); i++) {
		const struct form_case *c = &forms[i];
		struct tesla_verdict v = { 0 };
		char *body = NULL, expected[400];
		struct made_record r;

		record_make(&r, c->rows, N_ELEMENTS(c->rows));
		cr_expect_eq(form_make(&r.item, &body, &v), c->lectura ? 0 : -EINVAL, "%s",
			     c->name);
		cr_expect_eq(v.delivery, c->lectura ? TESLA_RETRY : TESLA_REJECT, "%s", c->name);
		cr_expect_str_eq(v.why.text, c->why ? c->why : "", "%s", c->name);
		(void)snprintf(expected, sizeof expected,
			       "DATA_HORA=30%%2F10%%2F2026+10%%3A15%%3A00&LECTURA=%s&MODEL=PM710"
			       "&DATA_UTC=2026-10-30T09%%3A15%%3A00Z",
			       c->lectura ? c->lectura : "");
		if (c->lectura != NULL && body != NULL)
			cr_expect_str_eq(body, expected, "%s", c->name);
		free(body);
	}
}

Test(clientRest, a_model_is_escaped_too)
{
	struct tesla_verdict v = { 0 };
	_cleanup_free_ char *body = NULL;
	struct made_record r;

	record_make(&r, plain_rows, 1);
	r.item.model = "PM 710+\xc3\xa9&a=b";
	cr_assert_eq(form_make(&r.item, &body, &v), 0);
	cr_expect_not_null(strstr(body, "&MODEL=PM+710%2B%C3%A9%26a%3Db&"), "%s", body);
}

/* Elements so many that its form is beyond the bound. */
static struct tesla_record_element many[80000];

static void record_lengthen(struct made_record *r)
{
	record_make(r, plain_rows, 1);
	for (size_t i = 0; i < N_ELEMENTS(many); i++)
		many[i] = (struct tesla_record_element)GAUGE(1.0 / 3, TESLA_GOOD);
	r->variables[0].elements = many;
	r->variables[0].n_elements = N_ELEMENTS(many);
}

Test(clientRest, an_over_long_record_is_refused)
{
	struct tesla_verdict v = { 0 };
	char *body = NULL;
	struct made_record r;

	record_lengthen(&r);
	cr_expect_eq(form_make(&r.item, &body, &v), -EINVAL);
	cr_expect_eq(v.delivery, TESLA_REJECT);
	cr_expect_not_null(strstr(v.why.text, "too long: "), "%s", v.why.text);
	cr_expect_not_null(strstr(v.why.text, "bytes, at most 262144"), "%s", v.why.text);
}

/* ---- v1: records in both forms ---- */

static const struct made_variable all_kinds[] = {
	{ "TPF", "V", TESLA_GAUGE, 1, 2, { GAUGE(230.5, 0), ABSENT(TESLA_UNAVAILABLE) } },
	{ "CEA", "Wh", TESLA_COUNTER, 0.001, 1, { COUNTER(1234000, NAN, TESLA_SUSPECT) } },
	{ "ERR", NULL, TESLA_STATUS, 1, 1, { COUNTER(64, NAN, 0) } },
};
static const char all_kinds_json[] =
	"{\"node\":\"4\",\"records\":[{\"analyzer\":1,\"start_ms\":1793350800000,"
	"\"end_ms\":1793351700000,\"model\":\"PM710\",\"identity\":\"v?1\",\"variables\":{"
	"\"TPF\":{\"unit\":\"V\",\"kind\":\"gauge\",\"value\":[230.5,null],\"min\":[229.5,null],"
	"\"max\":[231.5,null],\"count\":[900,0],\"covered_ms\":[900000,0],\"quality\":[0,1]},"
	"\"CEA\":{\"unit\":\"Wh\",\"kind\":\"counter\",\"value\":[1234000],\"increase\":[null],"
	"\"count\":[15],\"covered_ms\":[900000],\"quality\":[2]},"
	"\"ERR\":{\"unit\":\"\",\"kind\":\"status\",\"value\":[64],\"count\":[15],"
	"\"covered_ms\":[900000],\"quality\":[0]}}}]}";
/* As msgpack-c prints it. */
static const char all_kinds_printed[] =
	"{\"node\"=>\"4\", \"records\"=>[{\"analyzer\"=>1, \"start_ms\"=>1793350800000, "
	"\"end_ms\"=>1793351700000, \"model\"=>\"PM710\", \"identity\"=>\"v?1\", \"variables\"=>{"
	"\"TPF\"=>{\"unit\"=>\"V\", \"kind\"=>\"gauge\", \"value\"=>[230.500000, nil], "
	"\"min\"=>[229.500000, nil], \"max\"=>[231.500000, nil], \"count\"=>[900, 0], "
	"\"covered_ms\"=>[900000, 0], \"quality\"=>[0, 1]}, "
	"\"CEA\"=>{\"unit\"=>\"Wh\", \"kind\"=>\"counter\", \"value\"=>[1234000.000000], "
	"\"increase\"=>[nil], \"count\"=>[15], \"covered_ms\"=>[900000], \"quality\"=>[2]}, "
	"\"ERR\"=>{\"unit\"=>\"\", \"kind\"=>\"status\", \"value\"=>[64.000000], \"count\"=>[15], "
	"\"covered_ms\"=>[900000], \"quality\"=>[0]}}}]}";

/* The one form read by a parser that is not ours, and put as the other. */
static void check_record(const struct tesla_item *const *list, enum format format,
			 const char *expected)
{
	struct tesla_error err = { 0 };
	char text[4096] = "";
	struct mp_doc doc;
	struct writer w;

	writer_init(&w, format);
	records_write(&w, "4", list, 1);
	cr_expect_eq(w.failed, 0);
	if (format == FORMAT_JSON) {
		(void)snprintf(text, sizeof text, "%.*s", (int)w.bytes.size, w.bytes.data);
	} else {
		cr_assert_eq(mp_unpack(&doc, w.bytes.data, w.bytes.size, &err), 0, "%s", err.text);
		(void)msgpack_object_print_buffer(text, sizeof text, doc.u.data);
		mp_doc_release(&doc);
	}
	cr_expect_str_eq(text, expected);
	writer_release(&w);
}

Test(clientRest, records_in_both_forms)
{
	const struct tesla_item *list[1];
	struct made_record r;

	record_make(&r, all_kinds, N_ELEMENTS(all_kinds));
	r.item.identity = "v\xff"
			  "1";
	list[0] = &r.item;
	check_record(list, FORMAT_JSON, all_kinds_json);
	check_record(list, FORMAT_MSGPACK, all_kinds_printed);
}

/* ---- v1: answers ---- */

#define REJECTED "{\"status\":\"rejected\",\"reason\":\"no such analyzer\"}"
static const struct answer_case {
	const char *json;
	size_t n;
	const char *why; /* NULL: it is taken */
	enum tesla_delivery deliveries[3];
	const char *reason; /* of the last */
} answers[] = {
	{ "{\"results\":[{\"status\":\"stored\"}]}", 1, NULL, { TESLA_DONE }, "" },
	{ "{\"results\":[{\"status\":\"stored\"},{\"status\":\"duplicate\"}," REJECTED "]}",
	  3,
	  NULL,
	  { TESLA_DONE, TESLA_DONE, TESLA_REJECT },
	  "no such analyzer" },
	{ "{\"results\":[{\"reason\":\"full\",\"status\":\"later\"}]}",
	  1,
	  NULL,
	  { TESLA_RETRY },
	  "full" },
	{ "{\"x\":[{\"status\":\"odd\"}],\"y\":{\"results\":[1]},"
	  "\"results\":[{\"a\":{\"status\":\"odd\",\"b\":[[1]]},\"c\":[\"odd\"],"
	  "\"status\":\"stored\","
	  "\"status2\":\"odd\"}],\"z\":null}",
	  1,
	  NULL,
	  { TESLA_DONE },
	  "" },
	{ "{\"results\":[{\"status\":\"stored\"}]}",
	  2,
	  "there are 1 results for 2 records",
	  { 0 },
	  NULL },
	{ "{\"results\":[{\"status\":\"stored\"},{\"status\":\"stored\"}]}",
	  1,
	  "there are more results than records",
	  { 0 },
	  NULL },
	{ "{\"results\":[]}", 1, "there are 0 results for 1 records", { 0 }, NULL },
	{ "{\"results\":[{\"status\":\"perhaps\"}]}",
	  1,
	  "a status that is not known",
	  { 0 },
	  NULL },
	{ "{\"results\":[{\"status\":1}]}", 1, "has no status", { 0 }, NULL },
	{ "{\"results\":[{}]}", 1, "has no status", { 0 }, NULL },
	{ "{\"results\":[\"stored\"]}", 1, "a result is no map", { 0 }, NULL },
	{ "{\"results\":[[{\"status\":\"stored\"}]]}", 1, "a result is no map", { 0 }, NULL },
	{ "{\"results\":{\"status\":\"stored\"}}", 1, " list", { 0 }, NULL },
	{ "{\"results\":[{\"status\":\"stored\"}],\"results\":[{\"status\":\"stored\"}]}",
	  1,
	  "two lists",
	  { 0 },
	  NULL },
	{ "{}", 1, "there is no list of results in it", { 0 }, NULL },
	{ "[{\"status\":\"stored\"}]", 1, "it is no map", { 0 }, NULL },
	{ "\"stored\"", 1, "it is no map", { 0 }, NULL },
	{ "null", 1, "it is no map", { 0 }, NULL },
};

static void check_answer(const struct answer_case *c, enum format format, const void *bytes,
			 size_t len)
{
	struct answer_result results[3];
	struct tesla_error err;
	int r = answer_parse(format, bytes, len, results, c->n, &err);

	cr_expect_eq(r, c->why ? -EBADMSG : 0, "%d %s", format, c->json);
	if (c->why != NULL)
		cr_expect_not_null(strstr(err.text, c->why), "%d %s: %s", format, c->json,
				   err.text);
	for (size_t i = 0; i < c->n && c->why == NULL; i++)
		cr_expect_eq(results[i].delivery, c->deliveries[i], "%d %s, %zu", format, c->json,
			     i);
	if (c->reason != NULL)
		cr_expect_str_eq(results[c->n - 1].reason, c->reason, "%d %s", format, c->json);
}

/* Cut at any byte it is none. */
static void check_cuts(enum format format, const char *bytes, size_t len, size_t n)
{
	struct answer_result results[3];
	struct tesla_error err;

	for (size_t cut = 0; cut < len; cut++)
		cr_expect_eq(answer_parse(format, bytes, cut, results, n, &err), -EBADMSG,
			     "%d, %zu of %zu bytes", format, cut, len);
}

Test(clientRest, answers_in_both_forms)
{
	for (size_t i = 0; i < N_ELEMENTS(answers); i++) {
		const struct answer_case *c = &answers[i];
		msgpack_packer pk;
		struct buf b;

		buf_init(&b, 1 << 20);
		mp_writer(&pk, &b);
		cr_assert(json_pack(&pk, c->json));
		check_answer(c, FORMAT_JSON, c->json, strlen(c->json));
		check_answer(c, FORMAT_MSGPACK, b.pub.bytes, b.pub.len);
		check_cuts(FORMAT_MSGPACK, (const char *)b.pub.bytes, b.pub.len, c->n);
		if (c->json[0] == '{')
			check_cuts(FORMAT_JSON, c->json, strlen(c->json), c->n);
		buf_release(&b);
	}
}

Test(clientRest, packed_counts_are_not_trusted)
{
#define ARRAYS_OF_ONE "\x91\x91\x91\x91\x91\x91\x91\x91"
	static const struct {
		const char *bytes;
		size_t len;
		bool sound;
	} rows[] = {
		{ "\xdd\x10\x00\x00\x00", 5, false }, /* 8 GB to msgpack-c */
		{ "\xdf\xff\xff\xff\xff", 5, false },
		{ "\xdc\x00\x02\xc0\xc0", 5, true },
		{ "\x82\xa1k\xc0\xa1", 5, false },
		{ "\x81\xa1k\xcb\x00\x00\x00\x00\x00\x00\x00\x00", 12, true },
		{ "\xdb\x00\x00\x00\x01", 5, false },
		{ "\xd9\x01k", 3, true },
		{ "\xc7\x01\x05k", 4, true },
		{ "\xd6\x05kkkk", 6, true },
		{ "\xc1", 1, false },
		{ "\xc0\xc0", 2, false },
		{ "", 0, false },
		{ ARRAYS_OF_ONE "\xc0", 9, true },
		{ ARRAYS_OF_ONE "\x91\xc0", 10, false },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		cr_expect_eq(packed_is_sound(rows[i].bytes, rows[i].len), rows[i].sound, "row %zu",
			     i);
}

/* ---- two scanners of MessagePack, for a plugin sees nothing of the core's ---- */

/* true: they call it a whole value. */
static bool scanners_agree(const uint8_t *bytes, size_t len, const char *path)
{
	struct tesla_error err;
	bool ours = packed_is_sound(bytes, len), base = mp_scan(bytes, len, &err) == 0;

	cr_expect_eq(ours, base, "%s, %zu bytes from %02x on: %d, the core's says %d (%s)", path,
		     len, len > 0 ? *bytes : 0, ours, base, base ? "" : err.text);
	return ours;
}

/* The file, any piece of it, and with each byte made any other.  How many are whole. */
static size_t scanners_feed(const char *path)
{
	FILE *f = fopen(path, "re");
	uint8_t bytes[256];
	size_t len, n_whole = 0;

	cr_assert_not_null(f, "%s", path);
	len = fread(bytes, 1, sizeof bytes, f);
	(void)fclose(f);
	for (size_t from = 0; from < len; from++)
		for (size_t to = from; to <= len; to++)
			n_whole += scanners_agree(bytes + from, to - from, path);
	for (size_t i = 0; i < len; i++) {
		const uint8_t kept = bytes[i];

		for (unsigned other = 0; other < 256; other++) {
			bytes[i] = (uint8_t)other;
			n_whole += scanners_agree(bytes, len, path);
			n_whole += scanners_agree(bytes + 1, len - 1, path);
		}
		bytes[i] = kept;
	}
	return n_whole;
}

Test(clientRest, both_scanners_say_the_same, .timeout = 60)
{
	/* restAnswer's first byte is not of the value */
	static const char *const corpora[] = { "message", "hostmsg", "record", "batch",
					       "restAnswer" };
	const char *top = getenv("top_srcdir") ? getenv("top_srcdir") : ".";

	cr_assert_eq(PACKED_DEPTH, MP_DEPTH);
	for (size_t i = 0; i < N_ELEMENTS(corpora); i++) {
		_cleanup_free_ char *pattern = NULL;
		size_t n_whole = 0;
		glob_t found;

		cr_assert(asprintf(&pattern, "%s/t/fuzz/corpus/%s/*", top, corpora[i]) >= 0);
		cr_assert_eq(glob(pattern, 0, NULL, &found), 0, "%s", pattern);
		for (size_t k = 0; k < found.gl_pathc; k++)
			n_whole += scanners_feed(found.gl_pathv[k]);
		globfree(&found);
		cr_expect_gt(n_whole, 500, "%s: only %zu whole values", corpora[i], n_whole);
	}
}

/* ---- parameters ---- */

#define PROXY_FORM "expected one such as http://proxy.example:3128"
static const struct conf_case {
	struct setting settings[4];
	const char *why; /* NULL: it is taken */
} confs[] = {
	{ { { "target", "http://localhost:8000/central/ws" } }, NULL },
	{ { { "target", "https://central.example/ws/v2/" }, { "token", "abc" } }, NULL },
	{ { { "target", "http://h" }, { "user", "4" }, { "password", "p" } }, NULL },
	{ { { "target", "http://[::1]:80/x" }, { "timeout", "15" } }, NULL },
	{ { { "target", "central.example/ws/v2" } }, "target is \"central.example/ws/v2\": " },
	{ { { "target", "ftp://h/x" } }, "neither http:// nor https://" },
	{ { { "target", "file:///etc/passwd" } }, "neither http:// nor https://" },
	{ { { "target", "http://" } }, "expected one such as https://" },
	{ { { "target", "http://h:99999/" } }, "expected one such as https://" },
	{ { { "target", "http://u:pw@h/ws" } }, "target has a user name or a password in it" },
	{ { { "target", "gopher://u:pw@h/ws" } }, "target is (hidden: there is an @ in it): " },
	{ { { "target", "http://h/ws?x=pw" } },
	  "target is \"http://h/ws\" and more: there is a ? or # in it" },
	{ { { "target", "http://h/ws#pw" } },
	  "target is \"http://h/ws\" and more: there is a ? or # in it" },
	{ { { "target", "ftp://h/ws?token=pw" } },
	  "target is \"ftp://h/ws\" and more: neither http" },
	{ { { "target", "http://h:99999/?token=pw" } },
	  "target is \"http://h:99999/\" and more: " },
	{ { { "target", "h?token=pw" } }, "target is \"h\" and more: " },
	{ { { "target", "http://h" }, { "proxy", "" } }, NULL },
	{ { { "target", "http://h" }, { "proxy", "http://u:pw@h:3128" } }, NULL },
	{ { { "target", "http://h" }, { "proxy", "h:3128" } }, NULL },
	{ { { "target", "http://h" }, { "proxy", "socks5h://[::1]:1080/" } }, NULL },
	{ { { "target", "http://h" }, { "proxy", "http://u:pw@" } }, PROXY_FORM },
	{ { { "target", "http://h" }, { "proxy", "http://u:pw@h:x" } }, PROXY_FORM },
	{ { { "target", "http://h" }, { "proxy", "http://u:pw/@h:1" } }, PROXY_FORM },
	{ { { "target", "http://h" }, { "proxy", "http://u:pw @h:1" } }, PROXY_FORM },
	{ { { "target", "http://h" }, { "proxy", "gopher://u:pw@h:1" } }, "its scheme is none of" },
	{ { { "target", "http://h" }, { "proxy", "http://u:pw%0a@h:1" } },
	  "a user name or password that is not well encoded" },
	{ { { "target", "http://h" }, { "user", "4" } }, "expected user and password, or neither" },
	{ { { "target", "http://h" }, { "user", "a:b" }, { "password", "" } }, "a colon" },
	{ { { "target", "http://h" }, { "user", "4" }, { "password", "p" }, { "token", "t" } },
	  "not both" },
	{ { { "target", "http://h" }, { "token", "a\r\nX: y" } }, "no printable ASCII" },
	{ { { "target", "http://h" }, { "ca", "ca.pem" } }, "expected an absolute path" },
	{ { { "target", "http://h" }, { "ca", "/nowhere/ca.pem" } },
	  "ca: /nowhere/ca.pem: No such file or directory" },
	{ { { "target", "http://h" }, { "key", "/dev/null" } }, "there is a key, but no cert" },
};

Test(clientRest, parameters_are_checked)
{
	for (size_t i = 0; i < N_ELEMENTS(confs); i++) {
		const struct conf_case *c = &confs[i];
		struct tesla_error err = { 0 };
		struct conf conf;

		conf_make(&conf, c->settings, N_ELEMENTS(c->settings));
		cr_expect_eq(tesla_plugin.check(&conf, &err) != 0, c->why != NULL, "%s: %s",
			     c->settings[0].value, err.text);
		if (c->why != NULL)
			cr_expect_not_null(strstr(err.text, c->why), "%s: %s", c->settings[0].value,
					   err.text);
		cr_expect_null(strstr(err.text, "pw"), "%s", err.text);
	}
}

Test(clientRest, secrets_are_marked)
{
	static const char *const secrets[] = { "token", "password", "proxy" };

	for (size_t i = 0; i < N_ELEMENTS(secrets); i++)
		cr_expect(param_find(tesla_plugin.params, secrets[i])->flags & TESLA_SECRET, "%s",
			  secrets[i]);
}
