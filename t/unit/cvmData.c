/* SPDX-License-Identifier: Apache-2.0 */
/* cvmData: which commands a model needs, and what their fields become. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <tesla/plugin.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/model.h"

#define ELEMENTS 4

static const struct tesla_model model = { .size = sizeof model, .name = "test" };

/* A variable of one command, whose fields are as wide as they are. */
struct asked {
	struct tesla_register registers[ELEMENTS];
	const struct tesla_register *elements[ELEMENTS];
	struct tesla_variable variable;
};

static void asked_make(struct asked *a, size_t n, const struct tesla_register *like)
{
	*a = (struct asked){
		.variable = { .name = "V", .unit = "", .n_elements = n, .elements = a->elements }
	};
	for (size_t i = 0; i < n; i++) {
		a->registers[i] = *like;
		a->registers[i].field = (uint16_t)i;
		a->elements[i] = &a->registers[i];
	}
}

static int open_one(struct asked *a, void **self, struct tesla_error *err)
{
	const struct tesla_variable *wanted[] = { &a->variable };

	return tesla_plugin.data->open(NULL, &model, wanted, 1, self, err);
}

static void decode_text(const void *self, enum tesla_status status, const char *text,
			struct tesla_element *out)
{
	char copy[128];
	struct tesla_buf bytes = { .bytes = (uint8_t *)copy, .len = strlen(text) };
	const struct tesla_reply reply = { .status = status, .data = &bytes };
	struct tesla_error err;

	(void)snprintf(copy, sizeof copy, "%s", text);
	cr_assert_eq(tesla_plugin.data->decode(self, &reply, out, &err), 0);
}

/* ---- one field, one row a fact ---- */

#define NONE NAN, TESLA_UNAVAILABLE
#define BAD NAN, TESLA_ERROR
static const struct field_case {
	const char *text;
	double scale, offset, max; /* scale 0: 1; max 0: none */
	double value;
	enum tesla_quality quality;
} cases[] = {
	{ "000000230", 0, 0, 0, 230, TESLA_GOOD },
	{ "      230", 0, 0, 0, 230, TESLA_GOOD },
	{ "230      ", 0, 0, 0, 230, TESLA_GOOD },
	{ "   230   ", 0, 0, 0, 230, TESLA_GOOD },
	{ "000000000", 0, 0, 0, 0, TESLA_GOOD },
	{ "999999999", 0, 0, 0, 999999999, TESLA_GOOD },
	{ "-00000230", 0, 0, 0, -230, TESLA_GOOD },
	{ "     -230", 0, 0, 0, -230, TESLA_GOOD },
	{ "-     230", 0, 0, 0, -230, TESLA_GOOD },
	{ "+00000230", 0, 0, 0, 230, TESLA_GOOD },
	{ "-00000000", 0, 0, 0, 0, TESLA_GOOD }, /* and has no sign */
	{ "   230.51", 0, 0, 0, 230.51, TESLA_GOOD },
	{ "  -230.51", 0, 0, 0, -230.51, TESLA_GOOD },
	{ "230.51   ", 0, 0, 0, 230.51, TESLA_GOOD },
	{ ".00000001", 0, 0, 0, 1e-8, TESLA_GOOD },
	{ "00000230.", 0, 0, 0, 230, TESLA_GOOD },
	{ "000005012", 0.001, 0, 0, 5.012, TESLA_GOOD },
	{ "123456789", 0.001, 0, 0, 123456.789, TESLA_GOOD },
	{ "   230.51", 0.001, 0, 0, 0.23051, TESLA_GOOD },
	{ "098", 0.01, 0, 0, 0.98, TESLA_GOOD },
	{ "-98", 0.01, 0, 0, -0.98, TESLA_GOOD },
	{ "100", 0.01, 0, 100, 1, TESLA_GOOD },
	{ "501", 0.1, 0, 0, 50.1, TESLA_GOOD },
	{ "7", 0, 0, 0, 7, TESLA_GOOD },
	{ "012", 10, 0.5, 0, 120.5, TESLA_GOOD },
	{ "123456789012345", 0, 0, 0, 123456789012345, TESLA_GOOD },
	/* not there, too large */
	{ "         ", 0, 0, 0, NONE },
	{ "   ", 0.01, 0, 0, NONE },
	{ "*********", 0, 0, 0, NONE },
	{ "  ***    ", 0, 0, 0, NONE },
	{ "---------", 0, 0, 0, NONE },
	{ "--- --- -", 0, 0, 0, NONE },
	{ "----.----", 0, 0, 0, NONE },
	{ "        -", 0, 0, 0, NONE },
	{ "OVERFLOW ", 0, 0, 0, NONE },
	{ "  over   ", 0, 0, 0, NONE },
	{ "-OL-", 0, 0, 0, NONE },
	{ "nan", 0, 0, 0, NONE },
	{ "inf", 0, 0, 0, NONE },
	{ "101", 0.01, 0, 100, NONE },
	{ "-99", 0.01, 0, 98, NONE },
	{ "10.1", 0.01, 0, 10, NONE },
	{ "10.0", 1, 0, 10, 10, TESLA_GOOD },
	/* damaged */
	{ "00 000230", 0, 0, 0, BAD },
	{ "0000O0230", 0, 0, 0, BAD },
	{ "0x0000230", 0, 0, 0, BAD },
	{ "2.30e+002", 0, 0, 0, BAD },
	{ "00*000230", 0, 0, 0, BAD },
	{ "000-00230", 0, 0, 0, BAD },
	{ "00000230-", 0, 0, 0, BAD },
	{ "--0000230", 0, 0, 0, BAD },
	{ "+-0000230", 0, 0, 0, BAD },
	{ "0.0000.23", 0, 0, 0, BAD },
	{ "        .", 0, 0, 0, BAD },
	{ "        +", 0, 0, 0, BAD },
	{ "-.", 0, 0, 0, NONE },
	{ "+.", 0, 0, 0, BAD },
	{ "000,00230", 0, 0, 0, BAD },
	{ "\t00000230", 0, 0, 0, BAD },
	{ "00000\x01"
	  "230",
	  0, 0, 0, BAD },
	{ "0000023\xb0", 0, 0, 0, BAD },
	{ "E02", 0.01, 0, 0, BAD },
};

Test(cvmData, fields)
{
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		const struct field_case *c = &cases[i];
		const struct tesla_register like = { .label = "x",
						     .type = TESLA_DECIMAL,
						     .command = "RVI",
						     .digits = (uint16_t)strlen(c->text),
						     .scale = c->scale != 0 ? c->scale : 1,
						     .offset = c->offset,
						     .has_max = c->max != 0,
						     .max = c->max };
		struct tesla_element out = { 99, TESLA_STALE };
		struct tesla_error err = { 0 };
		struct asked a;
		void *self;

		asked_make(&a, 1, &like);
		cr_assert_eq(open_one(&a, &self, &err), 0, "\"%s\": %s", c->text, err.text);
		decode_text(self, TESLA_REPLY_OK, c->text, &out);
		cr_expect_eq(out.quality, c->quality, "\"%s\": %d, %g", c->text, (int)out.quality,
			     out.value);
		cr_expect(c->quality == TESLA_GOOD
				  ? out.value == c->value &&
					    !signbit(out.value) == !signbit(c->value)
				  : isnan(out.value),
			  "\"%s\": %.17g", c->text, out.value);
		tesla_plugin.data->close(self);
	}
}

/* ---- whole replies ---- */

static const struct tesla_register three = {
	.label = "x", .type = TESLA_DECIMAL, .command = "RFI", .digits = 3, .scale = 1
};

static const struct reply_case {
	const char *name;
	enum tesla_status status;
	const char *text;
	const char *says; /* a letter an element: g good, u unavailable, e error */
} replies[] = {
	{ "four numbers", TESLA_REPLY_OK, "001002003004", "gggg" },
	{ "one of them missing", TESLA_REPLY_OK, "001   003004", "gugg" },
	{ "all missing", TESLA_REPLY_OK, "            ", "uuuu" },
	{ "one too large", TESLA_REPLY_OK, "001002***004", "ggug" },
	{ "one damaged: none is believed", TESLA_REPLY_OK, "0010x2003004", "eeee" },
	{ "the last one damaged", TESLA_REPLY_OK, "0010020030 4", "eeee" },
	{ "one character less", TESLA_REPLY_OK, "00100200300", "eeee" },
	{ "one more", TESLA_REPLY_OK, "0010020030040", "eeee" },
	{ "nothing", TESLA_REPLY_OK, "", "eeee" },
	{ "not asked for", TESLA_REPLY_NONE, "001002003004", "eeee" },
	{ "time-out", TESLA_REPLY_TIMEOUT, "001002003004", "eeee" },
	{ "garbled", TESLA_REPLY_GARBLED, "001002003004", "eeee" },
};

Test(cvmData, replies)
{
	static const char letters[] = { [TESLA_GOOD] = 'g',
					[TESLA_UNAVAILABLE] = 'u',
					[TESLA_SUSPECT] = 's',
					[TESLA_ERROR] = 'e',
					[TESLA_STALE] = '?' };
	struct tesla_error err = { 0 };
	struct asked a;
	void *self;

	asked_make(&a, 4, &three);
	cr_assert_eq(open_one(&a, &self, &err), 0, "%s", err.text);
	for (size_t i = 0; i < N_ELEMENTS(replies); i++) {
		struct tesla_element out[4] = { { 9, 4 }, { 9, 4 }, { 9, 4 }, { 9, 4 } };
		char said[5] = "";

		decode_text(self, replies[i].status, replies[i].text, out);
		for (size_t k = 0; k < 4; k++) {
			said[k] = letters[out[k].quality];
			cr_expect(said[k] == 'g' ? out[k].value == (double)k + 1
						 : isnan(out[k].value),
				  "%s: %g", replies[i].name, out[k].value);
		}
		cr_expect_str_eq(said, replies[i].says, "%s", replies[i].name);
	}
	tesla_plugin.data->close(self);
}

/* ---- what is refused ---- */

Test(cvmData, what_it_cannot_decode)
{
	static const struct {
		struct tesla_register like;
		int break_at; /* an element that is made another one */
		const char *says;
	} bad[] = {
		{ { .type = TESLA_INT16, .count = 1 }, -1, "V is read from registers" },
		{ { .type = TESLA_DECIMAL, .command = "RVI" }, -1, "not the fields of one reply" },
		{ { .type = TESLA_DECIMAL, .command = "RVI", .digits = 9 }, 2, "not the fields" },
		{ { .type = TESLA_DECIMAL, .command = "RVI", .digits = 60000 }, -1, "too long" },
	};

	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		struct tesla_error err = { 0 };
		struct asked a;
		void *self = NULL;

		asked_make(&a, 4, &bad[i].like);
		if (bad[i].break_at >= 0)
			a.registers[bad[i].break_at].field = 0;
		cr_expect_eq(open_one(&a, &self, &err), -EINVAL, "case %zu", i);
		cr_expect_not_null(strstr(err.text, bad[i].says), "case %zu: %s", i, err.text);
		cr_expect_null(self);
	}
}

Test(cvmData, a_command_has_one_reply)
{
	const struct tesla_register like = {
		.type = TESLA_DECIMAL, .command = "RVI", .digits = 9, .scale = 1
	};
	struct asked a, b;
	const struct tesla_variable *wanted[] = { &a.variable, &b.variable };
	const struct tesla_block *blocks;
	struct tesla_error err = { 0 };
	void *self = NULL;

	asked_make(&a, 4, &like);
	asked_make(&b, 3, &like);
	cr_expect_eq(tesla_plugin.data->open(NULL, &model, wanted, 2, &self, &err), -EINVAL);
	cr_expect_not_null(strstr(err.text, "RVI answers 27 characters, but 36"), "%s", err.text);
	asked_make(&b, 4, &like);
	cr_assert_eq(tesla_plugin.data->open(NULL, &model, wanted, 2, &self, &err), 0);
	cr_expect_eq(tesla_plugin.data->blocks(self, &blocks), 2);
	cr_expect_eq(blocks[1].variable, 1);
	tesla_plugin.data->close(self);
}

/* ---- the model that is delivered ---- */

/* The table of the predecessor: commands in their case, values, width, scale, its own factor. */
static const struct command {
	const char *variable, *command;
	size_t n;
	unsigned digits;
	double scale;
	const char *unit;
	double factor;
	const char *last; /* label */
} commands[] = {
	{ "TPF", "RVI", 4, 9, 1, "V", 1, "total" },
	{ "RVM", "RVM", 3, 9, 1, "V", 1, "L3" },
	{ "RVm", "RVm", 3, 9, 1, "V", 1, "L3" },
	{ "ROI", "ROI", 4, 9, 1, "V", 1, "total" },
	{ "ROM", "ROM", 4, 9, 1, "V", 1, "total" },
	{ "IPF", "RAI", 4, 9, 0.001, "A", 1, "total" },
	{ "RAM", "RAM", 3, 9, 0.001, "A", 1, "L3" },
	{ "RAm", "RAm", 3, 9, 0.001, "A", 1, "L3" },
	{ "PAT", "RPI", 4, 9, 1, "W", 0.001, "total" },
	{ "RPM", "RPM", 4, 9, 1, "W", 1, "total" },
	{ "RPm", "RPm", 4, 9, 1, "W", 1, "total" },
	{ "RLI", "RLI", 4, 9, 1, "var", 0.001, "total" },
	{ "RLM", "RLM", 4, 9, 1, "var", 1, "total" },
	{ "RLm", "RLm", 4, 9, 1, "var", 1, "total" },
	{ "RCI", "RCI", 4, 9, 1, "var", 0.001, "total" },
	{ "RCM", "RCM", 3, 9, 1, "var", 1, "L3" },
	{ "RCm", "RCm", 3, 9, 1, "var", 1, "L3" },
	{ "FPT", "RFI", 4, 3, 0.01, "", 1, "AVG" },
	{ "RFM", "RFM", 3, 3, 0.01, "", 1, "L3" },
	{ "RFm", "RFm", 3, 3, 0.01, "", 1, "L3" },
	{ "FRE", "RHI", 1, 3, 0.1, "Hz", 1, "" },
	{ "RHM", "RHM", 1, 3, 0.1, "Hz", 1, "" },
	{ "RHm", "RHm", 1, 3, 0.1, "Hz", 1, "" },
};

Test(cvmData, the_cvmk)
{
	_cleanup_free_ char *text = NULL;
	const struct tesla_block *blocks;
	struct tesla_error err = { 0 };
	struct diags diags = { 0 };
	struct model *cvmk;
	void *self;
	size_t len;

	cr_assert_eq(file_read(MODELS "/CVMk.xml", 1u << 20, &text, &len, &err), 0, "%s", err.text);
	cvmk = model_parse("CVMk.xml", text, len, &diags);
	cr_assert_not_null(cvmk);
	cr_expect_not(cvmk->proven);
	cr_assert_eq(cvmk->pub.n_variables, N_ELEMENTS(commands));
	cr_assert_eq(tesla_plugin.data->open(NULL, &cvmk->pub, cvmk->pub.variables,
					     N_ELEMENTS(commands), &self, &err),
		     0, "%s", err.text);
	cr_assert_eq(tesla_plugin.data->blocks(self, &blocks), N_ELEMENTS(commands));
	for (size_t i = 0; i < N_ELEMENTS(commands); i++) {
		const struct tesla_variable *v = cvmk->pub.variables[i];
		const struct command *c = &commands[i];

		cr_expect_str_eq(v->name, c->variable);
		cr_expect_str_eq(v->unit, c->unit, "%s", c->variable);
		cr_expect_eq(v->kind, TESLA_GAUGE, "%s", c->variable);
		cr_expect_eq(v->predecessor_factor, c->factor, "%s", c->variable);
		cr_expect_eq(v->n_elements, c->n, "%s", c->variable);
		cr_expect_eq(v->elements[0]->scale, c->scale, "%s", c->variable);
		cr_expect_str_eq(v->elements[c->n - 1]->label, c->last, "%s", c->variable);
		cr_expect_str_eq(blocks[i].command, c->command, "%s", c->variable);
		cr_expect_eq(blocks[i].count, c->n * c->digits, "%s", c->variable);
		cr_expect_eq(blocks[i].variable, (int32_t)i, "%s", c->variable);
	}
	tesla_plugin.data->close(self);
	model_free(cvmk);
	diags_release(&diags);
}
