/* SPDX-License-Identifier: Apache-2.0 */
/* All paths. */
#include "central/api.h"
#include "central/pages.h"
#include "central/route.h"

const struct route routes_v1[] = {
	{ "POST", "/api/v1/records", ROUTE_V1, AUTH_WRITE, 0, api_records_post },
	{ 0 },
};

const struct route routes_v2[] = {
	{ 0 },
};

const struct route routes_open[] = {
	{ "GET", "/healthz", ROUTE_OPEN, AUTH_LIST, 0, page_healthz },
	{ "GET", "/readyz", ROUTE_OPEN, AUTH_LIST, 0, page_readyz },
	{ 0 },
};
