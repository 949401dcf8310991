/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer means for the records that were sent. */
#ifndef CLIENTREST_VERDICT_H
#define CLIENTREST_VERDICT_H

#include "http.h"

__attribute__((format(printf, 3, 4))) void verdict_reject(struct tesla_verdict *v, int code,
							  const char *fmt, ...);
/*
 * Any answer but those that deliver, and why: RETRY or REFUSED; `of_record`: the status speaks of
 * what is in the record, and as it will be the same tomorrow: REJECT.
 */
void verdict_of(const struct http_answer *a, const char *url, bool of_record,
		struct tesla_verdict *v);

#endif
