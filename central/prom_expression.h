/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions of strangers, as RE2 has them in Prometheus, matched by PCRE2 with bounds: on
 * the memory of all those of a request, and on the steps of each match.
 */
#ifndef CENTRAL_PROM_EXPRESSION_H
#define CENTRAL_PROM_EXPRESSION_H

#include <tesla/plugin.h>

/* Memory that is handed out; what is freed does not come back to it. */
struct purse {
	size_t left;
	bool refused; /* somebody wanted more */
};
void *purse_take(struct purse *p, size_t size);

struct expression;
struct expressions; /* what those of one request share */

int expressions_new(struct expressions **ret, struct tesla_error *err);
/* After the last of its expressions. */
void expressions_free(struct expressions *all);

/* -EINVAL: it is none; -E2BIG: they take too much memory. */
int expression_new(struct expressions *all, const char *text, struct expression **ret,
		   struct tesla_error *err);
void expression_free(struct expression *x);
/* 1: it matches the whole of the value, which is UTF-8; 0; -ETIME: that takes too many steps. */
int expression_matches(struct expressions *all, struct expression *x, const char *value,
		       struct tesla_error *err);

#endif
