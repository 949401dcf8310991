/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks: there and back to the bit, how short they are, and all that may be wrong with one. */
#include "central/codec.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "base/crc.h"
#include "central/codec_internal.h"

#define MINUTE 60000
#define START INT64_C(1794182400000)

static uint64_t next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

static double any_bits(uint64_t *state)
{
	uint64_t bits = next(state);
	double v;

	memcpy(&v, &bits, sizeof v);
	return v;
}

/* ---- kinds of column: each makes the value of a row ---- */

static double hard(size_t row, uint64_t *state)
{
	static const double values[] = { 0.0,	     -0.0,	NAN,	    DBL_MAX,	-DBL_MAX,
					 DBL_MIN,    0x1p-1074, -0x1p-1074, INFINITY,	-INFINITY,
					 1.0 / 3,    0.1,	-1e-9,	    1e-10,	0x1p50,
					 0x1p50 + 1, 0x1p53,	0x1p53 + 2, 1e15 + 0.1, 1e300 };

	(void)state;
	return values[row % N_ELEMENTS(values)];
}

static double random_bits(size_t row, uint64_t *state)
{
	(void)row;
	return any_bits(state);
}

static double constant(size_t row, uint64_t *state)
{
	(void)row;
	(void)state;
	return 230.1;
}

static double minus_zero(size_t row, uint64_t *state)
{
	(void)row;
	(void)state;
	return -0.0;
}

static double plus_and_minus_zero(size_t row, uint64_t *state)
{
	(void)state;
	return row % 3 != 0 ? -0.0 : 0.0;
}

static double nothing(size_t row, uint64_t *state)
{
	(void)row;
	(void)state;
	return NAN;
}

static double voltage(size_t row, uint64_t *state)
{
	(void)row;
	return (double)(2300 + (int)(next(state) % 21)) / 10;
}

static double voltage_with_holes(size_t row, uint64_t *state)
{
	double v = voltage(row, state);

	return next(state) % 7 == 0 || row % 100 < 10 ? NAN : v;
}

static double mean_in_sixteenths(size_t row, uint64_t *state)
{
	(void)row;
	return (double)(2300 * 16 + (int)(next(state) % 401)) * 625 / 100000;
}

static double energy(size_t row, uint64_t *state)
{
	(void)state;
	return 12345678 + (double)(row * row / 7);
}

static double nine_decimals(size_t row, uint64_t *state)
{
	(void)row;
	return ((double)(next(state) % 2000000000) - 1e9) / 1e9;
}

static double ten_decimals(size_t row, uint64_t *state)
{
	(void)state;
	return (double)(1 + row) / 1e10;
}

static double leaps(size_t row, uint64_t *state)
{
	double v = next(state) % 2 != 0 ? 0x1p50 : -0x1p50;

	return row % 50 == 0 ? v : 1;
}

static double large_and_fine(size_t row, uint64_t *state)
{
	(void)state;
	return row % 2 != 0 ? 0x1p50 : 0.001;
}

static double first_only(size_t row, uint64_t *state)
{
	(void)state;
	return row == 0 ? 7 : NAN;
}

static double sine(size_t row, uint64_t *state)
{
	(void)state;
	return sin((double)row / 100);
}

static const struct column_case {
	const char *name;
	double (*make)(size_t row, uint64_t *state);
	enum kind kind; /* of 1000 rows */
	double bytes;	/* a row, at most; the row of the directory left out */
} cases[] = {
	{ "hard values", hard, KIND_REAL, 8.5 },
	{ "random bits", random_bits, KIND_REAL, 8.1 },
	{ "constant", constant, KIND_ALL_SAME, 0 },
	{ "minus zero", minus_zero, KIND_ALL_SAME, 0 },
	{ "plus and minus zero", plus_and_minus_zero, KIND_REAL, 0.5 },
	{ "nothing", nothing, KIND_NONE, 0 },
	{ "voltage", voltage, KIND_WHOLE, 0.75 },
	{ "voltage with holes", voltage_with_holes, KIND_WHOLE, 1.1 },
	{ "mean in sixteenths", mean_in_sixteenths, KIND_WHOLE, 1.3 },
	{ "energy", energy, KIND_WHOLE, 0.3 },
	{ "nine decimals", nine_decimals, KIND_WHOLE, 4.3 },
	{ "ten decimals", ten_decimals, KIND_REAL, 8.1 },
	{ "leaps", leaps, KIND_WHOLE, 1 },
	{ "large and fine", large_and_fine, KIND_REAL, 0.2 },
	{ "first only", first_only, KIND_SAME, 0.1 },
	{ "sine", sine, KIND_REAL, 8.1 },
};

static bool same(double a, double b)
{
	return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

struct sample {
	size_t n;
	int64_t *times;
	double *values[N_ELEMENTS(cases)];
	const double *columns[N_ELEMENTS(cases)];
	struct buf block;
};

static struct sample sample_new(size_t n, int64_t jitter)
{
	struct sample s = { .n = n, .times = malloc(n * sizeof *s.times) };
	uint64_t state = 1;

	for (size_t i = 0; i < n; i++)
		s.times[i] = START + (int64_t)i * MINUTE +
			     (jitter != 0 ? (int64_t)(next(&state) % 401) - 200 : 0);
	for (size_t c = 0; c < N_ELEMENTS(cases); c++) {
		s.values[c] = malloc(n * sizeof(double));
		for (size_t i = 0; i < n; i++)
			s.values[c][i] = cases[c].make(i, &state);
		s.columns[c] = s.values[c];
	}
	buf_init(&s.block, CODEC_BYTES_MAX);
	return s;
}

static void sample_encode(struct sample *s)
{
	struct codec_rows rows = { s->times, s->n, N_ELEMENTS(cases), s->columns };
	struct tesla_error err = { 0 };

	cr_assert(codec_encode(&rows, &s->block, &err) == 0, "%s", err.text);
}

static void sample_release(struct sample *s)
{
	free(s->times);
	for (size_t c = 0; c < N_ELEMENTS(cases); c++)
		free(s->values[c]);
	buf_release(&s->block);
}

static void expect_back(const struct sample *s)
{
	_cleanup_free_ int64_t *times = malloc(s->n * sizeof *times);
	_cleanup_free_ double *values = malloc(s->n * sizeof *values);
	struct tesla_error err = { 0 };
	struct codec_block b;

	cr_assert(codec_open(s->block.pub.bytes, s->block.pub.len, &b, &err) == 0, "%s", err.text);
	cr_assert(codec_check(&b, &err) == 0, "%zu rows: %s", s->n, err.text);
	cr_assert(codec_times(&b, times, &err) == 0, "%s", err.text);
	cr_assert(b.n_rows == s->n && b.first_ms == times[0] && b.last_ms == times[s->n - 1]);
	cr_assert(memcmp(times, s->times, s->n * sizeof *times) == 0);
	for (size_t c = 0; c < N_ELEMENTS(cases); c++) {
		cr_assert(codec_column(&b, c, values, &err) == 0, "%s: %s", cases[c].name,
			  err.text);
		for (size_t i = 0; i < s->n; i++)
			cr_assert(same(values[i], s->values[c][i]), "%s, row %zu of %zu: %a is %a",
				  cases[c].name, i, s->n, s->values[c][i], values[i]);
	}
}

Test(codec, there_and_back)
{
	static const size_t lengths[] = { 1, 2, 3, 127, 128, 129, 256, 257, 1000, 10080, 65536 };

	for (size_t i = 0; i < N_ELEMENTS(lengths); i++)
		for (int64_t jitter = 0; jitter <= 1; jitter++) {
			struct sample s = sample_new(lengths[i], jitter);

			sample_encode(&s);
			expect_back(&s);
			sample_release(&s);
		}
}

Test(codec, each_column_in_its_shortest_form)
{
	struct sample s = sample_new(1000, 0);
	struct tesla_error err;
	struct codec_block b;

	sample_encode(&s);
	cr_assert(codec_open(s.block.pub.bytes, s.block.pub.len, &b, &err) == 0);
	cr_expect(get_u32(b.bytes + HEADER_TIMES_LEN) < 40);
	for (size_t c = 0; c < N_ELEMENTS(cases); c++) {
		struct codec_entry e;

		codec_entry_of(&b, c, &e);
		cr_expect(e.kind == cases[c].kind, "%s: kind %d", cases[c].name, (int)e.kind);
		cr_expect((double)(e.holes_len + e.values_len) <= 1000 * cases[c].bytes,
			  "%s: %zu bytes", cases[c].name, e.holes_len + e.values_len);
	}
	sample_release(&s);
}

Test(codec, summaries)
{
	static const double values[] = { NAN, 3, -1, NAN, 2.5 };
	static const double none[] = { NAN, NAN, NAN, NAN, NAN },
			    all[] = { 2.5, 2.5, 2.5, 2.5, 2.5 };
	static const int64_t times[] = { 1, 2, 3, 4, 5 };
	const double *const columns[] = { values, none, all };
	struct codec_rows rows = { times, 5, 3, columns };
	struct codec_summary sum;
	struct tesla_error err;
	struct codec_block b;
	struct buf out;

	buf_init(&out, 4096);
	cr_assert(codec_encode(&rows, &out, &err) == 0);
	cr_assert(codec_open(out.pub.bytes, out.pub.len, &b, &err) == 0);
	codec_summary(&b, 0, &sum);
	cr_expect(sum.min == -1 && sum.max == 3 && sum.sum == 4.5 && sum.count == 3);
	codec_summary(&b, 1, &sum);
	cr_expect(isnan(sum.min) && isnan(sum.max) && isnan(sum.sum) && sum.count == 0);
	codec_summary(&b, 2, &sum);
	cr_expect(sum.min == 2.5 && sum.max == 2.5 && sum.sum == 12.5 && sum.count == 5);
	cr_expect(codec_samples(&b) == 8);
	out.pub.bytes[out.pub.len - 1] ^= 1;
	cr_expect(codec_open(out.pub.bytes, out.pub.len, &b, &err) == -EBADMSG);
	cr_expect(codec_look(out.pub.bytes, out.pub.len, &b, &err) == 0);
	cr_expect(b.n_rows == 5 && codec_samples(&b) == 8);
	cr_expect(codec_look(out.pub.bytes, out.pub.len - 1, &b, &err) == -EBADMSG);
	buf_release(&out);
}

Test(codec, what_does_not_fit_adds_nothing)
{
	struct sample s = sample_new(1000, 0);
	struct codec_rows rows = { s.times, s.n, N_ELEMENTS(cases), s.columns };
	struct tesla_error err;

	for (size_t max = 0; max < 20000; max += 97) {
		buf_release(&s.block);
		buf_init(&s.block, max);
		cr_assert(codec_encode(&rows, &s.block, &err) < 0);
		cr_assert(s.block.pub.len == 0 && err.text[0] != '\0');
	}
	sample_release(&s);
}

/* A copy of exactly that length, so that ASan sees whoever reads further. */
static int open_copy(const uint8_t *bytes, size_t len, struct tesla_error *err)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct codec_block b;
	int r;

	memcpy(copy, bytes, len);
	r = codec_open(copy, len, &b, err);
	free(copy);
	return r;
}

Test(codec, every_flipped_bit_and_every_cut_is_found)
{
	struct sample s = sample_new(40, 1);
	struct tesla_error err;

	sample_encode(&s);
	for (size_t bit = 0; bit < 8 * s.block.pub.len; bit++) {
		s.block.pub.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_assert(open_copy(s.block.pub.bytes, s.block.pub.len, &err) == -EBADMSG,
			  "bit %zu", bit);
		s.block.pub.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t len = 0; len < s.block.pub.len; len++)
		cr_assert(open_copy(s.block.pub.bytes, len, &err) == -EBADMSG, "%zu", len);
	cr_assert(open_copy(s.block.pub.bytes, s.block.pub.len, &err) == 0);
	sample_release(&s);
}

/* With the checksum made right again: nothing is read out of bounds, and nothing hangs. */
Test(codec, flipped_bits_with_a_right_checksum_are_survived)
{
	struct sample s = sample_new(40, 1);
	uint8_t *at;
	size_t len;

	sample_encode(&s);
	at = s.block.pub.bytes;
	len = s.block.pub.len;
	for (size_t bit = 8 * HEADER_LEN; bit < 8 * len; bit++) {
		struct tesla_error err = { 0 };
		struct codec_block b;

		at[bit / 8] ^= (uint8_t)(1u << bit % 8);
		put_u32(at + HEADER_CRC, crc32c(0, at + HEADER_LEN, len - HEADER_LEN));
		if (codec_open(at, len, &b, &err) == 0)
			(void)codec_check(&b, &err);
		at[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	sample_release(&s);
}
