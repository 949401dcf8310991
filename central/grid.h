/* SPDX-License-Identifier: Apache-2.0 */
/* Lists for people: rows of texts in columns, or one JSON object a line for programs. */
#ifndef CENTRAL_GRID_H
#define CENTRAL_GRID_H

#include <msgpack.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "central/registry.h"

#define GRID_COLUMNS_MAX 8

struct grid {
	bool json;
	size_t n_columns;
	struct arena memory; /* has the cells */
	const char **cells;
	size_t n, cap;
	struct buf packed;
	msgpack_packer pk;
};

/* heads: n_columns words. */
void grid_init(struct grid *g, bool json, const char *const *heads, size_t n_columns);
/* NULL: people read it.  Else pack one map with it, and call grid_json(). */
msgpack_packer *grid_packer(struct grid *g);
int grid_json(struct grid *g, struct tesla_error *err);
/* Copies the texts; "" is shown as "-". */
void grid_row(struct grid *g, const char *const *cells);
/* Prints what is not printed yet, and releases all. */
int grid_end(struct grid *g, struct tesla_error *err);

/* A list of things in the registry. */
struct grid_list {
	const char *heads[GRID_COLUMNS_MAX];
	size_t n_columns;
	void (*pack)(msgpack_packer *pk, const struct registry *r, size_t i);
	void (*row)(struct grid *g, const struct registry *r, size_t i);
};
/* Things from `first` on, n of them. */
struct grid_range {
	size_t first, n;
};
int grid_print(const struct grid_list *l, const struct registry *r, struct grid_range range,
	       bool json, struct tesla_error *err);

/* With commas; cut off at `size`. */
void grid_texts(const struct registry_texts *t, char *text, size_t size);
/* 2026-11-30T00:00:00Z */
#define GRID_TIME 24
void grid_time(int64_t ms, char text[GRID_TIME]);

#endif
