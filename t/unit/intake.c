/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of /api/v1/records: what comes out of one, and what is said of what is wrong. */
#include "central/intake.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "central/ahead.h"

#define GAUGE "\"unit\":\"V\",\"kind\":\"gauge\","
#define RECORD(VARIABLE) \
	"{\"records\":[{\"analyzer\":1,\"start_ms\":0,\"end_ms\":60000,\"model\":\"M\"," \
	"\"variables\":{\"V\":{" VARIABLE "}}}]}"
#define COLUMNS(VARIABLE) \
	"{\"columns\":[{\"analyzer\":1,\"model\":\"M\",\"window_ms\":60000," \
	"\"end_ms\":[60000,120000]," \
	"\"variables\":{\"V\":{" VARIABLE "}}}]}"

/* A body; whether it can be taken apart; what is said of it, or of what is rejected; NULL: good. */
static const struct {
	const char *json;
	int result;
	const char *why;
} cases[] = {
	{ RECORD(GAUGE "\"value\":[1.5]"), 0, NULL },
	{ RECORD(GAUGE "\"value\":[1.5,null]"), 0, NULL },
	{ RECORD(GAUGE "\"value\":[1],\"quality\":[2],\"count\":[3],\"covered_ms\":[60000]"), 0,
	  NULL },
	{ "{\"records\":[]}", 0, NULL },
	{ "[]", -EBADMSG, "expected a map" },
	{ "{}", -EBADMSG, "expected a map" },
	{ "{\"records\":[],\"node\":4}", -EBADMSG, "\"node\": expected a text" },
	{ "{\"records\":{}}", -EBADMSG, "\"records\": expected an array" },
	{ "{\"records\":[],\"columns\":7}", -EBADMSG, "\"columns\": expected an array" },
	{ "{\"records\":null,\"columns\":[]}", 0, NULL },
	{ "{\"records\":[],\"node\":\"4\",\"records\":[7]}", -EBADMSG,
	  "the body: \"records\" comes twice" },
	{ "{\"records\":[{\"analyzer\":1,\"variables\":{},\"analyzer\":2}]}", 0,
	  "the record: \"analyzer\" comes twice" },
	{ "{\"records\":[{\"variables\":{\"V\":{},\"I\":{},\"V\":{}}}]}", 0,
	  "variables: \"V\" comes twice" },
	{ RECORD(GAUGE "\"value\":[1],\"value\":[2]"), 0, "V: \"value\" comes twice" },
	{ COLUMNS(GAUGE "\"value\":[[1,2]],\"unit\":\"A\""), 0, "V: \"unit\" comes twice" },
	{ "{\"records\":[7]}", 0, "expected \"variables\"" },
	{ "{\"records\":[{\"analyzer\":0,\"variables\":{}}]}", 0, "analyzer 0" },
	{ "{\"records\":[{\"analyzer\":1.5,\"variables\":{}}]}", 0, "\"analyzer\"" },
	{ "{\"records\":[{\"analyzer\":1,\"variables\":{}}]}", 0, "\"start_ms\"" },
	{ "{\"records\":[{\"analyzer\":1,\"start_ms\":1,\"variables\":{}}]}", 0, "\"end_ms\"" },
	{ RECORD("\"kind\":\"gauge\",\"value\":[1]"), 0, "V: expected a \"unit\"" },
	{ RECORD("\"unit\":\"\\u0001\",\"kind\":\"gauge\",\"value\":[1]"), 0,
	  "V: expected a \"unit\"" },
	{ RECORD("\"unit\":\"\\udc00\",\"kind\":\"gauge\",\"value\":[1]"), 0,
	  "V: expected a \"unit\"" },
	{ RECORD("\"unit\":\"m3/h\",\"kind\":\"gauge\",\"value\":[1]"), 0, NULL },
	{ "{\"records\":[{\"analyzer\":1,\"start_ms\":0,\"end_ms\":1,\"model\":\"M\","
	  "\"variables\":{\"T/F\":{}}}]}",
	  0, "map of names (writing" },
	{ RECORD("\"unit\":\"V\",\"kind\":\"x\",\"value\":[1]"), 0, "V: expected \"kind\"" },
	{ RECORD("\"unit\":\"V\",\"kind\":\"gauge\""), 0, "V: expected a \"value\"" },
	{ RECORD(GAUGE "\"value\":[]"), 0, "V: expected a \"value\"" },
	{ RECORD(GAUGE "\"value\":1"), 0, "\"value\" is not an array" },
	{ RECORD(GAUGE "\"value\":[1,2],\"min\":[1]"), 0, "\"min\" is not an array" },
	{ RECORD(GAUGE "\"value\":[1,\"x\"]"), 0, "element 2 of \"value\"" },
	{ RECORD(GAUGE "\"value\":[1],\"quality\":[9]"), 0, "element 1: no such quality" },
	{ RECORD(GAUGE "\"value\":[1],\"count\":[-1]"), 0, "no such quality, count" },
	{ COLUMNS(GAUGE "\"value\":[[1,2]]"), 0, NULL },
	{ "{\"records\":[{\"analyzer\":1,\"start_ms\":0,\"end_ms\":1,\"model\":null,"
	  "\"variables\":{}}]}",
	  0, "\"model\": expected a text of 1 to 255 bytes" },
	{ "{\"columns\":[{\"analyzer\":1,\"window_ms\":1,\"end_ms\":[1],\"variables\":{}}]}", 0,
	  "\"model\": expected a text of 1 to 255 bytes" },
	{ COLUMNS(GAUGE "\"value\":[[1,null]]"), 0, NULL },
	{ COLUMNS(GAUGE "\"value\":[[1]]"), 0, "is not an array of 2 numbers" },
	{ COLUMNS(GAUGE "\"value\":[1]"), 0, "is not an array of 2 numbers" },
	{ COLUMNS(GAUGE "\"value\":[[1,\"x\"]]"), 0, "row 2 of \"value\"" },
	{ "{\"columns\":[{\"analyzer\":1,\"window_ms\":1,\"model\":\"M\",\"end_ms\":[],"
	  "\"variables\":{}}]}",
	  0, "\"end_ms\"" },
	{ "{\"columns\":[{\"analyzer\":1,\"end_ms\":[1],\"variables\":{}}]}", 0, "\"window_ms\"" },
};

struct read {
	struct buf packed;
	struct mp_doc doc;
	struct intake in;
	struct tesla_error err;
};

static int read_json(struct read *r, const char *json)
{
	int rc;

	*r = (struct read){ 0 };
	buf_init(&r->packed, 1 << 20);
	cr_assert_eq(json_read(json, strlen(json), &r->packed, &r->err), 0, "%s: %s", json,
		     r->err.text);
	cr_assert_eq(mp_unpack(&r->doc, r->packed.pub.bytes, r->packed.pub.len, &r->err), 0);
	rc = intake_read(&r->doc.u.data, &r->in, &r->err);
	return rc;
}

static void read_release(struct read *r)
{
	intake_release(&r->in);
	mp_doc_release(&r->doc);
	buf_release(&r->packed);
}

Test(intake, cases)
{
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct read r;
		int rc = read_json(&r, cases[i].json);
		bool rejected = rc == 0 && r.in.n_records + r.in.n_columns > 0 &&
				r.in.verdicts[0].outcome == STORE_REJECTED;
		const char *said = rc != 0 ? r.err.text : rejected ? r.in.verdicts[0].reason : NULL;

		cr_expect_eq(rc, cases[i].result, "%s: %d", cases[i].json, rc);
		cr_expect((said != NULL) == (cases[i].why != NULL), "%s: %s", cases[i].json,
			  said != NULL ? said : "nothing is said");
		if (said != NULL && cases[i].why != NULL)
			cr_expect(strstr(said, cases[i].why) != NULL, "%s: %s", cases[i].json,
				  said);
		read_release(&r);
	}
}

/* One that is wrong does not take the others with it. */
Test(intake, what_comes_out)
{
	struct read r;
	const struct record *rec;
	const struct store_columns *c;
	const struct tesla_record_element *e;

	cr_assert_eq(read_json(&r,
			       "{\"node\":\"n\",\"records\":[{\"analyzer\":0},"
			       "{\"analyzer\":7,\"start_ms\":1,\"end_ms\":2,\"model\":\"M\","
			       "\"identity\":\"x\",\"variables\":{\"V\":{\"unit\":\"V\","
			       "\"kind\":\"gauge\",\"factor\":0.001,\"value\":[1.5,null],"
			       "\"min\":[1,null],\"count\":[3,null],\"covered_ms\":[9,0]}}}],"
			       "\"columns\":[{\"analyzer\":8,\"model\":\"M\",\"window_ms\":60000,"
			       "\"end_ms\":[60000,120000],\"variables\":{\"E\":{\"unit\":\"Wh\","
			       "\"kind\":\"counter\",\"value\":[[1,2],[3,null]]}}}]}"),
		     0);
	cr_assert(r.in.n_records == 2 && r.in.n_columns == 1);
	cr_expect_str_eq(r.in.node, "n");
	cr_expect_null(r.in.records[0].record);
	rec = r.in.records[1].record;
	cr_assert_not_null(rec);
	cr_expect(rec->analyzer == 7 && rec->start_ms == 1 && rec->end_ms == 2);
	cr_expect_str_eq(rec->model, "M");
	cr_expect_str_eq(rec->identity, "x");
	cr_expect_eq(rec->variables[0]->predecessor_factor, 0.001);
	e = rec->variables[0]->elements;
	cr_expect(e[0].value == 1.5 && e[0].min == 1 && isnan(e[0].max) && e[0].count == 3 &&
		  e[0].covered_ms == 9 && e[0].quality == TESLA_GOOD);
	cr_expect(isnan(e[1].value) && e[1].quality == TESLA_UNAVAILABLE && e[1].count == 0);
	c = &r.in.columns[0];
	cr_expect(c->analyzer == 8 && c->n_rows == 2 && c->end_ms[1] == 120000);
	cr_expect(c->variables[0].n_elements == 2);
	cr_expect(c->variables[0].elements[0].fields[STORE_VALUE][1] == 2);
	cr_expect(isnan(c->variables[0].elements[1].fields[STORE_VALUE][1]));
	cr_expect_null(c->variables[0].elements[0].fields[STORE_QUALITY]);
	read_release(&r);
}

Test(intake, too_many)
{
	struct read r;
	char json[3 * (INTAKE_RECORDS_MAX + 1) + 100] = "{\"records\":[0";
	size_t len = strlen(json);

	for (size_t i = 0; i < INTAKE_RECORDS_MAX; i++, len += 2)
		memcpy(json + len, ",0", 3);
	memcpy(json + len, "]}", 3);
	cr_expect_eq(read_json(&r, json), -EMSGSIZE);
	read_release(&r);
}

/* ---- the future ---- */

#define NOW INT64_C(1796000000000) /* in 2026 */
#define DAY INT64_C(86400000)

static const struct {
	const char *what;
	int64_t end_ms, now_ms;
	bool ahead;
} ends[] = {
	{ "now", NOW, NOW, false },
	{ "before", 0, NOW, false },
	{ "a day", NOW + DAY, NOW, false },
	{ "a millisecond more", NOW + DAY + 1, NOW, true },
	{ "2099", INT64_C(4070908800000), NOW, true },
	{ "the end of 9999", INT64_C(253402300799999), NOW, true },
	{ "the store rejects it", INT64_C(253402300800000), NOW, false },
	{ "the last number", INT64_MAX, NOW, false },
	{ "the first number", INT64_MIN, NOW, false },
	{ "2020 has begun here", NOW, INT64_C(1577836800000), true },
	{ "a clock that was never set", NOW, INT64_C(1577836799999), false },
	{ "1970", NOW, 0, false },
};

Test(intake, what_is_ahead)
{
	char text[AHEAD_TEXT];

	for (size_t i = 0; i < N_ELEMENTS(ends); i++)
		cr_expect_eq(is_ahead(ends[i].end_ms, ends[i].now_ms), ends[i].ahead, "%s",
			     ends[i].what);
	cr_expect_str_eq(ahead_text(INT64_C(4070908800000), NOW, text),
			 "it ends at 2099-01-01T00:00:00Z, more than a day after now, "
			 "2026-11-30T00:53:20Z: a clock is wrong");
}

#define OF(ANALYZER, END) SPAN(ANALYZER, "0", END)
#define SPAN(ANALYZER, START, END) \
	"{\"analyzer\":" ANALYZER ",\"start_ms\":" START ",\"end_ms\":" END ",\"model\":\"M\"," \
	"\"variables\":{\"V\":{" GAUGE "\"value\":[1]}}}"
#define ROWS(ANALYZER, FIRST, SECOND) \
	"{\"analyzer\":" ANALYZER ",\"model\":\"M\",\"window_ms\":1,\"end_ms\":[" FIRST "," SECOND \
	"]," \
	"\"variables\":{\"V\":{" GAUGE "\"value\":[[1,2]]}}}"
#define SOON "1796086400000"  /* a day from now */
#define LATER "1796086400001" /* a bit more */

static const struct {
	const char *json;
	enum intake_hold hold;
} list[] = {
	/* the columns are last */
	{ OF("1", SOON), INTAKE_GO },
	{ OF("1", LATER), INTAKE_AHEAD },
	{ OF("2", "5"), INTAKE_GO },
	{ OF("1", "6"), INTAKE_BEHIND },
	{ OF("1", LATER), INTAKE_BEHIND },
	{ OF("0", LATER), INTAKE_GO },		/* rejected */
	{ SPAN("4", LATER, LATER), INTAKE_GO }, /* the store rejects it */
	{ ROWS("2", "7", LATER), INTAKE_AHEAD },
	{ ROWS("3", "7", SOON), INTAKE_GO },
	{ ROWS("1", "8", "9"), INTAKE_BEHIND },
	{ ROWS("4", "7" LATER, LATER), INTAKE_GO }, /* so it does that */
};
#define FIRST_ROWS 7

/* What ends in the future waits, and behind it all that is its analyzer's. */
Test(intake, what_is_held)
{
	enum intake_hold holds[N_ELEMENTS(list)] = { INTAKE_GO };
	char json[4096] = "{\"records\":[";
	struct read r;

	for (size_t i = 0; i < N_ELEMENTS(list); i++)
		(void)snprintf(json + strlen(json), sizeof json - strlen(json), "%s%s",
			       i == 0		 ? ""
			       : i == FIRST_ROWS ? "],\"columns\":["
						 : ",",
			       list[i].json);
	(void)snprintf(json + strlen(json), sizeof json - strlen(json), "]}");
	cr_assert_eq(read_json(&r, json), 0);
	cr_assert_eq(r.in.n_records + r.in.n_columns, N_ELEMENTS(list));
	intake_hold(&r.in, NOW, holds);
	for (size_t i = 0; i < N_ELEMENTS(list); i++)
		cr_expect_eq(holds[i], list[i].hold, "%zu: %d", i, (int)holds[i]);
	memset(holds, 0, sizeof holds);
	intake_hold(&r.in, 0, holds);
	for (size_t i = 0; i < N_ELEMENTS(list); i++)
		cr_expect_eq(holds[i], INTAKE_GO, "by a clock that was never set: %zu", i);
	read_release(&r);
}
