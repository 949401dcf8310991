/* SPDX-License-Identifier: Apache-2.0 */
/* The registers of one meter. */
#include "sim/bank.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/modbus.h"

static uint32_t cell_key(unsigned function, unsigned address)
{
	return function << 16 | address;
}

static int cell_compare(const void *a, const void *b)
{
	uint32_t x = ((const struct cell *)a)->key, y = ((const struct cell *)b)->key;

	return x < y ? -1 : x > y;
}

/* The first cell that is not before the key; n_cells: none. */
static size_t cell_from(const struct bank *b, uint32_t key)
{
	size_t lo = 0, hi = b->n_cells;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (b->cells[mid].key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int bank_init(struct bank *b, size_t n)
{
	*b = (struct bank){ .cells = calloc(n + 1, sizeof *b->cells) };
	return b->cells ? 0 : -ENOMEM;
}

void bank_release(struct bank *b)
{
	free(b->cells);
	free(b->overlays);
	*b = (struct bank){ 0 };
}

void bank_add(struct bank *b, unsigned function, unsigned address, size_t n)
{
	b->functions |= 1u << function;
	for (size_t k = 0; k < n; k++)
		b->cells[b->n_cells++].key = cell_key(function, (unsigned)(address + k));
}

void bank_seal(struct bank *b)
{
	size_t n = 0;

	if (b->n_cells == 0)
		return;
	qsort(b->cells, b->n_cells, sizeof *b->cells, cell_compare);
	/* Variables may share registers: each is there once. */
	for (size_t i = 0; i < b->n_cells; i++)
		if (n == 0 || b->cells[n - 1].key != b->cells[i].key)
			b->cells[n++] = b->cells[i];
	b->n_cells = n;
}

void bank_put(struct bank *b, unsigned function, unsigned address, const uint16_t *words, size_t n)
{
	size_t i = cell_from(b, cell_key(function, address));

	assert(i + n <= b->n_cells && b->cells[i].key == cell_key(function, address));
	for (size_t k = 0; k < n; k++)
		b->cells[i + k].value = words[k];
}

void bank_get(const struct bank *b, unsigned function, unsigned address, uint16_t *words, size_t n)
{
	size_t i = cell_from(b, cell_key(function, address));

	assert(i + n <= b->n_cells && b->cells[i].key == cell_key(function, address));
	for (size_t k = 0; k < n; k++)
		words[k] = b->cells[i + k].value;
}

static void overlay_drop(struct bank *b, uint16_t address)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_overlays; i++)
		if (b->overlays[i].address != address)
			b->overlays[n++] = b->overlays[i];
	b->n_overlays = n;
}

int bank_overlay(struct bank *b, uint16_t address, const uint16_t *values, size_t n)
{
	struct overlay *grown;

	if (n == 0) {
		overlay_drop(b, address);
		return 0;
	}
	grown = realloc(b->overlays, (b->n_overlays + n) * sizeof *grown);
	if (grown == NULL)
		return -ENOMEM;
	b->overlays = grown;
	for (size_t i = 0; i < n; i++) {
		overlay_drop(b, (uint16_t)(address + i));
		b->overlays[b->n_overlays++] =
			(struct overlay){ (uint16_t)(address + i), values[i] };
	}
	return 0;
}

static bool is_overlaid(const struct bank *b, unsigned address)
{
	for (size_t i = 0; i < b->n_overlays; i++)
		if (b->overlays[i].address == address)
			return true;
	return false;
}

bool bank_has_hole(const struct bank *b, unsigned function, unsigned first, unsigned count)
{
	for (unsigned a = first; a < first + count; a++) {
		size_t i = cell_from(b, cell_key(function, a));

		if ((i == b->n_cells || b->cells[i].key != cell_key(function, a)) &&
		    !is_overlaid(b, a))
			return true;
	}
	return false;
}

void bank_read(const struct bank *b, unsigned function, unsigned first, unsigned count,
	       uint8_t *out)
{
	uint32_t start = cell_key(function, first);

	memset(out, 0, 2 * count);
	for (size_t i = cell_from(b, start); i < b->n_cells && b->cells[i].key < start + count; i++)
		put_be16(out + 2 * (b->cells[i].key - start), b->cells[i].value);
	for (size_t i = 0; i < b->n_overlays; i++) {
		unsigned at = (unsigned)b->overlays[i].address - first;

		if (at < count)
			put_be16(out + 2 * at, b->overlays[i].value);
	}
}
