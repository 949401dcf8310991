/* SPDX-License-Identifier: Apache-2.0 */
/* One exporter, and its two ways of delivering a batch. */
#ifndef CLIENTREST_REST_H
#define CLIENTREST_REST_H

#include "conf.h"
#include "http.h"

#define RECORD_BYTES_MAX ((size_t)256 << 10) /* of one record, as it would be sent */

struct rest {
	const struct tesla_host *host;
	struct http *http;
	char *base; /* the target, no slash at its end */
	enum api api;
	enum format format;
	bool gzip;
	int64_t timeout_ms;
};

/* There is time for a whole request, up to its time-out. */
bool rest_has_time(const struct rest *r, const struct tesla_batch *batch);

/* As `deliver` of struct tesla_exporter; -ENOMEM is their only error. */
int v2_deliver(struct rest *r, const struct tesla_batch *batch, struct tesla_verdict *verdicts,
	       struct tesla_error *err);
int v1_deliver(struct rest *r, const struct tesla_batch *batch, struct tesla_verdict *verdicts,
	       struct tesla_error *err);

#endif
