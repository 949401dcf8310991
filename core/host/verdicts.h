/* SPDX-License-Identifier: Apache-2.0 */
/* What a durable exporter said of its records, as the core is told it (docs/wire.md). */
#ifndef HOST_VERDICTS_H
#define HOST_VERDICTS_H

#include "host/batch.h"
#include "host/report.h"

/*
 * A plugin's sentence may quote a far end that is not kind: ends it, cuts off half a character, and
 * makes what is no UTF-8 or would move a terminal's cursor a question mark.
 */
void error_clean(struct tesla_error *err);

/*
 * Brings the plugin's verdicts into the list.  Whatever it wrote there, each is one of those that
 * exist, its reason is clean, its delay is a day at most.  Before all below.
 */
void verdicts_take(struct answers *a, size_t n_items);
/* How many are DONE. */
size_t verdicts_done(const struct answers *a);
/* The first reason why one is not; NULL: there is none. */
const char *verdicts_reason(const struct answers *a);
/* The message `verdicts`; error: of the delivery as a whole, or NULL. */
void verdicts_tell(struct report *report, const struct answers *a, const char *error);

#endif
