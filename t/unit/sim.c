/* SPDX-License-Identifier: Apache-2.0 */
/* tesla-sim's pure parts: frames, encoding, faults, loads, meters, counts. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "sim/bus.h"
#include "sim/counts.h"
#include "sim/encode.h"
#include "sim/fault.h"
#include "sim/load.h"
#include "sim/meter.h"
#include "sim/modbus.h"
#include "sim/quantity.h"
#include "sim/text.h"

/* ---- frames ---- */

static const struct frame_case {
	const char *name;
	size_t len;
	uint8_t bytes[16];
	int length; /* rtu_request_length */
	bool ok;
} frames[] = {
	{ "TPF of a PM710", 8, { 0x01, 0x03, 0x0f, 0xc0, 0x00, 0x03, 0x06, 0xe3 }, 8, true },
	{ "maker's example, function 3",
	  8,
	  { 0x11, 0x03, 0x00, 0x6b, 0x00, 0x03, 0x76, 0x87 },
	  8,
	  true },
	{ "maker's example, function 4",
	  8,
	  { 0x11, 0x04, 0x00, 0x08, 0x00, 0x01, 0xb2, 0x98 },
	  8,
	  true },
	{ "report slave id", 4, { 0x01, 0x11, 0xc0, 0x2c }, 4, true },
	{ "write several",
	  13,
	  { 0x11, 0x10, 0x00, 0x01, 0x00, 0x02, 0x04, 0x00, 0x0a, 0x01, 0x02, 0xc6, 0xf0 },
	  13,
	  true },
	{ "wrong checksum", 8, { 0x01, 0x03, 0x0f, 0xc0, 0x00, 0x03, 0x06, 0xe2 }, 8, false },
	{ "one byte is missing", 7, { 0x01, 0x03, 0x0f, 0xc0, 0x00, 0x03, 0x06 }, 8, false },
	{ "too short", 3, { 0x01, 0x7e, 0x80 }, -1, false },
	{ "nothing yet", 1, { 0x01 }, 0, false },
	{ "write several, no count yet", 6, { 0x11, 0x10, 0x00, 0x01, 0x00, 0x02 }, 0, false },
	{ "unknown function", 5, { 0x01, 0x64, 0x00, 0x00, 0x00 }, -1, false },
};

Test(sim, rtu_frames)
{
	for (size_t i = 0; i < N_ELEMENTS(frames); i++) {
		const struct frame_case *c = &frames[i];
		struct request rq;

		cr_expect_eq(rtu_request_length(c->bytes, c->len), c->length, "%s", c->name);
		cr_expect_eq(rtu_parse(c->bytes, c->len, &rq), c->ok, "%s", c->name);
		if (!c->ok)
			continue;
		cr_expect_eq(rq.unit, c->bytes[0], "%s", c->name);
		cr_expect_eq(rq.pdu.len, c->len - 3, "%s", c->name);
		cr_expect_eq(memcmp(rq.pdu.bytes, c->bytes + 1, c->len - 3), 0, "%s", c->name);
	}
}

static const struct tcp_case {
	const char *name;
	size_t len;
	uint8_t bytes[16];
	int used;
} tcp_frames[] = {
	{ "read", 12, { 0x12, 0x34, 0, 0, 0, 6, 1, 3, 0x0f, 0xc0, 0, 3 }, 12 },
	{ "read, and the next begins",
	  14,
	  { 0x12, 0x34, 0, 0, 0, 6, 1, 3, 0x0f, 0xc0, 0, 3, 0x12, 0x35 },
	  12 },
	{ "not all", 11, { 0x12, 0x34, 0, 0, 0, 6, 1, 3, 0x0f, 0xc0, 0 }, 0 },
	{ "header", 6, { 0x12, 0x34, 0, 0, 0, 6 }, 0 },
	{ "another protocol", 12, { 0x12, 0x34, 0, 1, 0, 6, 1, 3, 0x0f, 0xc0, 0, 3 }, -1 },
	{ "too short", 8, { 0x12, 0x34, 0, 0, 0, 1, 1, 3 }, -1 },
	{ "too long", 8, { 0x12, 0x34, 0, 0, 0, 255, 1, 3 }, -1 },
};

Test(sim, tcp_frames)
{
	for (size_t i = 0; i < N_ELEMENTS(tcp_frames); i++) {
		const struct tcp_case *c = &tcp_frames[i];
		struct request rq;

		cr_expect_eq(tcp_parse(c->bytes, c->len, &rq), c->used, "%s", c->name);
		if (c->used <= 0)
			continue;
		cr_expect_eq(rq.transaction, 0x1234, "%s", c->name);
		cr_expect_eq(rq.unit, 1, "%s", c->name);
		cr_expect_eq(rq.pdu.len, 5, "%s", c->name);
	}
}

/* The reply 01 03 02 00 2a, with everything that a fault can make of it. */
static const struct wrap_case {
	const char *name;
	struct effect fx;
	size_t rtu_len, tcp_len;
	bool rtu_ok; /* one whole frame with a right checksum */
	uint8_t rtu_unit, tcp_unit;
} wraps[] = {
	{ "nothing wrong", { 0 }, 7, 11, true, 1, 1 },
	{ "checksum", { .checksum = true }, 7, 11, false, 1, 0xfe },
	{ "half", { .partial = true }, 3, 5, false, 1, 0 },
	{ "twice", { .twice = true }, 14, 22, false, 1, 1 },
	{ "another address", { .wrong_address = true }, 7, 11, true, 2, 2 },
	{ "three bytes of noise", { .noise = true, .random = 0xaabbcc02 }, 10, 14, false, 0x02, 2 },
};

Test(sim, wrong_replies)
{
	const struct request rq = { .transaction = 0x1234, .unit = 1 };
	const struct pdu reply = { 4, { 3, 2, 0, 0x2a } };
	struct request back;
	struct adu adu;

	for (size_t i = 0; i < N_ELEMENTS(wraps); i++) {
		const struct wrap_case *c = &wraps[i];

		rtu_wrap(&rq, &reply, &c->fx, &adu);
		cr_expect_eq(adu.len, c->rtu_len, "%s: %zu", c->name, adu.len);
		cr_expect_eq(rtu_parse(adu.bytes, adu.len, &back), c->rtu_ok, "%s", c->name);
		cr_expect_eq(adu.bytes[0], c->rtu_unit, "%s", c->name);
		tcp_wrap(&rq, &reply, &c->fx, &adu);
		cr_expect_eq(adu.len, c->tcp_len, "%s: %zu", c->name, adu.len);
		if (adu.len >= 11 && !c->fx.noise)
			cr_expect_eq(adu.bytes[6], c->tcp_unit, "%s", c->name);
	}
}

/* ---- encoding ---- */

#define REG(TYPE, SCALE) .count = 1, .type = TYPE, .scale = SCALE
#define ABSENT(BITS) .has_sentinel = true, .sentinel = BITS

static const struct encode_case {
	const char *name;
	struct tesla_register reg;
	int exponent;
	double value;
	int rc;
	uint16_t words[ENCODE_WORDS];
} encodings[] = {
	{ "int16", { REG(TESLA_INT16, 1) }, 0, -1, 0, { 0xffff } },
	{ "uint16", { REG(TESLA_UINT16, 1) }, 0, 65535, 0, { 0xffff } },
	{ "int32, high word first", { REG(TESLA_INT32, 1) }, 0, -2, 0, { 0xffff, 0xfffe } },
	{ "int32, low word first",
	  { REG(TESLA_INT32, 1), .order = TESLA_LITTLE },
	  0,
	  -2,
	  0,
	  { 0xfffe, 0xffff } },
	{ "uint32", { REG(TESLA_UINT32, 1) }, 0, 0x12345678, 0, { 0x1234, 0x5678 } },
	{ "uint32, low word first",
	  { REG(TESLA_UINT32, 1), .order = TESLA_LITTLE },
	  0,
	  0x12345678,
	  0,
	  { 0x5678, 0x1234 } },
	{ "int64", { REG(TESLA_INT64, 1) }, 0, -3, 0, { 0xffff, 0xffff, 0xffff, 0xfffd } },
	{ "int64, low word first",
	  { REG(TESLA_INT64, 1), .order = TESLA_LITTLE },
	  0,
	  0x10000,
	  0,
	  { 0, 1, 0, 0 } },
	{ "uint64", { REG(TESLA_UINT64, 1) }, 0, 0x1p63, 0, { 0x8000, 0, 0, 0 } },
	{ "float32", { REG(TESLA_FLOAT32, 1) }, 0, 230.5, 0, { 0x4366, 0x8000 } },
	{ "float32, low word first",
	  { REG(TESLA_FLOAT32, 1), .order = TESLA_LITTLE },
	  0,
	  230.5,
	  0,
	  { 0x8000, 0x4366 } },
	{ "float64", { REG(TESLA_FLOAT64, 1) }, 0, -1.5, 0, { 0xbff8, 0, 0, 0 } },
	{ "scale 0.1", { REG(TESLA_INT16, 0.1) }, 0, 230.1, 0, { 2301 } },
	{ "scale 1000", { REG(TESLA_INT16, 1000) }, 0, -5000, 0, { 0xfffb } },
	{ "offset", { REG(TESLA_UINT16, 0.5), .offset = -40 }, 0, -10, 0, { 60 } },
	{ "scale register -4", { REG(TESLA_UINT16, 1) }, -4, 2.3456, 0, { 23456 } },
	{ "scale register 4", { REG(TESLA_UINT16, 1) }, 4, 230000, 0, { 23 } },
	{ "kW by a scale register", { REG(TESLA_INT16, 1000) }, -3, -12345, 0, { 0xcfc7 } },
	{ "rounded", { REG(TESLA_UINT16, 1) }, 0, 1.6, 0, { 2 } },
	{ "not available", { REG(TESLA_INT16, 1), ABSENT(0x8000) }, 0, NAN, 0, { 0x8000 } },
	{ "not available, two words",
	  { REG(TESLA_UINT32, 1), ABSENT(0xfffffffe) },
	  0,
	  NAN,
	  0,
	  { 0xffff, 0xfffe } },
	{ "no way to say not available", { REG(TESLA_INT16, 1) }, 0, NAN, -EDOM, { 0 } },
	{ "a number is no sentinel",
	  { REG(TESLA_INT16, 1), ABSENT(0x8000) },
	  0,
	  -32768,
	  0,
	  { 0x8001 } },
	{ "nor is an unsigned one",
	  { REG(TESLA_UINT16, 1), ABSENT(0xffff) },
	  0,
	  65535,
	  0,
	  { 0xfffe } },
	{ "a decimal", { REG(TESLA_BCD16, 1) }, 0, 1234, 0, { 0x1234 } },
	{ "of eight digits, low word first",
	  { REG(TESLA_BCD32, 0.1), .order = TESLA_LITTLE },
	  0,
	  1234567.8,
	  0,
	  { 0x5678, 0x1234 } },
	{ "of sixteen",
	  { REG(TESLA_BCD64, 1) },
	  0,
	  8001002003004005,
	  0,
	  { 0x8001, 0x0020, 0x0300, 0x4005 } },
	{ "a decimal that is not available", { REG(TESLA_BCD16, 1) }, 0, NAN, 0, { 0xffff } },
	{ "too many digits", { REG(TESLA_BCD16, 1) }, 0, 10000, -ERANGE, { 0 } },
	{ "low byte first",
	  { REG(TESLA_UINT32, 1), .bytes_swapped = true },
	  0,
	  0x12345678,
	  0,
	  { 0x3412, 0x7856 } },
	{ "both low first",
	  { REG(TESLA_INT32, 1), .bytes_swapped = true, .order = TESLA_LITTLE },
	  0,
	  0x12345678,
	  0,
	  { 0x7856, 0x3412 } },
	{ "bits 4 to 7", { REG(TESLA_UINT16, 1), .mask = 0xf0 }, 0, 9, 0, { 0x0090 } },
	{ "more than they hold", { REG(TESLA_UINT16, 1), .mask = 0xf0 }, 0, 16, -ERANGE, { 0 } },
	{ "too large", { REG(TESLA_INT16, 1) }, 0, 32768, -ERANGE, { 0 } },
	{ "too small", { REG(TESLA_UINT16, 1) }, 0, -1, -ERANGE, { 0 } },
	{ "beyond max",
	  { REG(TESLA_UINT16, 1), .has_max = true, .max = 6500 },
	  0,
	  6501,
	  -ERANGE,
	  { 0 } },
	{ "int64 overflows", { REG(TESLA_INT64, 1) }, 0, 0x1p63, -ERANGE, { 0 } },
	{ "float32 overflows", { REG(TESLA_FLOAT32, 1) }, 0, 1e39, -ERANGE, { 0 } },
};

Test(sim, encode)
{
	for (size_t i = 0; i < N_ELEMENTS(encodings); i++) {
		const struct encode_case *c = &encodings[i];
		uint16_t words[ENCODE_WORDS] = { 0 };

		cr_expect_eq(encode(&c->reg, c->exponent, c->value, words), c->rc, "%s", c->name);
		for (size_t k = 0; k < ENCODE_WORDS; k++)
			cr_expect_eq(words[k], c->words[k], "%s: word %zu is %#x", c->name, k,
				     words[k]);
	}
}

/* What DESIGN says of a reading: value = (raw x 10^register) x scale + offset. */
static double decode(const struct tesla_register *r, int exponent, const uint16_t *words)
{
	size_t n = encode_words(r->type);
	uint64_t bits = 0;
	uint32_t low;
	double raw;
	float f;

	for (size_t i = 0; i < n; i++)
		bits = bits << 16 | words[r->order == TESLA_LITTLE ? n - 1 - i : i];
	low = (uint32_t)bits;
	memcpy(&f, &low, sizeof f);
	switch (r->type) {
	case TESLA_INT16:
		raw = (int16_t)bits;
		break;
	case TESLA_INT32:
		raw = (int32_t)bits;
		break;
	case TESLA_INT64:
		raw = (double)(int64_t)bits;
		break;
	case TESLA_FLOAT32:
		raw = f;
		break;
	case TESLA_FLOAT64:
		memcpy(&raw, &bits, sizeof raw);
		break;
	default:
		raw = (double)bits;
		break;
	}
	return raw * pow(10, exponent) * r->scale + r->offset;
}

/* Every type, order, scale and exponent: what is decoded is what was encoded. */
Test(sim, encode_is_inverse)
{
	static const double scales[] = { 0.001, 0.01, 0.1, 1, 10, 1000 };
	static const double raws[] = { 0, 1, 2, 127, 4096, 23456, 32767 };
	int n = 0;

	for (int type = TESLA_INT16; type <= TESLA_FLOAT64; type++)
		for (int order = TESLA_BIG; order <= TESLA_LITTLE; order++)
			for (size_t s = 0; s < N_ELEMENTS(scales); s++)
				for (int e = -4; e <= 4; e++)
					for (size_t i = 0; i < N_ELEMENTS(raws); i++, n++) {
						struct tesla_register r = { REG(type, scales[s]),
									    .order = order };
						uint16_t words[ENCODE_WORDS];
						double value;

						value = raws[i] * pow(10, e) * r.scale;
						cr_assert_eq(encode(&r, e, value, words), 0);
						cr_expect_float_eq(
							decode(&r, e, words), value,
							1e-7 * value + 1e-12,
							"type %d order %d scale %g exponent %d: %g",
							type, order, r.scale, e, value);
					}
	cr_expect_eq(n, 8 * 2 * 6 * 9 * 7);
}

/* ---- faults ---- */

static const struct select_case {
	const char *spec;
	const char *spoilt; /* of requests 1.. to address 1: x is spoilt */
} selections[] = {
	{ "silent", "xxxxxxxx" },
	{ "silent:address=1", "xxxxxxxx" },
	{ "silent:address=2", "........" },
	{ "silent:every=3", "..x..x.." },
	{ "silent:count=2", "xx......" },
	{ "silent:after=3", "...xxxxx" },
	{ "silent:after=2,every=2,count=2", "...x.x.." },
	{ "silent:probability=0", "........" },
	{ "silent:probability=1", "xxxxxxxx" },
};

Test(sim, fault_selection)
{
	for (size_t i = 0; i < N_ELEMENTS(selections); i++) {
		const struct select_case *c = &selections[i];
		struct faults f = { .random = 1 };
		struct tesla_error err = { 0 };

		cr_assert_eq(faults_add(&f, c->spec, &err), 0, "%s: %s", c->spec, err.text);
		for (size_t k = 0; c->spoilt[k] != '\0'; k++)
			cr_expect_eq(faults_next(&f, 1).silent, c->spoilt[k] == 'x',
				     "%s: request %zu", c->spec, k + 1);
		faults_clear(&f);
	}
}

Test(sim, fault_probability)
{
	struct faults f = { .random = 7 };
	struct tesla_error err;
	int n = 0;

	cr_assert_eq(faults_add(&f, "silent:probability=0.25", &err), 0);
	for (int i = 0; i < 10000; i++)
		n += faults_next(&f, 1).silent;
	cr_expect(n > 2300 && n < 2700, "%d", n);
	faults_clear(&f);
}

Test(sim, faults_add_up)
{
	struct faults f = { .random = 7 };
	struct tesla_error err;
	struct effect fx;

	cr_assert_eq(faults_add(&f, "late:ms=20", &err), 0);
	cr_assert_eq(faults_add(&f, "late:ms=5", &err), 0);
	cr_assert_eq(faults_add(&f, "exception:code=6", &err), 0);
	cr_assert_eq(faults_add(&f, "wrong-address", &err), 0);
	fx = faults_next(&f, 9);
	cr_expect_eq(fx.late_us, 25000);
	cr_expect_eq(fx.exception, 6);
	cr_expect(fx.wrong_address && !fx.silent && !fx.checksum);
	faults_clear(&f);
	fx = faults_next(&f, 9);
	cr_expect_eq(fx.late_us, 0);
}

static const struct {
	const char *spec, *error;
} bad_faults[] = {
	{ "", "\"\" is no kind of fault (see --help)" },
	{ "slow", "\"slow\" is no kind of fault (see --help)" },
	{ "late:ms", "ms: \"\" is no whole number from 0 to 3600000" },
	{ "late:ms=x", "ms: \"x\" is no whole number from 0 to 3600000" },
	{ "silent:every=0", "every: \"0\" is no whole number from 1 to 9223372036854775807" },
	{ "silent:probability=2", "probability: \"2\" is no number from 0 to 1" },
	{ "silent:probability=nan", "probability: \"nan\" is no number from 0 to 1" },

	{ "silent:when=now", "\"when\": expected address, after, every, count, ms, code or "
			     "probability" },
	{ "exception:code=256", "code: \"256\" is no whole number from 1 to 255" },
};

Test(sim, bad_faults)
{
	for (size_t i = 0; i < N_ELEMENTS(bad_faults); i++) {
		struct faults f = { 0 };
		struct tesla_error err = { 0 };

		cr_expect_eq(faults_add(&f, bad_faults[i].spec, &err), -EINVAL, "%s",
			     bad_faults[i].spec);
		cr_expect_str_eq(err.text, bad_faults[i].error);
		cr_expect_eq(f.n, 0);
		faults_clear(&f);
	}
}

/* ---- loads ---- */

#define MIDNIGHT 1.7e9 /* not one, but a day is a day */

Test(sim, load_is_plausible)
{
	for (unsigned address = 1; address <= 20; address++) {
		double least = 1e9, most = 0;
		struct sample s = { 0 };
		struct load l;

		load_init(&l, 1, address, MIDNIGHT);
		for (int minute = 0; minute < 1440; minute++) {
			load_at(&l, MIDNIGHT + 60 * minute, &s);
			for (int k = 0; k < 3; k++) {
				double pf = s.active[k] / s.apparent[k];

				cr_assert(s.voltage[k] > 220 && s.voltage[k] < 240, "%g",
					  s.voltage[k]);
				cr_assert(s.line_voltage[k] > 380 && s.line_voltage[k] < 416);
				cr_assert(s.current[k] > 0 && s.current[k] < l.rated_a, "%g",
					  s.current[k]);
				cr_assert(pf > 0.8 && pf < 1);
				cr_assert_float_eq(s.apparent[k], s.voltage[k] * s.current[k],
						   1e-6);
				cr_assert_float_eq(hypot(s.active[k], s.reactive[k]), s.apparent[k],
						   1e-6);
				cr_assert(s.thd_voltage[k] > 0 && s.thd_voltage[k] < 5);
			}
			cr_assert(s.frequency > 49.9 && s.frequency < 50.1);
			least = fmin(least, s.active[0]);
			most = fmax(most, s.active[0]);
		}
		cr_expect(most > 2 * least, "a day has a peak: %g to %g", least, most);
	}
}

Test(sim, energy_follows_power)
{
	struct load l, other;
	struct sample s = { 0 };
	double before, day = 0;

	load_init(&l, 1, 1, MIDNIGHT);
	load_init(&other, 1, 1, MIDNIGHT);
	before = l.active_wh[0];
	for (double t = 10; t <= 86400; t += 10) {
		double last = l.active_wh[0];

		load_advance(&l, MIDNIGHT + t);
		cr_assert(l.active_wh[0] > last);
		load_at(&l, MIDNIGHT + t - 5, &s);
		day += s.active[0] * 10 / 3600;
	}
	cr_expect_float_eq(l.active_wh[0] - before, day, day * 1e-9);
	load_advance(&other, MIDNIGHT + 86400);
	cr_expect_float_eq(other.active_wh[0], l.active_wh[0], day * 1e-3,
			   "one long step agrees with short ones");
	load_advance(&l, MIDNIGHT);
	cr_expect_float_eq(l.active_wh[0] - before, day, day * 1e-9,
			   "time that goes back takes nothing");
}

Test(sim, load_by_seed_and_address)
{
	struct load a, b, c, d;

	load_init(&a, 1, 1, 0);
	load_init(&b, 1, 1, 0);
	load_init(&c, 1, 2, 0);
	load_init(&d, 2, 1, 0);
	cr_expect_eq(memcmp(&a, &b, sizeof a), 0);
	cr_expect_neq(a.rated_a, c.rated_a);
	cr_expect_neq(a.rated_a, d.rated_a);
}

/* ---- a meter ---- */

static const struct tesla_scale fev = {
	.name = "FEV", .function = 3, .address = 100, .min = -4, .max = 4
};
static const struct tesla_register regs[] = {
	{ REG(TESLA_UINT16, 1), .label = "L1", .function = 3, .address = 10, .scale_register = &fev,
	  .has_max = true, .max = 32767 },
	{ REG(TESLA_UINT16, 1), .label = "L2", .function = 3, .address = 11, .scale_register = &fev,
	  .has_max = true, .max = 32767 },
	{ REG(TESLA_UINT32, 1000), .label = "total", .function = 3, .address = 20 },
	{ REG(TESLA_INT16, 100), .label = "total", .function = 4, .address = 10,
	  .has_sentinel = true, .sentinel = 0x8000 },
};
static const struct tesla_register *const elements[] = { &regs[0], &regs[1], &regs[2], &regs[3] };
static const struct tesla_variable variables[] = {
	{ .name = "TPF",
	  .unit = "V",
	  .kind = TESLA_GAUGE,
	  .n_elements = 2,
	  .elements = &elements[0] },
	{ .name = "CEA",
	  .unit = "Wh",
	  .kind = TESLA_COUNTER,
	  .n_elements = 1,
	  .elements = &elements[2] },
	{ .name = "PAT",
	  .unit = "W",
	  .kind = TESLA_GAUGE,
	  .n_elements = 1,
	  .elements = &elements[3] },
};
static const struct tesla_variable *const variable_list[] = { &variables[0], &variables[1],
							      &variables[2] };
static const struct tesla_scale *const scale_list[] = { &fev };
static const struct model_range model_forbidden[] = { { 3, 50, 59 } };
static const struct model model = {
	.pub = { .size = sizeof(struct tesla_model),
		 .name = "TEST",
		 .n_variables = 3,
		 .variables = variable_list,
		 .n_scales = 1,
		 .scales = scale_list,
		 .max_registers = 100 },
	.n_forbidden = 1,
	.forbidden = model_forbidden,
};

static struct pdu ask(struct meter *m, size_t len, const uint8_t *bytes)
{
	struct pdu rq = { .len = len }, reply = { 0 };

	memcpy(rq.bytes, bytes, len);
	meter_answer(m, 1, &rq, MIDNIGHT, &reply);
	return reply;
}

static struct pdu ask_read(struct meter *m, uint8_t function, unsigned address, unsigned count)
{
	uint8_t rq[5] = { function };

	put_be16(rq + 1, address);
	put_be16(rq + 3, count);
	return ask(m, sizeof rq, rq);
}

static unsigned one_register(struct meter *m, uint8_t function, unsigned address)
{
	struct pdu reply = ask_read(m, function, address, 1);

	return reply.len == 4 ? be16(reply.bytes + 2) : 0xdead;
}

static const struct refusal_case {
	const char *name;
	uint8_t function;
	unsigned address, count;
	int code, holes_code; /* 0: answered; with --holes refuse */
} refusals[] = {
	{ "defined", 3, 10, 2, 0, 0 },
	{ "a scale register", 3, 100, 1, 0, 0 },
	{ "with a hole", 3, 10, 3, 0, 2 },
	{ "nothing there", 3, 5000, 1, 0, 2 },
	{ "other function", 4, 10, 1, 0, 0 },
	{ "other function's hole", 4, 11, 1, 0, 2 },
	{ "none", 3, 10, 0, 3, 3 },
	{ "the meter's limit", 3, 60, 100, 0, 2 },
	{ "beyond it", 3, 60, 101, 3, 3 },
	{ "beyond the protocol's", 3, 60, 126, 3, 3 },
	{ "the last register", 3, 65535, 1, 0, 2 },
	{ "behind the last", 3, 65535, 2, 2, 2 },
	{ "the model's forbidden range, first", 3, 49, 2, 2, 2 },
	{ "the model's forbidden range, last", 3, 59, 1, 2, 2 },
	{ "before it", 3, 49, 1, 0, 2 },
	{ "behind it", 3, 60, 1, 0, 2 },
	{ "not of this function", 4, 50, 1, 0, 2 },
	{ "the user's forbidden range", 4, 6999, 2, 2, 2 },
	{ "writing", 6, 10, 1, 1, 1 },
	{ "coils", 1, 10, 1, 1, 1 },
};

Test(sim, refusals)
{
	static const struct model_range mine[] = { { 0, 7000, 7000 } };

	for (int holes = 0; holes < 2; holes++) {
		const struct meter_rules rules = { holes, mine, 1 };
		struct meter *m = meter_new(&model, 1, 1, &rules, MIDNIGHT);

		cr_assert(m != NULL);
		for (size_t i = 0; i < N_ELEMENTS(refusals); i++) {
			const struct refusal_case *c = &refusals[i];
			int code = holes ? c->holes_code : c->code;
			struct pdu reply = ask_read(m, c->function, c->address, c->count);

			if (code == 0) {
				cr_expect_eq(reply.bytes[0], c->function, "%s", c->name);
				cr_expect_eq(reply.len, 2 + 2 * c->count, "%s", c->name);
			} else {
				cr_expect_eq(reply.bytes[0], c->function | 0x80, "%s", c->name);
				cr_expect_eq(reply.bytes[1], code, "%s: %d", c->name,
					     reply.bytes[1]);
			}
		}
		meter_free(m);
	}
}

static const struct meter_rules no_rules;

Test(sim, fixed_values)
{
	struct meter *m = meter_new(&model, 1, 1, &no_rules, MIDNIGHT);
	struct tesla_error err = { 0 };
	double v = 230.5;

	cr_assert(m != NULL);
	cr_expect_eq(one_register(m, 3, 100), 0xfffe, "253 V at most: hundredths");
	cr_assert_eq(meter_fix(m, "TPF", "L1", &v, &err), 0);
	cr_expect_eq(one_register(m, 3, 10), 23050);
	cr_expect(one_register(m, 3, 11) > 22000 && one_register(m, 3, 11) != 23050);
	v = 20000;
	cr_assert_eq(meter_fix(m, "TPF", NULL, &v, &err), 0, "%s", err.text);
	cr_expect_eq(one_register(m, 3, 100), 0, "the scale moved so that it fits");
	cr_expect_eq(one_register(m, 3, 11), 20000);
	cr_assert_eq(meter_fix(m, "TPF", NULL, NULL, &err), 0);
	cr_expect_eq(one_register(m, 3, 100), 0xfffe);
	v = NAN;
	cr_expect_eq(meter_fix(m, "TPF", NULL, &v, &err), -EDOM);
	cr_assert_eq(meter_fix(m, "PAT", NULL, &v, &err), 0);
	cr_expect_eq(one_register(m, 4, 10), 0x8000);
	v = -200;
	cr_assert_eq(meter_fix(m, "PAT", "total", &v, &err), 0);
	cr_expect_eq(one_register(m, 4, 10), 0xfffe);
	v = 4e6;
	cr_expect_eq(meter_fix(m, "PAT", "total", &v, &err), -ERANGE);
	cr_expect_str_eq(err.text,
			 "PAT.total: 4e+06 does not fit, TEST shows -3.2768e+06 to 3.2767e+06");
	cr_expect_eq(one_register(m, 4, 10), 0xfffe, "nothing changed");
	cr_expect_eq(meter_fix(m, "PAT", "L1", &v, &err), -ENOENT);
	meter_free(m);
}

Test(sim, scales_and_raw)
{
	const uint16_t raw[] = { 0x8000, 7 };
	struct meter *m = meter_new(&model, 1, 1, &no_rules, MIDNIGHT);
	struct tesla_error err = { 0 };
	double v = 230;

	cr_assert(m != NULL);
	cr_assert_eq(meter_fix(m, "TPF", NULL, &v, &err), 0);
	for (int e = -2; e <= 1; e++) {
		cr_assert_eq(meter_scale(m, "FEV", e, &err), 0);
		cr_expect_eq(one_register(m, 3, 100), (uint16_t)e);
		cr_expect_eq(one_register(m, 3, 10), (unsigned)(230 / pow(10, e)), "exponent %d",
			     e);
	}
	cr_expect_eq(meter_scale(m, "FEX", 0, &err), -ENOENT);
	cr_assert_eq(meter_raw(m, 11, raw, 2), 0);
	cr_expect_eq(one_register(m, 3, 10), 23);
	cr_expect_eq(one_register(m, 3, 11), 0x8000);
	cr_expect_eq(one_register(m, 3, 12), 7);
	cr_expect_eq(one_register(m, 4, 11), 0x8000, "whatever the function");
	cr_assert_eq(meter_raw(m, 11, NULL, 0), 0);
	cr_expect_eq(one_register(m, 3, 11), 23);
	cr_expect_eq(one_register(m, 3, 12), 7);
	meter_free(m);
}

Test(sim, identity)
{
	static const uint8_t who[] = { 17 };
	struct meter *m = meter_new(&model, 1, 1, &no_rules, MIDNIGHT);
	struct pdu reply;

	cr_assert(m != NULL);
	reply = ask(m, 1, who);
	cr_expect_eq(reply.len, 4 + strlen("TEST simulated"));
	cr_expect_eq(memcmp(reply.bytes, "\x11\x10\x01\xffTEST simulated", reply.len), 0);
	cr_assert_eq(meter_identity(m, ""), 0);
	reply = ask(m, 1, who);
	cr_expect(reply.len == 2 && reply.bytes[0] == 0x91 && reply.bytes[1] == 1);
	meter_free(m);
}

/* ---- pace, counts, texts ---- */

static const struct {
	int64_t baud;
	size_t n;
	int64_t us, silence_us;
} paces[] = {
	{ 0, 10, 0, 0 },
	{ 1200, 8, 73334, 32084 },
	{ 9600, 1, 1146, 4011 },
	{ 19200, 8, 4584, 2006 },
	{ 19200, 85, 48698, 2006 },
	{ 38400, 8, 2292, 1750 },
	{ 115200, 256, 24445, 1750 },
};

Test(sim, pace)
{
	for (size_t i = 0; i < N_ELEMENTS(paces); i++) {
		const struct pace pace = { .baud = paces[i].baud };

		cr_expect_eq(pace_us(&pace, paces[i].n), paces[i].us, "row %zu", i);
		cr_expect_eq(pace_silence_us(&pace), paces[i].silence_us, "row %zu: %lld", i,
			     (long long)pace_silence_us(&pace));
	}
}

Test(sim, counts_are_bounded)
{
	struct counts c = { 0 };
	int64_t min, median, max;

	cr_expect_not(series_summary(&c.bus_us, &min, &median, &max));
	for (int i = 1; i <= 3 * SERIES_MAX; i++)
		series_add(&c.bus_us, i);
	cr_assert(series_summary(&c.bus_us, &min, &median, &max));
	cr_expect_eq(min, 2 * SERIES_MAX + 1);
	cr_expect_eq(median, 2 * SERIES_MAX + SERIES_MAX / 2);
	cr_expect_eq(max, 3 * SERIES_MAX);
	for (unsigned i = 0; i < 2 * RANGES_MAX; i++)
		counts_range(&c, 3, (uint16_t)i, 1);
	counts_range(&c, 3, 0, 1);
	cr_expect_eq(c.n_ranges, RANGES_MAX);
	cr_expect_eq(c.ranges[0].n, 2);
	cr_expect_eq(c.other_ranges, RANGES_MAX);
	counts_release(&c);
	cr_expect_eq(c.n_ranges, 0);
}

static const struct {
	const char *text;
	bool ok;
	int64_t first, last;
} text_ranges[] = {
	{ "5", true, 5, 5 },	{ "5-9", true, 5, 9 },	  { "0x10-0x1f", true, 16, 31 },
	{ "9-5", false, 0, 0 }, { "5-", false, 0, 0 },	  { "-5", false, 0, 0 },
	{ "", false, 0, 0 },	{ " 5", false, 0, 0 },	  { "5x", false, 0, 0 },
	{ "256", false, 0, 0 }, { "1-256", false, 0, 0 },
};

Test(sim, text_ranges)
{
	for (size_t i = 0; i < N_ELEMENTS(text_ranges); i++) {
		int64_t first = 0, last = 0;

		cr_expect_eq(text_range(text_ranges[i].text, 0, 255, &first, &last),
			     text_ranges[i].ok, "%s", text_ranges[i].text);
		cr_expect_eq(first, text_ranges[i].first, "%s", text_ranges[i].text);
		cr_expect_eq(last, text_ranges[i].last, "%s", text_ranges[i].text);
	}
}
