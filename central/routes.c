/* SPDX-License-Identifier: Apache-2.0 */
/* All paths. */
#include "central/api.h"
#include "central/pages.h"
#include "central/route.h"
#include "central/v2.h"

const struct route routes_v1[] = {
	{ "POST", "/api/v1/records", ROUTE_V1, AUTH_WRITE, 0, api_records_post },
	{ "POST", "/api/v1/readings", ROUTE_V1, AUTH_WRITE, 0, api_readings_post },
	{ "POST", "/api/v1/prom/read", ROUTE_V1_SNAPPY, AUTH_LIST, 0, api_prom_read },
	{ "GET", "/api/v1/live", ROUTE_V1, AUTH_LIST, 0, api_live_get },
	{ "GET", "/api/v1/events/stream", ROUTE_V1, AUTH_LIST, 0, api_events_stream },
	{ "GET", "/api/v1/series", ROUTE_V1, AUTH_LIST, 0, api_series_get },
	{ "GET", "/api/v1/last", ROUTE_V1, AUTH_LIST, 0, api_last_get },
	{ "GET", "/api/v1/variables", ROUTE_V1, AUTH_LIST, 0, api_variables_get },
	{ "GET", "/api/v1/nodes", ROUTE_V1, AUTH_LIST, 0, api_nodes_get },
	{ "POST", "/api/v1/nodes", ROUTE_V1, AUTH_ADMINISTER, 0, api_nodes_post },
	{ "GET", "/api/v1/nodes/{}", ROUTE_V1, AUTH_READ, 1, api_node_get },
	{ "PATCH", "/api/v1/nodes/{}", ROUTE_V1, AUTH_OPERATE, 1, api_node_patch },
	{ "DELETE", "/api/v1/nodes/{}", ROUTE_V1, AUTH_ADMINISTER, 0, api_node_delete },
	{ "GET", "/api/v1/nodes/{}/analyzers", ROUTE_V1, AUTH_READ, 1, api_node_analyzers_get },
	{ "GET", "/api/v1/nodes/{}/analyzers/{}", ROUTE_V1, AUTH_READ, 1, api_analyzer_get },
	{ "PATCH", "/api/v1/nodes/{}/analyzers/{}", ROUTE_V1, AUTH_OPERATE, 1, api_analyzer_patch },
	{ "GET", "/api/v1/analyzers", ROUTE_V1, AUTH_LIST, 0, api_analyzers_get },
	{ "GET", "/api/v1/models", ROUTE_V1, AUTH_LIST, 0, api_models_get },
	{ "GET", "/api/v1/models/{}", ROUTE_V1, AUTH_LIST, 0, api_model_get },
	{ "GET", "/api/v1/users", ROUTE_V1, AUTH_ADMINISTER, 0, api_users_get },
	{ "POST", "/api/v1/users", ROUTE_V1, AUTH_ADMINISTER, 0, api_users_post },
	{ "GET", "/api/v1/users/{}", ROUTE_V1, AUTH_ADMINISTER, 0, api_user_get },
	{ "PATCH", "/api/v1/users/{}", ROUTE_V1, AUTH_ADMINISTER, 0, api_user_patch },
	{ "DELETE", "/api/v1/users/{}", ROUTE_V1, AUTH_ADMINISTER, 0, api_user_delete },
	{ "GET", "/api/v1/tokens", ROUTE_V1, AUTH_ADMINISTER, 0, api_tokens_get },
	{ "POST", "/api/v1/tokens", ROUTE_V1, AUTH_ADMINISTER, 0, api_tokens_post },
	{ "DELETE", "/api/v1/tokens/{}", ROUTE_V1, AUTH_ADMINISTER, 0, api_token_delete },
	{ "GET", "/api/v1/events", ROUTE_V1, AUTH_LIST, 0, api_events_get },
	{ "GET", "/api/v1/audit", ROUTE_V1, AUTH_ADMINISTER, 0, api_audit_get },
	{ "GET", "/api/v1/session", ROUTE_V1, AUTH_LIST, 0, api_session_get },
	{ "DELETE", "/api/v1/session", ROUTE_V1, AUTH_ACCOUNT, 0, api_session_delete },
	{ "POST", "/api/v1/session/password", ROUTE_V1, AUTH_ACCOUNT, 0, api_session_password },
	{ "POST", "/api/v1/backup", ROUTE_V1, AUTH_ADMINISTER, 0, api_backup_post },
	{ "GET", "/api/v1/status", ROUTE_V1, AUTH_READ, 0, api_status_get },
	{ "GET", "/metrics", ROUTE_V1, AUTH_READ, 0, api_metrics_get },
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
	{ "POST", "/api/v1/session", ROUTE_OPEN, AUTH_LIST, 0, api_session_post },
	{ "GET", "/api/v1/openapi.json", ROUTE_OPEN, AUTH_LIST, 0, api_openapi_get },
	{ "GET", "/healthz", ROUTE_OPEN, AUTH_LIST, 0, page_healthz },
	{ "GET", "/readyz", ROUTE_OPEN, AUTH_LIST, 0, page_readyz },
	{ 0 },
};
