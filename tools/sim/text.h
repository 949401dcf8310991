/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and lists that users write. */
#ifndef SIM_TEXT_H
#define SIM_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/* Whole text, decimal or 0x.., within lo..hi. */
bool text_int(const char *text, int64_t lo, int64_t hi, int64_t *ret);
bool text_real(const char *text, double lo, double hi, double *ret); /* lo..hi only; no NAN */
/* "5" or "5-9", first <= last. */
bool text_range(const char *text, int64_t lo, int64_t hi, int64_t *first, int64_t *last);
/* Cuts *rest at the next `stop`; NULL at the end.  An empty text is one empty piece. */
char *text_next(char **rest, char stop);

#endif
