/* SPDX-License-Identifier: Apache-2.0 */
/* Rice coding with a predictor and a parameter per run.  All sums wrap; none of them is signed. */
#include "central/rice.h"

#include <errno.h>

#include "central/bytes.h"

#define RUN 128u
#define QUOTIENT_MAX 24u /* so many zeros: the whole distance follows */
#define K_MAX 58u
#define K_NONE 63u /* all distances are 0 */
#define RUN_BYTES_MAX (RUN * 12 + 16)
#define N_PREDICTORS 3u

static uint64_t midway(uint64_t a, uint64_t b)
{
	return (uint64_t)((int64_t)(a + b) >> 1);
}

/* ---- encoding ---- */

struct bits {
	uint8_t *at;
	uint64_t held;
	unsigned n_held; /* fewer than 32 between calls */
};

static void put_bits(struct bits *b, uint64_t v, unsigned n) /* n at most 32 */
{
	b->held |= v << b->n_held;
	b->n_held += n;
	if (b->n_held < 32)
		return;
	put_u32(b->at, (uint32_t)b->held);
	b->at += 4;
	b->held >>= 32;
	b->n_held -= 32;
}

static void put_long(struct bits *b, uint64_t v, unsigned n)
{
	if (n > 32) {
		put_bits(b, v & UINT32_MAX, 32);
		v >>= 32;
		n -= 32;
	}
	put_bits(b, v, n);
}

static void put_distance(struct bits *b, uint64_t u, unsigned k)
{
	uint64_t quotient = u >> k;

	if (quotient < QUOTIENT_MAX) {
		put_bits(b, UINT64_C(1) << quotient, (unsigned)quotient + 1);
		put_long(b, u & ((UINT64_C(1) << k) - 1), k);
	} else {
		put_bits(b, UINT64_C(1) << QUOTIENT_MAX, QUOTIENT_MAX + 1);
		put_long(b, u, 64);
	}
}

struct run {
	uint64_t distances[N_PREDICTORS][RUN], sums[N_PREDICTORS];
};

/* a and b are the two numbers before. */
static void run_predict(struct run *r, const int64_t *numbers, size_t n, uint64_t a, uint64_t b)
{
	uint64_t sums[N_PREDICTORS] = { 0 };

	for (size_t i = 0; i < n; i++) {
		uint64_t v = (uint64_t)numbers[i];
		uint64_t d[N_PREDICTORS] = { zigzag(v - a), zigzag(v - (2 * a - b)),
					     zigzag(v - midway(a, b)) };

		for (unsigned p = 0; p < N_PREDICTORS; p++) {
			r->distances[p][i] = d[p];
			sums[p] += d[p] >> 56 != 0 ? UINT64_C(1) << 56 : d[p];
		}
		b = a;
		a = v;
	}
	memcpy(r->sums, sums, sizeof sums);
}

static uint64_t cost(const uint64_t *distances, size_t n, unsigned k)
{
	uint64_t bits = n * (k + 1);

	for (size_t i = 0; i < n; i++) {
		uint64_t quotient = distances[i] >> k;

		bits += quotient < QUOTIENT_MAX ? quotient : QUOTIENT_MAX + 64 - k;
	}
	return bits;
}

/* The best k is near the logarithm of the mean. */
static unsigned best_k(const uint64_t *distances, size_t n, uint64_t sum)
{
	unsigned k = 0, best;
	uint64_t least;

	if (sum == 0)
		return K_NONE;
	while (k < K_MAX && (sum / n) >> (k + 1) != 0)
		k++;
	best = k;
	least = cost(distances, n, k);
	for (unsigned near = k > 0 ? k - 1 : 0; near <= k + 1 && near <= K_MAX; near++) {
		uint64_t c = near == k ? least : cost(distances, n, near);

		if (c < least) {
			least = c;
			best = near;
		}
	}
	return best;
}

static void put_run(struct bits *b, const struct run *r, size_t n)
{
	unsigned predictor = 0, k;

	for (unsigned p = 1; p < N_PREDICTORS; p++)
		if (r->sums[p] < r->sums[predictor])
			predictor = p;
	k = best_k(r->distances[predictor], n, r->sums[predictor]);
	put_bits(b, predictor | k << 2, 8);
	for (size_t i = 0; i < n && k != K_NONE; i++)
		put_distance(b, r->distances[predictor][i], k);
}

int rice_encode(const int64_t *numbers, size_t n, struct buf *out)
{
	struct bits b = { 0 };
	struct run run;

	for (size_t i = 0; i < n; i += RUN) {
		size_t take = n - i < RUN ? n - i : RUN;
		uint8_t *at = buf_reserve(out, RUN_BYTES_MAX);

		if (at == NULL)
			return out->pub.len + RUN_BYTES_MAX > out->max ? -EMSGSIZE : -ENOMEM;
		b.at = at;
		run_predict(&run, &numbers[i], take, i > 0 ? (uint64_t)numbers[i - 1] : 0,
			    i > 1 ? (uint64_t)numbers[i - 2] : 0);
		put_run(&b, &run, take);
		buf_advance(out, (size_t)(b.at - at));
	}
	for (; b.n_held > 0; b.n_held -= b.n_held < 8 ? b.n_held : 8) {
		uint8_t byte = (uint8_t)b.held;
		int r = buf_append(out, &byte, 1);

		if (r != 0)
			return r;
		b.held >>= 8;
	}
	return 0;
}

/* ---- decoding ---- */

struct reading {
	const uint8_t *bytes;
	size_t at, end;	  /* in bits; at most 57 beyond the end before it is noticed */
	uint64_t last[2]; /* the number before, and the one before that */
};

/* The next 57 bits at least; others above them. */
static uint64_t window(const struct reading *r)
{
	return get_u64(r->bytes + r->at / 8) >> r->at % 8;
}

static uint64_t take_bits(struct reading *r, unsigned n) /* n at most 57 */
{
	uint64_t v = window(r) & ((UINT64_C(1) << n) - 1);

	r->at += n;
	return v;
}

static uint64_t take_whole(struct reading *r)
{
	uint64_t low;

	r->at += QUOTIENT_MAX + 1;
	low = take_bits(r, 32);
	return low | take_bits(r, 32) << 32;
}

/* Of a k for which one window may be too short. */
static uint64_t take_long(struct reading *r, unsigned quotient, unsigned k)
{
	uint64_t low;

	r->at += quotient + 1;
	low = take_bits(r, 32);
	return (uint64_t)quotient << k | low | take_bits(r, k - 32) << 32;
}

/* Where there is nothing any more, at stays beyond end, and no byte further is touched. */
static inline __attribute__((always_inline)) uint64_t take_distance(struct reading *r, unsigned k)
{
	uint64_t w;
	unsigned quotient;

	if (r->at > r->end)
		return 0;
	w = window(r);
	quotient = (unsigned)__builtin_ctzll(w | UINT64_C(1) << QUOTIENT_MAX);
	if (quotient == QUOTIENT_MAX)
		return unzigzag(take_whole(r));
	if (k > 32)
		return unzigzag(take_long(r, quotient, k));
	r->at += quotient + 1 + k;
	return unzigzag((uint64_t)quotient << k | (w >> (quotient + 1) & ((UINT64_C(1) << k) - 1)));
}

static inline uint64_t expected(unsigned predictor, uint64_t a, uint64_t b)
{
	return predictor == 0 ? a : predictor == 1 ? 2 * a - b : midway(a, b);
}

/* Inlined once for each predictor: the loop is what reading takes its time for. */
static inline __attribute__((always_inline)) void take_numbers(struct reading *reading,
							       unsigned predictor, unsigned k,
							       int64_t *numbers, size_t n)
{
	struct reading r = *reading;
	uint64_t a = r.last[0], b = r.last[1];

	for (size_t i = 0; i < n; i++) {
		uint64_t v = expected(predictor, a, b);

		if (k != K_NONE)
			v += take_distance(&r, k);
		numbers[i] = (int64_t)v;
		b = a;
		a = v;
	}
	reading->at = r.at;
	reading->last[0] = a;
	reading->last[1] = b;
}

static void take_run(struct reading *r, int64_t *numbers, size_t n)
{
	unsigned predictor = (unsigned)take_bits(r, 2), k = (unsigned)take_bits(r, 6);

	if (predictor >= N_PREDICTORS || (k > K_MAX && k != K_NONE))
		r->at = r->end + 1;
	else if (predictor == 0)
		take_numbers(r, 0, k, numbers, n);
	else if (predictor == 1)
		take_numbers(r, 1, k, numbers, n);
	else
		take_numbers(r, 2, k, numbers, n);
}

bool rice_decode(const uint8_t *bytes, size_t len, int64_t *numbers, size_t n)
{
	struct reading r = { .bytes = bytes, .end = len * 8 };

	for (size_t i = 0; i < n; i += RUN) {
		if (r.at > r.end)
			return false;
		take_run(&r, &numbers[i], n - i < RUN ? n - i : RUN);
	}
	return r.at <= r.end && r.end - r.at < 8;
}
