/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is released all at once: for what is parsed from one file. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena { /* all zero: empty */
	void *blocks;
	bool failed; /* an allocation failed: what was built is not whole */
};

/* n zeroed things of `size` bytes; NULL without memory.  n 0 gives a pointer to nothing. */
void *arena_alloc(struct arena *a, size_t n, size_t size);
/* A copy; NULL stays NULL. */
char *arena_strdup(struct arena *a, const char *text);
/* A copy of `len` bytes that are there, and a NUL behind them. */
char *arena_strndup(struct arena *a, const char *text, size_t len);
__attribute__((format(printf, 2, 3))) char *arena_printf(struct arena *a, const char *fmt, ...);
void arena_release(struct arena *a);
void arena_wipe(struct arena *a); /* the same for secrets: nothing of them stays in memory */

#endif
