/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a request of Prometheus' remote read, compressed or not yet, matched with series. */
#include "central/prom.h"

#include <assert.h>
#include <errno.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct prom_series series[] = {
	{ "4", 12, "PM710", "TPF", "V", TESLA_GAUGE, "L1", STORE_MIN },
	{ "4", 12, NULL, "CEA", "Wh", TESLA_COUNTER, NULL, STORE_VALUE },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", -1, "\xc3\xa9", "x_\xff", "\n", TESLA_STATUS,
	  "2", STORE_VALUE },
};

static void match(struct prom_request *r, const struct prom_labels *l)
{
	struct tesla_error err = { 0 };

	for (size_t i = 0; i < prom_request_n_queries(r); i++) {
		int first = prom_request_matches(r, i, l, &err);

		assert(first == 0 || first == 1 || (first == -ETIME && err.text[0] != '\0'));
		assert(prom_request_matches(r, i, l, &err) == first);
	}
}

static void whole(struct prom_request *r)
{
	struct prom_labels l;
	struct tesla_error err;

	assert(prom_request_n_queries(r) <= PROM_QUERIES_MAX);
	for (size_t i = 0; i < prom_request_n_queries(r); i++) {
		const struct prom_query *q = prom_request_query(r, i);

		assert(q->n_matchers > 0 && strlen(q->hints.func) <= PROM_NAME_MAX);
		(void)prom_query_equals(q, "node");
	}
	prom_labels_init(&l);
	for (size_t i = 0; i < N_ELEMENTS(series); i++) {
		assert(prom_labels_set(&l, &series[i], &err) == 0);
		match(r, &l);
	}
	prom_labels_release(&l);
}

static void take(const char *bytes, size_t len)
{
	struct prom_request *r = NULL;
	struct tesla_error err = { 0 };
	int rc = prom_request_read(bytes, len, &r, &err);

	if (rc == 0)
		whole(r);
	else
		assert(err.code == rc && err.text[0] != '\0' && prom_http_status(rc) < 500);
	prom_request_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1); /* nothing behind it */
	size_t n = snappy_max_compressed_length(len);
	char *packed = malloc(n);

	memcpy(copy, bytes, len);
	take(copy, len);
	if (snappy_compress(copy, len, packed, &n) == SNAPPY_OK)
		take(packed, n);
	free(packed);
	free(copy);
	return 0;
}
