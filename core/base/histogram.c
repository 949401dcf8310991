/* SPDX-License-Identifier: Apache-2.0 */
/* How long things take, in fixed buckets. */
#include "base/histogram.h"

#define COUNT_MAX (INT64_MAX / 4) /* of one message: sums of many stay sound */

const int64_t histogram_bounds_us[HISTOGRAM_BOUNDS] = {
	1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000, 5000000,
};

void histogram_add(struct histogram *h, int64_t us)
{
	size_t i = 0;

	if (us < 0)
		us = 0;
	while (i < HISTOGRAM_BOUNDS && us > histogram_bounds_us[i])
		i++;
	h->n[i]++;
	h->sum_us += (uint64_t)us;
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		to->n[i] += from->n[i];
	to->sum_us += from->sum_us;
}

void histogram_pack(msgpack_packer *pk, const struct histogram *h)
{
	size_t n = HISTOGRAM_BUCKETS;

	while (n > 0 && h->n[n - 1] == 0)
		n--;
	if (n == 0) {
		(void)msgpack_pack_nil(pk);
		return;
	}
	(void)msgpack_pack_array(pk, 1 + n);
	(void)msgpack_pack_uint64(pk, h->sum_us);
	for (size_t i = 0; i < n; i++)
		(void)msgpack_pack_uint64(pk, h->n[i]);
}

bool histogram_unpack(const msgpack_object *o, struct histogram *ret)
{
	struct histogram h = { .sum_us = 0 };
	int64_t v;

	if (o->type == MSGPACK_OBJECT_NIL) {
		*ret = h;
		return true;
	}
	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size == 0 ||
	    o->via.array.size > 1 + HISTOGRAM_BUCKETS)
		return false;
	for (uint32_t i = 0; i < o->via.array.size; i++) {
		if (!mp_to_int(&o->via.array.ptr[i], &v) || v < 0 || v > COUNT_MAX)
			return false;
		if (i == 0)
			h.sum_us = (uint64_t)v;
		else
			h.n[i - 1] = (uint64_t)v;
	}
	*ret = h;
	return true;
}
