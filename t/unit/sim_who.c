/* SPDX-License-Identifier: Apache-2.0 */
/* How a simulated meter says who it is: functions 17 and 43. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "sim/fleet.h"
#include "sim/who.h"

static const char text[] = "<model name=\"M\" manufacturer=\"Maker\"><variable name=\"F\" "
			   "kind=\"status\" type=\"uint16\"><element address=\"7\"/></variable>"
			   "</model>";
static const struct meter_rules rules;

/* One who knows both, or a few of them. */
static struct model *meters_make(struct meter **meters, size_t n)
{
	struct diags d = { 0 };
	struct model *model = model_parse("test.xml", text, strlen(text), &d);

	cr_assert_not_null(model);
	diags_release(&d);
	for (size_t i = 0; i < n; i++) {
		meters[i] = meter_new(model, 1, 1, &rules, 86400);
		cr_assert_not_null(meters[i]);
	}
	return model;
}

static struct pdu ask(struct meter *m, size_t len, const uint8_t *bytes)
{
	struct pdu rq = { .len = len }, reply = { 0 };

	memcpy(rq.bytes, bytes, len);
	meter_answer(m, 1, &rq, 86400, &reply);
	return reply;
}

#define HEAD_43(N) "\x2b\x0e\x01\x01\0\0" N
static const struct {
	const char *identity;
	uint8_t request[4];
	const char *reply;
	size_t len;
} objects[] = {
#define ROW(TEXT, TYPE, CODE, ID, REPLY) \
	{ \
		TEXT, { 43, TYPE, CODE, ID }, REPLY, sizeof REPLY - 1 \
	}
	ROW("SE PM710 V3.1 b", 14, 1, 0, HEAD_43("\3") "\0\2SE\1\5PM710\2\6V3.1 b"),
	ROW("SE PM710 V3.1 b", 14, 1, 2, HEAD_43("\1") "\2\6V3.1 b"),
	ROW("SE", 14, 1, 9, HEAD_43("\3") "\0\2SE\1\0\2\0"),
	ROW("SE", 14, 4, 0, "\xab\3"),
	ROW("SE", 13, 1, 0, "\xab\1"),
	ROW("", 14, 1, 0, "\xab\1"),
};

Test(sim_who, identity_as_objects)
{
	struct meter *m;
	struct model *model = meters_make(&m, 1);
	char longest[300];
	struct pdu reply;

	for (size_t i = 0; i < N_ELEMENTS(objects); i++) {
		cr_assert_eq(meter_identity(m, objects[i].identity), 0);
		reply = ask(m, 4, objects[i].request);
		cr_expect_eq(reply.len, objects[i].len, "case %zu: %zu", i, reply.len);
		cr_expect_eq(memcmp(reply.bytes, objects[i].reply, reply.len), 0, "case %zu", i);
	}
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	cr_assert_eq(meter_identity(m, longest), 0);
	reply = ask(m, 4, objects[0].request);
	cr_expect_eq(reply.len, PDU_MAX);
	meter_free(m);
	model_free(model);
}

Test(sim_who, which_functions_tell_the_identity)
{
	static const struct {
		unsigned knows;
		uint8_t said_17, said_43;
	} cases[] = {
		{ WHO_17 | WHO_43, 17, 43 },
		{ WHO_17, 17, 0xab },
		{ WHO_43, 0x91, 43 },
		{ 0, 0x91, 0xab },
	};
	struct meter *m;
	struct model *model = meters_make(&m, 1);

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		meter_identity_by(m, cases[i].knows);
		cr_expect_eq(ask(m, 1, ((uint8_t[]){ 17 })).bytes[0], cases[i].said_17);
		cr_expect_eq(ask(m, 4, objects[0].request).bytes[0], cases[i].said_43);
	}
	meter_free(m);
	model_free(model);
}

Test(sim_who, lists_of_functions_that_tell_the_identity)
{
	struct fleet f = { { NULL } };
	struct model *model = meters_make(&f.meter[5], 2);
	struct tesla_error err;
	size_t n = 0;

	cr_assert_eq(fleet_identity_by(&f, "17", &n, &err), 0);
	cr_expect_eq(n, 2);
	cr_assert_eq(fleet_identity_by(&f, "6-9:17,43", &n, &err), 0);
	cr_expect_eq(n, 3);
	cr_expect_eq(ask(f.meter[5], 4, objects[0].request).bytes[0], 0xab);
	cr_expect_eq(ask(f.meter[6], 4, objects[0].request).bytes[0], 43);
	cr_expect_eq(fleet_identity_by(&f, "none", &n, &err), 0);
	for (size_t i = 0; i < 5; i++)
		cr_expect_eq(fleet_identity_by(
				     &f, (const char *[]){ "", "18", "x:17", "5:", "300:17" }[i],
				     &n, &err),
			     -EINVAL, "%zu", i);
	cr_expect_eq(n, 5);
	fleet_release(&f);
	model_free(model);
}
