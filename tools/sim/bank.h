/* SPDX-License-Identifier: Apache-2.0 */
/* The registers of one meter: those of its model, and raw values laid over any address. */
#ifndef SIM_BANK_H
#define SIM_BANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cell {
	uint32_t key;
	uint16_t value;
}; /* key: function << 16 | address */
struct overlay {
	uint16_t address, value;
}; /* whatever the function */

struct bank {
	unsigned functions; /* bit n: there are registers of function n */
	struct cell *cells; /* sorted by key once bank_seal was called */
	size_t n_cells;
	struct overlay *overlays;
	size_t n_overlays;
};

/* Room for n registers; then bank_add for each, then bank_seal.  -ENOMEM. */
int bank_init(struct bank *b, size_t n);
void bank_release(struct bank *b);
void bank_add(struct bank *b, unsigned function, unsigned address, size_t n);
void bank_seal(struct bank *b);

/* Registers that were added, and no others. */
void bank_put(struct bank *b, unsigned function, unsigned address, const uint16_t *words, size_t n);
void bank_get(const struct bank *b, unsigned function, unsigned address, uint16_t *words, size_t n);
/* n 0: the one at `address` is no longer laid over.  -ENOMEM. */
int bank_overlay(struct bank *b, uint16_t address, const uint16_t *values, size_t n);
bool bank_has_hole(const struct bank *b, unsigned function, unsigned first, unsigned count);
/* 2 x count bytes, high byte first; 0 where nothing is defined. */
void bank_read(const struct bank *b, unsigned function, unsigned first, unsigned count,
	       uint8_t *out);

#endif
