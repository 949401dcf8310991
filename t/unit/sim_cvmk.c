/* SPDX-License-Identifier: Apache-2.0 */
/* tesla-sim's CVMk meters: frames from the serving side, and what a meter answers. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "sim/cvmk.h"
#include "sim/encode.h"
#include "sim/meter.h"

/* ---- frames ---- */

static const struct frame_case {
	const char *text;
	int length; /* cvmk_request_length */
	bool ok;
	unsigned unit;
	const char *command;
} frames[] = {
	{ "$00RVI75\n", 9, true, 0, "RVI" }, /* the maker's example */
	{ "$42RVm9F\n", 9, true, 42, "RVm" },
	{ "$00RVI75\n$0", 9, false, 0, NULL },
	{ "$00RVI76\n", 9, false, 0, NULL },
	{ "$0xRVI75\n", 9, false, 0, NULL },
	{ "$00RVI75", 0, false, 0, NULL },
	{ "$00", 0, false, 0, NULL },
	{ "$", 0, false, 0, NULL },
	{ "", 0, false, 0, NULL },
	{ "$0054\n", 6, false, 0, NULL },
	{ "$\x03\x0f\xc0", -1, false, 0, NULL }, /* unit 36 of Modbus */
	{ "05RVI75\n", -1, false, 0, NULL },
	{ "$00000000000000000000", 16, false, 0, NULL },
};

Test(sim_cvmk, frames)
{
	for (size_t i = 0; i < N_ELEMENTS(frames); i++) {
		const struct frame_case *c = &frames[i];
		const uint8_t *bytes = (const uint8_t *)c->text;
		struct request rq;

		cr_expect_eq(cvmk_request_length(bytes, strlen(c->text)), c->length, "%s", c->text);
		cr_expect_eq(cvmk_parse(bytes, strlen(c->text), &rq), c->ok, "%s", c->text);
		if (!c->ok)
			continue;
		cr_expect(rq.command);
		cr_expect_eq(rq.unit, c->unit, "%s", c->text);
		cr_expect_eq(rq.pdu.len, strlen(c->command), "%s", c->text);
		cr_expect_eq(memcmp(rq.pdu.bytes, c->command, rq.pdu.len), 0, "%s", c->text);
	}
}

static const struct wrap_case {
	struct effect fx;
	const char *frame;
} wraps[] = {
	{ { 0 }, "$055001E\n" },
	{ { .checksum = true }, "$0550044\n" },
	{ { .wrong_address = true }, "$065001F\n" },
	{ { .partial = true }, "$055" },
	{ { .twice = true }, "$055001E\n$055001E\n" },
};

Test(sim_cvmk, wrong_replies)
{
	const struct request rq = { .command = true, .unit = 5 };
	const struct pdu reply = { 3, "500" };
	struct adu adu;

	for (size_t i = 0; i < N_ELEMENTS(wraps); i++) {
		cvmk_wrap(&rq, &reply, &wraps[i].fx, &adu);
		cr_expect_eq(adu.len, strlen(wraps[i].frame), "%zu: %zu", i, adu.len);
		cr_expect_eq(memcmp(adu.bytes, wraps[i].frame, adu.len), 0, "%zu: %.*s", i,
			     (int)adu.len, (char *)adu.bytes);
	}
}

/* ---- numbers ---- */

static const struct text_case {
	uint16_t digits;
	double scale, value;
	const char *text;
} texts[] = {
	{ 9, 1, 230, "000000230" },	  { 9, 1, -230, "-00000230" },
	{ 9, 0.001, 5.012, "000005012" }, { 3, 0.01, 0.98, "098" },
	{ 3, 0.01, -0.98, "-98" },	  { 3, 0.1, 50.1, "501" },
	{ 3, 0.1, NAN, "   " },		  { 3, 0.1, 100, "***" },
	{ 3, 0.01, -1, "***" },		  { 9, 1, 999999999, "999999999" },
	{ 9, 1, 1e9, "*********" },	  { 3, 0.01, -0.001, "000" },
};

Test(sim_cvmk, numbers_as_text)
{
	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		const struct tesla_register r = { .type = TESLA_DECIMAL,
						  .digits = texts[i].digits,
						  .scale = texts[i].scale };
		char out[16] = "";

		encode_text(&r, texts[i].value, out);
		cr_expect_str_eq(out, texts[i].text, "%g", texts[i].value);
	}
}

/* ---- a meter ---- */

static struct meter *cvmk_new(struct model **model)
{
	static const struct meter_rules rules;
	_cleanup_free_ char *text = NULL;
	struct tesla_error err;
	struct diags diags = { 0 };
	size_t len;

	cr_assert_eq(file_read(MODELS "/CVMk.xml", 1u << 20, &text, &len, &err), 0, "%s", err.text);
	*model = model_parse("CVMk.xml", text, len, &diags);
	cr_assert_not_null(*model);
	diags_release(&diags);
	return meter_new(*model, 5, 1, &rules, 1e9);
}

static const char *ask(struct meter *m, const char *command, char *text)
{
	struct pdu rq = { .len = strlen(command) }, reply;

	memcpy(rq.bytes, command, rq.len);
	if (!meter_command(m, &rq, 1e9, &reply))
		return "silent";
	memcpy(text, reply.bytes, reply.len);
	text[reply.len] = '\0';
	return text;
}

Test(sim_cvmk, a_meter)
{
	char text[PDU_MAX + 1];
	struct model *model;
	struct meter *m = cvmk_new(&model);
	struct tesla_error err;
	double value = 1.01;

	cr_assert(meter_takes_commands(m));
	cr_expect_str_eq(ask(m, "VER", text), "simulated");
	cr_expect_str_eq(ask(m, "XYZ", text), "silent");
	cr_expect_str_eq(ask(m, "RV", text), "silent");
	cr_expect_str_eq(ask(m, "rvi", text), "silent");
	cr_expect_eq(strlen(ask(m, "RVI", text)), 36);
	cr_expect_eq(strlen(ask(m, "RHI", text)), 3);
	cr_expect_eq(meter_fix(m, "RFm", NULL, &value, &err), -ERANGE, "its max is 1");
	value = 7;
	cr_assert_eq(meter_fix(m, "RVM", NULL, &value, &err), 0, "%s", err.text);
	value = -8;
	cr_assert_eq(meter_fix(m, "RVm", "L2", &value, &err), 0, "%s", err.text);
	value = NAN;
	cr_assert_eq(meter_fix(m, "RVm", "L3", &value, &err), 0, "%s", err.text);
	cr_expect_str_eq(ask(m, "RVM", text), "000000007000000007000000007");
	cr_expect_eq(memcmp(ask(m, "RVm", text) + 9, "-00000008         ", 18), 0, "%s", text);
	cr_assert_eq(meter_identity(m, ""), 0);
	cr_expect_str_eq(ask(m, "VER", text), "silent");
	meter_free(m);
	model_free(model);
}
