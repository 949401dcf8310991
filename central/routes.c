/* SPDX-License-Identifier: Apache-2.0 */
/* All paths. */
#include "central/api.h"
#include "central/pages.h"
#include "central/route.h"
#include "central/v2.h"

const struct route routes_v1[] = {
	{ "POST", "/api/v1/records", ROUTE_V1, AUTH_WRITE, 0, api_records_post },
	{ "POST", "/api/v1/readings", ROUTE_V1, AUTH_WRITE, 0, api_readings_post },
	{ "GET", "/api/v1/live", ROUTE_V1, AUTH_LIST, 0, api_live_get },
	{ "GET", "/api/v1/events/stream", ROUTE_V1, AUTH_LIST, 0, api_events_stream },
	{ 0 },
};

#define HISTORY(mount) \
	{ "POST", mount "/history/save/{}/{}", ROUTE_V2, AUTH_WRITE, 1, v2_save }, \
		{ "GET", mount "/history/load/{}/{}/{}/{}/{}", ROUTE_V2, AUTH_READ, 1, v2_load }, \
	{ \
		"GET", mount "/lector/get/{}/{}/{}", ROUTE_V2, AUTH_READ, 2, v2_ask \
	}
#define LISTS(mount) \
	{ "GET", mount "/nodes", ROUTE_V2, AUTH_LIST, 0, v2_nodes }, \
		{ "GET", mount "/node/{}", ROUTE_V2, AUTH_LIST, 0, v2_nodes_named }, \
		{ "GET", mount "/node/{}/analizers", ROUTE_V2, AUTH_LIST, 1, v2_analyzers }, \
		{ "GET", mount "/parametres/{}", ROUTE_V2, AUTH_LIST, -1, v2_parameters }, \
	{ \
		"GET", mount "/costs/{}/{}/{}", ROUTE_V2, AUTH_READ, -1, v2_costs \
	}

/* Where the predecessor had them, and where an older one had. */
const struct route routes_v2[] = {
	HISTORY("/ws/v2"), HISTORY("/central/ws"), LISTS(""),
	LISTS("/ws/v2"),   LISTS("/central/ws"),   { 0 },
};

const struct route routes_open[] = {
	{ "GET", "/healthz", ROUTE_OPEN, AUTH_LIST, 0, page_healthz },
	{ "GET", "/readyz", ROUTE_OPEN, AUTH_LIST, 0, page_readyz },
	{ 0 },
};
