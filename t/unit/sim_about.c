/* SPDX-License-Identifier: Apache-2.0 */
/* What a simulated meter says of itself in registers, and elements that share one. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/cleanup.h"
#include "sim/meter.h"

static const char texts[] =
	"<model name=\"B23\" manufacturer=\"Maker\" function=\"4\">\n"
	"<recognise identity=\"^B23\" address=\"100\" count=\"2\"/>\n"
	"<identity label=\"version\" address=\"110\" count=\"3\"/>\n"
	"<identity label=\"serial\" address=\"120\" count=\"4\"/>\n"
	"<identity label=\"serial number\" address=\"130\" type=\"uint32\" order=\"little\"/>\n"
	"<identity label=\"version, short\" address=\"132\" type=\"uint16\"/>\n"
	"<variable name=\"VER\" kind=\"status\" type=\"uint16\">\n"
	"<element label=\"major\" address=\"7\" bits=\"12-15\"/>\n"
	"<element label=\"minor\" address=\"7\" bits=\"8-11\"/>\n"
	"<element label=\"patch\" address=\"7\" bits=\"0-7\"/>\n"
	"</variable></model>\n";

static const char sunspec[] =
	"<model name=\"S\" manufacturer=\"Maker\" sunspec=\"203\" scale-read=\"sweep\">\n"
	"<scale name=\"A_SF\" address=\"6\"/>\n"
	"<variable name=\"IPF\" unit=\"A\" type=\"int16\" "
	"scale-register=\"A_SF\" sentinel=\"0x8000\">\n"
	"<element label=\"L1\" address=\"3\"/></variable>\n"
	"<variable name=\"EVT\" kind=\"status\" type=\"uint32\">\n"
	"<element address=\"105\"/></variable>\n"
	"</model>\n";

static const struct meter_rules rules = { .refuse_holes = true };

struct played {
	struct model *model;
	struct meter *meter;
};

static struct played play(const char *text)
{
	struct diags d = { 0 };
	struct played p = { .model = model_parse("test.xml", text, strlen(text), &d) };

	cr_assert_not_null(p.model);
	diags_release(&d);
	p.meter = meter_new(p.model, 1, 1, &rules, 86400);
	cr_assert_not_null(p.meter);
	return p;
}

static void played_release(struct played *p)
{
	meter_free(p->meter);
	model_free(p->model);
}

static void fix(struct played *p, const char *variable, const char *label, double v)
{
	struct tesla_error err = { 0 };

	cr_assert_eq(meter_fix(p->meter, variable, label, &v, &err), 0, "%s", err.text);
}

/* The reply's registers; exceptions fail the test. */
static const uint8_t *asked(struct played *p, uint8_t function, unsigned address, unsigned n,
			    struct pdu *reply)
{
	struct pdu rq = { .len = 5, .bytes = { function } };

	put_be16(rq.bytes + 1, address);
	put_be16(rq.bytes + 3, n);
	meter_answer(p->meter, 1, &rq, 86400, reply);
	cr_assert_eq(reply->len, 2 + 2 * n, "%u registers from %u: %x", n, address,
		     reply->bytes[1]);
	return reply->bytes + 2;
}

Test(sim_about, texts)
{
	struct played p = play(texts);
	struct pdu r;
	uint32_t serial;
	const uint8_t *at;

	cr_expect_eq(memcmp(asked(&p, 4, 100, 2, &r), "B23 ", 4), 0);
	cr_expect_eq(memcmp(asked(&p, 4, 110, 3, &r), "1.0\0\0\0", 6), 0);
	at = asked(&p, 4, 130, 2, &r);
	serial = (uint32_t)be16(at + 2) << 16 | be16(at);
	at = asked(&p, 4, 120, 4, &r);
	for (size_t i = 8; i-- > 0; serial /= 10)
		cr_expect_eq(at[i], '0' + serial % 10);
	cr_expect_eq(be16(asked(&p, 4, 132, 1, &r)), 0xffff, "as much as fits");
	cr_assert_eq(meter_identity(p.meter, "XY"), 0);
	cr_expect_eq(memcmp(asked(&p, 4, 100, 2, &r), "XY\0\0", 4), 0);
	played_release(&p);
}

Test(sim_about, parts_of_a_register)
{
	struct played p = play(texts);
	struct pdu r;

	fix(&p, "VER", "major", 3);
	fix(&p, "VER", "minor", 12);
	fix(&p, "VER", "patch", 200);
	cr_expect_eq(be16(asked(&p, 4, 7, 1, &r)), 0x3cc8);
	fix(&p, "VER", "minor", 0);
	cr_expect_eq(be16(asked(&p, 4, 7, 1, &r)), 0x30c8);
	played_release(&p);
}

static const struct {
	unsigned address;
	uint16_t word;
	const char *what;
} chain[] = {
	{ 40000, 0x5375, "Su" },
	{ 40001, 0x6e53, "nS" },
	{ 40002, 1, "the common model" },
	{ 40003, 66, "its length" },
	{ 40004, 0x5465, "its maker" },
	{ 40070, 203, "the meter's model" },
	{ 40071, 105, "its length, to the end of EVT" },
	{ 40073, 1234, "the current" },
	{ 40076, 0xfffe, "its scale" },
	{ 40175, 0x0001, "EVT, high" },
	{ 40176, 0x0002, "EVT, low" },
	{ 40177, 0xffff, "the end" },
	{ 40178, 0, "of length 0" },
};

Test(sim_about, sunspec_chain)
{
	struct played p = play(sunspec);
	struct tesla_error err = { 0 };
	struct pdu r;

	cr_assert_eq(meter_scale(p.meter, "A_SF", -2, &err), 0);
	fix(&p, "IPF", "L1", 12.34);
	fix(&p, "EVT", NULL, 0x10002);
	for (size_t i = 0; i < N_ELEMENTS(chain); i++)
		cr_expect_eq(be16(asked(&p, 3, chain[i].address, 1, &r)), chain[i].word, "%s",
			     chain[i].what);
	(void)asked(&p, 3, 40000, 125, &r); /* no hole */
	played_release(&p);
}
