/* SPDX-License-Identifier: Apache-2.0 */
/* All paths. */
#include "central/api.h"
#include "central/pages.h"
#include "central/route.h"

const struct route routes_v1[] = {
	{ "POST", "/api/v1/records", ROUTE_V1, AUTH_WRITE, 0, api_records_post },
	{ "POST", "/api/v1/readings", ROUTE_V1, AUTH_WRITE, 0, api_readings_post },
	{ "GET", "/api/v1/live", ROUTE_V1, AUTH_LIST, 0, api_live_get },
	{ "GET", "/api/v1/events/stream", ROUTE_V1, AUTH_LIST, 0, api_events_stream },
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
