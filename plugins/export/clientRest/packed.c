/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the heads of all values; allocates nothing, looks into nothing.  Whoever comes to the end
 * has found every value that was announced.
 */
#include "packed.h"

#include <stdint.h>

struct walk {
	const uint8_t *p;
	size_t left;
};

/* What follows a type byte from 0xc0 to 0xdf: a number of so many bytes, which counts ... */
static const struct form {
	uint8_t width;
	enum { NOTHING, FIXED, BYTES, VALUES, PAIRS, INVALID } counts;
	uint8_t fixed; /* bytes that follow besides */
} forms[] = {
	{ 0, NOTHING, 0 }, { 0, INVALID, 0 }, { 0, NOTHING, 0 }, { 0, NOTHING, 0 }, /* nil, bools */
	{ 1, BYTES, 0 },   { 2, BYTES, 0 },   { 4, BYTES, 0 },			    /* bin */
	{ 1, BYTES, 1 },   { 2, BYTES, 1 },   { 4, BYTES, 1 },			    /* ext */
	{ 0, FIXED, 4 },   { 0, FIXED, 8 },					    /* floats */
	{ 0, FIXED, 1 },   { 0, FIXED, 2 },   { 0, FIXED, 4 },	 { 0, FIXED, 8 },   /* uint */
	{ 0, FIXED, 1 },   { 0, FIXED, 2 },   { 0, FIXED, 4 },	 { 0, FIXED, 8 },   /* int */
	{ 0, FIXED, 2 },   { 0, FIXED, 3 },   { 0, FIXED, 5 },	 { 0, FIXED, 9 },   /* fixext */
	{ 0, FIXED, 17 },  { 1, BYTES, 0 },   { 2, BYTES, 0 },	 { 4, BYTES, 0 },   /* str */
	{ 2, VALUES, 0 },  { 4, VALUES, 0 },  { 2, PAIRS, 0 },	 { 4, PAIRS, 0 },
};

static bool skip(struct walk *w, uint64_t n)
{
	if (n > w->left)
		return false;
	w->p += n;
	w->left -= (size_t)n;
	return true;
}

static bool long_head(struct walk *w, const struct form *f, uint64_t *inside)
{
	const uint8_t *number = w->p;
	uint64_t count = 0;

	if (f->counts == INVALID || !skip(w, f->width))
		return false;
	for (size_t i = 0; i < f->width; i++)
		count = count << 8 | number[i];
	if (f->counts == VALUES || f->counts == PAIRS)
		*inside = f->counts == PAIRS ? 2 * count : count;
	return skip(w, f->fixed) && (f->counts != BYTES || skip(w, count));
}

/* One value without those inside it, of which there are *inside. */
static bool head(struct walk *w, uint64_t *inside)
{
	uint8_t type = w->left > 0 ? *w->p : 0;

	*inside = 0;
	if (!skip(w, 1))
		return false;
	if (type <= 0x7f || type >= 0xe0) /* an integer */
		return true;
	if (type >= 0xc0)
		return long_head(w, &forms[type - 0xc0], inside);
	if (type >= 0xa0) /* a text */
		return skip(w, type & 0x1fu);
	*inside = type >= 0x90 ? type & 0x0fu : 2 * (type & 0x0fu);
	return true;
}

bool packed_is_sound(const void *bytes, size_t len)
{
	struct walk w = { bytes, len };
	uint64_t to_come[PACKED_DEPTH + 1] = { 1 };
	size_t depth = 0;

	for (;;) {
		uint64_t inside;

		while (to_come[depth] == 0)
			if (depth-- == 0)
				return w.left == 0;
		to_come[depth]--;
		if (!head(&w, &inside) || (inside > 0 && depth == PACKED_DEPTH))
			return false;
		if (inside > 0)
			to_come[++depth] = inside;
	}
}
