/* SPDX-License-Identifier: Apache-2.0 */
/* Rice coding with a predictor and a parameter per run.  All sums wrap; none of them is signed. */
#include "central/rice.h"

#include <errno.h>

#include "central/bytes.h"

#define RUN 128u
#define QUOTIENT_MAX 24u /* so many zeros: the whole distance follows */
#define K_MAX 58u
#define FOUR_K 12u /* beyond it four distances hardly fit into a window */
#define K_NONE 63u /* all distances are 0 */
#define RUN_BYTES_MAX (RUN * 12 + 24)
#define N_PREDICTORS 3u

static uint64_t midway(uint64_t a, uint64_t b)
{
	return (uint64_t)((int64_t)(a + b) >> 1);
}

/* ---- encoding ---- */

struct bits {
	uint8_t *at;
	uint64_t held;
	unsigned n_held; /* fewer than 8 between calls */
};

static inline void put_bits(struct bits *b, uint64_t v, unsigned n) /* n at most 56 */
{
	b->held |= v << b->n_held;
	b->n_held += n;
	put_u64(b->at, b->held);
	b->at += b->n_held / 8;
	b->held >>= b->n_held / 8 * 8;
	b->n_held %= 8;
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

/* The same of all, where each fits into one go. */
static void put_short_distances(struct bits *to, const uint64_t *distances, size_t n, unsigned k)
{
	struct bits b = *to;
	uint64_t low = (UINT64_C(1) << k) - 1;

	for (size_t i = 0; i < n; i++) {
		unsigned quotient = (unsigned)(distances[i] >> k);

		put_bits(&b, (UINT64_C(1) | (distances[i] & low) << 1) << quotient,
			 quotient + 1 + k);
	}
	*to = b;
}

struct run {
	uint64_t distances[N_PREDICTORS][RUN], sums[N_PREDICTORS];
	uint64_t any[N_PREDICTORS]; /* all bits that one of them has */
};

static uint64_t sum_of(const uint64_t *distances, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += distances[i] >> 56 != 0 ? UINT64_C(1) << 56 : distances[i];
	return sum;
}

/* With the two numbers before at the beginning. */
VECTORIZED static void run_predict(struct run *r, const uint64_t *numbers, size_t n)
{
	uint64_t sums[N_PREDICTORS] = { 0 }, any[N_PREDICTORS] = { 0 };

	for (size_t i = 0; i < n; i++) {
		uint64_t b = numbers[i], a = numbers[i + 1], v = numbers[i + 2];
		/* Shifts that copy the sign are none of the first vector units'. */
		uint64_t half = ((a + b + (UINT64_C(1) << 63)) >> 1) - (UINT64_C(1) << 62);
		uint64_t d0 = zigzag(v - a), d1 = zigzag(v - (2 * a - b)), d2 = zigzag(v - half);

		r->distances[0][i] = d0;
		r->distances[1][i] = d1;
		r->distances[2][i] = d2;
		sums[0] += d0;
		sums[1] += d1;
		sums[2] += d2;
		any[0] |= d0;
		any[1] |= d1;
		any[2] |= d2;
	}
	for (unsigned p = 0; p < N_PREDICTORS; p++) {
		r->any[p] = any[p];
		r->sums[p] = any[p] >> 56 != 0 ? sum_of(r->distances[p], n) : sums[p];
	}
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

/* The same where no quotient is as large. */
VECTORIZED static uint64_t short_cost(const uint64_t *distances, size_t n, unsigned k)
{
	uint64_t bits = n * (k + 1);

	for (size_t i = 0; i < n; i++)
		bits += distances[i] >> k;
	return bits;
}

/* The best k is near the logarithm of the mean. */
static unsigned best_k(const uint64_t *distances, size_t n, uint64_t sum, uint64_t any)
{
	unsigned k = 0, best;
	uint64_t least;

	if (sum == 0)
		return K_NONE;
	while (k < K_MAX && (sum / n) >> (k + 1) != 0)
		k++;
	best = k > 0 ? k - 1 : 0;
	least = UINT64_MAX;
	for (unsigned near = best; near <= k + 1 && near <= K_MAX; near++) {
		uint64_t c = any >> near < QUOTIENT_MAX ? short_cost(distances, n, near)
							: cost(distances, n, near);

		if (c < least || (c == least && near == k)) {
			least = c;
			best = near;
		}
	}
	return best;
}

static void put_run(struct bits *b, const struct run *r, size_t n)
{
	unsigned p = 0, k;

	for (unsigned other = 1; other < N_PREDICTORS; other++)
		if (r->sums[other] < r->sums[p])
			p = other;
	k = best_k(r->distances[p], n, r->sums[p], r->any[p]);
	put_bits(b, p | k << 2, 8);
	if (k <= 32 && r->any[p] >> k < QUOTIENT_MAX) {
		put_short_distances(b, r->distances[p], n, k);
		return;
	}
	for (size_t i = 0; i < n && k != K_NONE; i++)
		put_distance(b, r->distances[p][i], k);
}

int rice_encode(const int64_t *numbers, size_t n, struct buf *out)
{
	uint64_t with_two[RUN + 2] = { 0 };
	struct bits b = { 0 };
	struct run run;

	for (size_t i = 0; i < n; i += RUN) {
		size_t take = n - i < RUN ? n - i : RUN;
		uint8_t *at = buf_reserve(out, RUN_BYTES_MAX);

		if (at == NULL)
			return out->pub.len + RUN_BYTES_MAX > out->max ? -EMSGSIZE : -ENOMEM;
		b.at = at;
		memcpy(with_two + 2, numbers + i, take * sizeof *numbers);
		run_predict(&run, with_two, take);
		put_run(&b, &run, take);
		buf_advance(out, (size_t)(b.at - at));
		with_two[0] = with_two[RUN];
		with_two[1] = with_two[RUN + 1];
	}
	if (b.n_held > 0) {
		uint8_t byte = (uint8_t)b.held;

		return buf_append(out, &byte, 1);
	}
	return 0;
}

/* ---- decoding ---- */

struct last { /* the number before, and the one before that */
	uint64_t a, b;
};
struct reading {
	const uint8_t *bytes;
	size_t at, end; /* in bits; at most 57 beyond the end before it is noticed */
	struct last last;
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

/*
 * Zigzag, as it comes.  Where there is nothing any more, at stays beyond end, and no byte further
 * is touched.
 */
static inline __attribute__((always_inline)) uint64_t take_distance(struct reading *r, unsigned k)
{
	uint64_t w;
	unsigned quotient;

	if (r->at > r->end)
		return 0;
	w = window(r);
	quotient = (unsigned)__builtin_ctzll(w | UINT64_C(1) << QUOTIENT_MAX);
	if (quotient == QUOTIENT_MAX)
		return take_whole(r);
	if (k > 32)
		return take_long(r, quotient, k);
	r->at += quotient + 1 + k;
	return (uint64_t)quotient << k | (w >> (quotient + 1) & ((UINT64_C(1) << k) - 1));
}

static inline uint64_t expected(unsigned predictor, uint64_t a, uint64_t b)
{
	return predictor == 0 ? a : predictor == 1 ? 2 * a - b : midway(a, b);
}

struct peek { /* into one window */
	uint64_t window;
	unsigned used, over; /* over: beyond 31 when a quotient was QUOTIENT_MAX or more */
};

static inline __attribute__((always_inline)) uint64_t peek_distance(struct peek *p, unsigned k)
{
	unsigned quotient = (unsigned)__builtin_ctzll(p->window | UINT64_C(1) << 63);
	uint64_t rest = p->window >> quotient >> 1;

	p->window = rest >> k;
	p->used += quotient + 1 + k;
	p->over |= quotient + (32 - QUOTIENT_MAX);
	return (uint64_t)quotient << k | (rest & ((UINT64_C(1) << k) - 1));
}

/*
 * Four from one window, which they mostly fit into; false: they did not, and none was taken.  Where
 * one ends is what the next one waits for, so there is no branch between them.
 */
static inline __attribute__((always_inline)) bool take_four(struct reading *r, unsigned k,
							    uint64_t distances[4])
{
	struct peek p = { .window = window(r) };

	distances[0] = peek_distance(&p, k);
	distances[1] = peek_distance(&p, k);
	distances[2] = peek_distance(&p, k);
	distances[3] = peek_distance(&p, k);
	if (p.used > 57 || p.over > 31)
		return false;
	r->at += p.used;
	return true;
}

static inline __attribute__((always_inline)) void put_number(struct last *last, unsigned predictor,
							     uint64_t distance, int64_t *number)
{
	uint64_t v = expected(predictor, last->a, last->b) + unzigzag(distance);

	*number = (int64_t)v;
	last->b = last->a;
	last->a = v;
}

/* Inlined once for each predictor: the loops are what reading takes its time for. */
static inline __attribute__((always_inline)) void take_numbers(struct reading *reading,
							       unsigned predictor, unsigned k,
							       int64_t *numbers, size_t n)
{
	struct reading r = *reading;
	struct last last = r.last;
	uint64_t four[4];
	size_t i = 0;

	for (; k <= FOUR_K && i + 4 <= n && r.at <= r.end; i += 4) {
		if (!take_four(&r, k, four))
			for (size_t j = 0; j < 4; j++)
				four[j] = take_distance(&r, k);
		put_number(&last, predictor, four[0], &numbers[i]);
		put_number(&last, predictor, four[1], &numbers[i + 1]);
		put_number(&last, predictor, four[2], &numbers[i + 2]);
		put_number(&last, predictor, four[3], &numbers[i + 3]);
	}
	for (; i < n; i++)
		put_number(&last, predictor, k != K_NONE ? take_distance(&r, k) : 0, &numbers[i]);
	reading->at = r.at;
	reading->last = last;
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
