/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters by table: one text, one row, one member of a conf struct. */
#ifndef BASE_PARAM_H
#define BASE_PARAM_H

#include <tesla/plugin.h>

/* The row of that name, or NULL.  A NULL table is empty. */
const struct tesla_param *param_find(const struct tesla_param *table, const char *name);
/*
 * Checks `text` against the row and, unless conf is NULL, stores it.  A string is stored as a
 * pointer to `text`: the caller keeps it.  -EINVAL, -ERANGE with *err saying what came and what
 * was expected.
 */
int param_set(const struct tesla_param *row, const char *text, void *conf, struct tesla_error *err);
/* Stores every row's default. */
int param_defaults(const struct tesla_param *table, void *conf, struct tesla_error *err);
/*
 * "0.5", "10 s", "15min", "1h", "20ms", "90 d" to milliseconds; a bare number counts `unit_ms`
 * each.  -EINVAL: no such form, negative, or beyond 10^12 ms.
 */
int duration_parse_ms(const char *text, double unit_ms, int64_t *ret);
/* "90 s", "15 min", "0.5 s": how a user would write it. */
void duration_format(int64_t ms, char *text, size_t size);

#endif
