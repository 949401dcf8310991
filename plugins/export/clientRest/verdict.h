/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer means for the records that were sent. */
#ifndef CLIENTREST_VERDICT_H
#define CLIENTREST_VERDICT_H

#include "http.h"

__attribute__((format(printf, 3, 4))) void verdict_reject(struct tesla_verdict *v, int code,
							  const char *fmt, ...);
/*
 * A status that may be about what is in a record, in words that need not be the server's: they may
 * be a proxy's, or those of a server that is another, or that did not unpack the body.  Was it the
 * server's, the record is refused for good.
 */
struct unproven {
	struct tesla_verdict reject; /* its delivery is RETRY: this one is none */
};
/* When this server took another record, or said of one what is documented, they are its words. */
void verdicts_prove(const struct unproven *u, size_t n, struct tesla_verdict *verdicts);
/*
 * Any answer but those that deliver, and why: RETRY or REFUSED; `of_record`: the status speaks of
 * what is in the record, and as it will be the same tomorrow: REJECT.
 */
void verdict_of(const struct http_answer *a, const char *url, bool of_record,
		struct tesla_verdict *v);

#endif
