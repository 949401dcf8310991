/* SPDX-License-Identifier: Apache-2.0 */
/* mapData: which blocks a model needs, and what bytes become. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <tesla/plugin.h>

#include "base/buf.h"
#include "base/cleanup.h"

static const struct tesla_model model = { .size = sizeof model, .name = "test" };

static void *open_wanted(const struct tesla_model *m, const struct tesla_variable *const *wanted,
			 size_t n)
{
	struct tesla_error err = { 0 };
	void *self = NULL;

	cr_assert_eq(tesla_plugin.data->open(NULL, m, wanted, n, &self, &err), 0, "%s", err.text);
	return self;
}

/* ---- decode: one element, one row a fact ---- */

#define NO_POWER 99
static const struct decode_case {
	const char *name;
	uint8_t bytes[8];
	struct tesla_register reg; /* scale 0 here means 1 */
	int power;		   /* in the scale register */
	double value;
	enum tesla_quality quality;
} cases[] = {
	{ "low byte first",
	  { 0x34, 0x12 },
	  { .type = TESLA_UINT16, .bytes_swapped = true },
	  NO_POWER,
	  0x1234,
	  TESLA_GOOD },
	{ "both orders reversed",
	  { 0x78, 0x56, 0x34, 0x12 },
	  { .type = TESLA_UINT32, .order = TESLA_LITTLE, .bytes_swapped = true },
	  NO_POWER,
	  0x12345678,
	  TESLA_GOOD },
	{ "bits",
	  { 0xab, 0xcd },
	  { .type = TESLA_UINT16, .mask = 0x0ff0 },
	  NO_POWER,
	  0xbc,
	  TESLA_GOOD },
	{ "one bit",
	  { 0x80, 0x00 },
	  { .type = TESLA_UINT16, .mask = 0x8000 },
	  NO_POWER,
	  1,
	  TESLA_GOOD },
	{ "bcd16",
	  { 0x12, 0x34 },
	  { .type = TESLA_BCD16, .scale = 0.1 },
	  NO_POWER,
	  123.4,
	  TESLA_GOOD },
	{ "bcd32, little",
	  { 0x56, 0x78, 0x12, 0x34 },
	  { .type = TESLA_BCD32, .order = TESLA_LITTLE },
	  NO_POWER,
	  12345678,
	  TESLA_GOOD },
	{ "bcd64",
	  { 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56 },
	  { .type = TESLA_BCD64 },
	  NO_POWER,
	  1234567890123456,
	  TESLA_GOOD },
	{ "no decimal digit",
	  { 0x12, 0x3a },
	  { .type = TESLA_BCD16 },
	  NO_POWER,
	  0,
	  TESLA_UNAVAILABLE },
	{ "unsigned", { 0xff, 0xff }, { .type = TESLA_UINT16 }, NO_POWER, 65535, TESLA_GOOD },
	{ "signed", { 0xff, 0xff }, { .type = TESLA_INT16 }, NO_POWER, -1, TESLA_GOOD },
	{ "zero has no sign",
	  { 0, 0 },
	  { .type = TESLA_INT16, .scale = -1 },
	  NO_POWER,
	  0,
	  TESLA_GOOD },
	{ "2301 at -1", { 0x08, 0xfd }, { .type = TESLA_UINT16 }, -1, 230.1, TESLA_GOOD },
	{ "2301 at 4", { 0x08, 0xfd }, { .type = TESLA_UINT16 }, 4, 23010000, TESLA_GOOD },
	{ "-9876 at -4", { 0xd9, 0x6c }, { .type = TESLA_INT16 }, -4, -0.9876, TESLA_GOOD },
	{ "power factor",
	  { 0x26, 0x95 },
	  { .type = TESLA_INT16, .scale = 0.0001 },
	  NO_POWER,
	  0.9877,
	  TESLA_GOOD },
	{ "frequency",
	  { 0x13, 0x8b },
	  { .type = TESLA_UINT16, .scale = 0.01 },
	  NO_POWER,
	  50.03,
	  TESLA_GOOD },
	{ "kW at -2 to W",
	  { 0x00, 0x7b },
	  { .type = TESLA_INT16, .scale = 1000 },
	  -2,
	  1230,
	  TESLA_GOOD },
	{ "kW at -4 to W",
	  { 0x00, 0x7b },
	  { .type = TESLA_INT16, .scale = 1000 },
	  -4,
	  12.3,
	  TESLA_GOOD },
	{ "0.3 of a thing",
	  { 0, 7 },
	  { .type = TESLA_UINT16, .scale = 0.3 },
	  NO_POWER,
	  2.1,
	  TESLA_GOOD },
	{ "12.5 each",
	  { 0, 3 },
	  { .type = TESLA_UINT16, .scale = 12.5 },
	  NO_POWER,
	  37.5,
	  TESLA_GOOD },
	{ "with offset",
	  { 0x08, 0xfd },
	  { .type = TESLA_UINT16, .scale = 0.1, .offset = -40 },
	  NO_POWER,
	  190.1,
	  TESLA_GOOD },
	{ "energy",
	  { 0xff, 0xff, 0xff, 0xff },
	  { .type = TESLA_UINT32, .scale = 1000 },
	  -3,
	  4294967295.0,
	  TESLA_GOOD },
	{ "energy, tenths",
	  { 0x49, 0x96, 0x02, 0xd2 },
	  { .type = TESLA_UINT32 },
	  -1,
	  123456789.0,
	  TESLA_GOOD },
	{ "energy, hundredths",
	  { 0x49, 0x96, 0x02, 0xd3 },
	  { .type = TESLA_UINT32 },
	  -2,
	  12345678.91,
	  TESLA_GOOD },
	{ "signed 32",
	  { 0xff, 0xff, 0xff, 0xfe },
	  { .type = TESLA_INT32 },
	  NO_POWER,
	  -2,
	  TESLA_GOOD },
	{ "low word first",
	  { 0x02, 0xd2, 0x49, 0x96 },
	  { .type = TESLA_UINT32, .order = TESLA_LITTLE },
	  NO_POWER,
	  1234567890,
	  TESLA_GOOD },
	{ "unsigned 64",
	  { 0, 0, 0, 1, 0, 0, 0, 2 },
	  { .type = TESLA_UINT64 },
	  NO_POWER,
	  4294967298.0,
	  TESLA_GOOD },
	{ "64, low word first",
	  { 0, 2, 0, 0, 0, 1, 0, 0 },
	  { .type = TESLA_UINT64, .order = TESLA_LITTLE },
	  NO_POWER,
	  4294967298.0,
	  TESLA_GOOD },
	{ "signed 64",
	  { 255, 255, 255, 255, 255, 255, 255, 253 },
	  { .type = TESLA_INT64 },
	  NO_POWER,
	  -3,
	  TESLA_GOOD },
	{ "float",
	  { 0x43, 0x66, 0x80, 0x00 },
	  { .type = TESLA_FLOAT32 },
	  NO_POWER,
	  230.5,
	  TESLA_GOOD },
	{ "float, kW to W",
	  { 0x3f, 0xc0, 0, 0 },
	  { .type = TESLA_FLOAT32, .scale = 1000 },
	  NO_POWER,
	  1500,
	  TESLA_GOOD },
	{ "double",
	  { 0x40, 0x6c, 0xd0, 0, 0, 0, 0, 0 },
	  { .type = TESLA_FLOAT64 },
	  NO_POWER,
	  230.5,
	  TESLA_GOOD },
	{ "0x8000 is absent",
	  { 0x80, 0x00 },
	  { .type = TESLA_INT16, .has_sentinel = true, .sentinel = 0x8000 },
	  NO_POWER,
	  0,
	  TESLA_UNAVAILABLE },
	{ "absent before its scale",
	  { 0x80, 0x00 },
	  { .type = TESLA_INT16, .has_sentinel = true, .sentinel = 0x8000 },
	  -8,
	  0,
	  TESLA_UNAVAILABLE },
	{ "sentinel of 32",
	  { 0x80, 0, 0, 0 },
	  { .type = TESLA_INT32, .has_sentinel = true, .sentinel = 0x80000000 },
	  NO_POWER,
	  0,
	  TESLA_UNAVAILABLE },
	{ "sentinel, word order",
	  { 0, 0, 0x80, 0 },
	  { .type = TESLA_INT32,
	    .order = TESLA_LITTLE,
	    .has_sentinel = true,
	    .sentinel = 0x80000000 },
	  NO_POWER,
	  0,
	  TESLA_UNAVAILABLE },
	{ "at max",
	  { 0x19, 0x64 },
	  { .type = TESLA_UINT16, .has_max = true, .max = 6500 },
	  NO_POWER,
	  6500,
	  TESLA_GOOD },
	{ "beyond max",
	  { 0x19, 0x65 },
	  { .type = TESLA_UINT16, .has_max = true, .max = 6500 },
	  NO_POWER,
	  0,
	  TESLA_UNAVAILABLE },
	{ "beyond -max",
	  { 0x80, 0x01 },
	  { .type = TESLA_INT16, .has_max = true, .max = 32766 },
	  NO_POWER,
	  0,
	  TESLA_UNAVAILABLE },
	{ "not a number",
	  { 0x7f, 0xc0, 0, 0 },
	  { .type = TESLA_FLOAT32 },
	  NO_POWER,
	  0,
	  TESLA_UNAVAILABLE },
	{ "infinite",
	  { 0xff, 0x80, 0, 0 },
	  { .type = TESLA_FLOAT32 },
	  NO_POWER,
	  0,
	  TESLA_UNAVAILABLE },
	{ "infinite by scale",
	  { 0x7f, 0xef, 255, 255, 255, 255, 255, 255 },
	  { .type = TESLA_FLOAT64, .scale = 1e10 },
	  NO_POWER,
	  0,
	  TESLA_UNAVAILABLE },
	{ "scale too large", { 0, 1 }, { .type = TESLA_UINT16 }, 5, 0, TESLA_UNAVAILABLE },
	{ "scale too small", { 0, 1 }, { .type = TESLA_UINT16 }, -5, 0, TESLA_UNAVAILABLE },
	{ "scale absent", { 0, 1 }, { .type = TESLA_UINT16 }, -32768, 0, TESLA_UNAVAILABLE },
};

static const unsigned counts[] = { 0, 1, 1, 2, 2, 4, 4, 2, 4, 1, 2, 4 }; /* by enum tesla_raw */

static void check_element(const char *name, struct tesla_element got, double value,
			  enum tesla_quality quality)
{
	cr_expect_eq(got.quality, quality, "%s: quality %d", name, (int)got.quality);
	if (quality == TESLA_GOOD)
		cr_expect(got.value == value && signbit(got.value) == signbit(value),
			  "%s: %.17g, expected %.17g", name, got.value, value);
	else
		cr_expect(isnan(got.value), "%s: %g with a bad quality", name, got.value);
}

Test(mapData, decode)
{
	const struct tesla_scale scale = {
		.name = "FE", .function = 3, .address = 500, .min = -4, .max = 4
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		const struct decode_case *c = &cases[i];
		struct tesla_register reg = c->reg;
		const struct tesla_register *element = &reg;
		struct tesla_variable v = { .name = "V", .n_elements = 1, .elements = &element };
		const struct tesla_variable *wanted = &v;
		uint8_t bytes[8],
			power[2] = { (uint8_t)((unsigned)c->power >> 8), (uint8_t)c->power };
		struct tesla_buf data[2] = { { .bytes = bytes }, { .bytes = power, .len = 2 } };
		struct tesla_reply replies[2] = { { .status = TESLA_REPLY_OK, .data = &data[0] },
						  { .status = TESLA_REPLY_OK, .data = &data[1] } };
		struct tesla_element out = { 0 };
		struct tesla_error err = { 0 };

		reg.function = 3;
		reg.count = (uint16_t)counts[reg.type];
		reg.scale = reg.scale != 0 ? reg.scale : 1;
		reg.scale_register = c->power == NO_POWER ? NULL : &scale;
		memcpy(bytes, c->bytes, sizeof bytes);
		data[0].len = 2u * reg.count;
		void *self = open_wanted(&model, &wanted, 1);

		cr_expect_eq(tesla_plugin.data->decode(self, replies, &out, &err), 0);
		check_element(c->name, out, c->value, c->quality);
		tesla_plugin.data->close(self);
	}
}

/* ---- a small meter: voltages side by side, a neutral elsewhere, another function ---- */

static const struct tesla_scale fev = { "FEV", 3, 4105, -4, 4, 0 },
				fee = { "FEE", 3, 4107, -4, 4, 1 },
				fep = { "FEP", 3, 4106, -4, 4, 2 };
#define R(F, A, C, T, S) \
	&(const struct tesla_register) \
	{ \
		.function = F, .address = A, .count = C, .type = T, .scale = 1, \
		.scale_register = S \
	}
static const struct tesla_variable tpf = { .name = "TPF",
					   .n_elements = 4,
					   .elements = (const struct tesla_register *const[]){
						   R(3, 4032, 1, TESLA_UINT16, &fev),
						   R(3, 4033, 1, TESLA_UINT16, &fev),
						   R(3, 4034, 1, TESLA_UINT16, &fev),
						   R(3, 4040, 1, TESLA_UINT16, &fev) } };
static const struct tesla_variable cea = {
	.name = "CEA",
	.n_elements = 2,
	.elements = (const struct tesla_register *const[]){ R(3, 4000, 2, TESLA_UINT32, &fee),
							    R(4, 4002, 2, TESLA_UINT32, &fee) },
	.rating = 1,
	.rating_scale = &fep
};
static const struct tesla_variable tff = { .name = "TFF",
					   .n_elements = 1,
					   .elements = (const struct tesla_register *const[]){
						   R(3, 4029, 1, TESLA_UINT16, &fev) } };
static const struct tesla_variable fre = { .name = "FRE",
					   .n_elements = 1,
					   .elements = (const struct tesla_register *const[]){
						   R(3, 4012, 1, TESLA_UINT16, NULL) } };
static const struct tesla_variable *const wanted_all[] = { &tpf, &cea, &tff, &fre };

static const struct tesla_block blocks_all[] = {
	{ 3, 4032, 3, 0, NULL, 0, { 0 } },
	{ 3, 4040, 1, 0, NULL, 0, { 0 } },
	{ 3, 4000, 2, 0, NULL, 1, { 0 } },
	{ 4, 4002, 2, 0, NULL, 1, { 0 } },
	{ 3, 4029, 1, 0, NULL, 2, { 0 } },
	{ 3, 4012, 1, 0, NULL, 3, { 0 } },
	{ 3, 4105, 1, TESLA_BLOCK_CONNECT, NULL, TESLA_EVERY_VARIABLE, { 0 } },
	{ 3, 4107, 1, TESLA_BLOCK_CONNECT, NULL, TESLA_EVERY_VARIABLE, { 0 } },
	{ 3, 4106, 1, TESLA_BLOCK_CONNECT, NULL, TESLA_EVERY_VARIABLE, { 0 } },
};
#define N_BLOCKS N_ELEMENTS(blocks_all)

static void check_blocks(const struct tesla_model *m, const struct tesla_block *expected, size_t n,
			 uint16_t mask)
{
	const struct tesla_block *blocks;
	void *self = open_wanted(m, wanted_all, N_ELEMENTS(wanted_all));

	cr_assert_eq(tesla_plugin.data->blocks(self, &blocks), n);
	for (size_t i = 0; i < n; i++) {
		cr_expect_eq(blocks[i].function, expected[i].function, "block %zu", i);
		cr_expect_eq(blocks[i].address, expected[i].address, "block %zu", i);
		cr_expect_eq(blocks[i].count, expected[i].count, "block %zu", i);
		cr_expect_eq(blocks[i].flags, expected[i].flags & mask, "block %zu", i);
		cr_expect_eq(blocks[i].variable, expected[i].variable, "block %zu", i);
		cr_expect_null(blocks[i].command);
	}
	tesla_plugin.data->close(self);
}

Test(mapData, blocks)
{
	const struct tesla_model every = { .size = sizeof every,
					   .name = "every",
					   .scales_every_sweep = true };

	check_blocks(&model, blocks_all, N_BLOCKS, UINT16_MAX);
	check_blocks(&every, blocks_all, N_BLOCKS, 0);
}

Test(mapData, a_long_run_is_cut_at_one_read)
{
	static struct tesla_register regs[300];
	static const struct tesla_register *elements[300];
	struct tesla_variable v = { .name = "HARM", .n_elements = 300, .elements = elements };
	const struct tesla_variable *wanted = &v;
	const struct tesla_block *b;

	for (size_t i = 0; i < 300; i++) {
		regs[i] = (struct tesla_register){ .function = 3,
						   .address = (uint16_t)(100 + 2 * i),
						   .count = 2,
						   .type = TESLA_FLOAT32,
						   .scale = 1 };
		elements[i] = &regs[i];
	}
	void *self = open_wanted(&model, &wanted, 1);

	cr_assert_eq(tesla_plugin.data->blocks(self, &b), 5);
	cr_expect_eq(b[0].count, 124);
	cr_expect_eq(b[1].address, 224);
	cr_expect_eq(b[4].count, 600 - 4 * 124);
	tesla_plugin.data->close(self);
}

/* What each block's reply failing costs: only the elements that stand on it. */
Test(mapData, a_lost_block_is_an_error_of_its_elements_only)
{
	static const unsigned lost[N_BLOCKS] = {
		0x07, 0x08, 0x10, 0x20, 0x40, 0x80, 0x4f, 0x30, 0
	};
	static const struct tesla_reply failures[] = {
		{ .status = TESLA_REPLY_NONE },
		{ .status = TESLA_REPLY_TIMEOUT },
		{ .status = TESLA_REPLY_EXCEPTION },
		{ .status = TESLA_REPLY_OK },
	};
	uint8_t zeros[8] = { 0 };
	void *self = open_wanted(&model, wanted_all, N_ELEMENTS(wanted_all));

	for (size_t f = 0; f < N_ELEMENTS(failures); f++) {
		for (size_t block = 0; block < N_BLOCKS; block++) {
			struct tesla_buf data[N_BLOCKS], cut = { .bytes = zeros, .len = 1 };
			struct tesla_reply replies[N_BLOCKS];
			struct tesla_element out[8];
			struct tesla_error err;

			for (size_t i = 0; i < N_BLOCKS; i++) {
				data[i] = (struct tesla_buf){ .bytes = zeros,
							      .len = 2u * blocks_all[i].count };
				replies[i] = (struct tesla_reply){ .status = TESLA_REPLY_OK,
								   .data = &data[i] };
			}
			replies[block] = failures[f];
			replies[block].data = &cut;
			cr_expect_eq(tesla_plugin.data->decode(self, replies, out, &err), 0);
			for (unsigned e = 0; e < 8; e++)
				check_element("lost block", out[e], 0,
					      lost[block] >> e & 1 ? TESLA_ERROR : TESLA_GOOD);
		}
	}
	tesla_plugin.data->close(self);
}

Test(mapData, a_model_whose_counts_do_not_fit_is_refused)
{
	const struct tesla_register bad = {
		.label = "L1", .count = 1, .type = TESLA_UINT32, .scale = 1
	};
	const struct tesla_register *element = &bad;
	struct tesla_variable v = { .name = "CEA", .n_elements = 1, .elements = &element };
	const struct tesla_variable *wanted = &v;
	struct tesla_error err;
	void *self;

	cr_expect_lt(tesla_plugin.data->open(NULL, &model, &wanted, 1, &self, &err), 0);
	cr_expect_not_null(strstr(err.text, "CEA, element L1: 1 registers"), "%s", err.text);
}
