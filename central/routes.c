/* SPDX-License-Identifier: Apache-2.0 */
/* All paths. */
#include "central/api.h"
#include "central/pages.h"
#include "central/route.h"
#include "central/v2.h"

/* Parameters of a query. */
#define FORM "format"
#define TABLE "times format"
#define PAGE "limit after format"
#define LOG_PAGE "limit before format"
#define OF "node analyzer variable"

const struct route routes_v1[] = {
	{ "POST", "/api/v1/records", ROUTE_V1, AUTH_WRITE, 0, api_records_post, NULL },
	{ "POST", "/api/v1/readings", ROUTE_V1, AUTH_WRITE, 0, api_readings_post, NULL },
	{ "POST", "/api/v1/prom/read", ROUTE_V1_SNAPPY, AUTH_LIST, 0, api_prom_read, NULL },
	{ "GET", "/api/v1/live", ROUTE_V1, AUTH_LIST, 0, api_live_get, OF " " FORM },
	{ "GET", "/api/v1/events/stream", ROUTE_V1, AUTH_LIST, 0, api_events_stream,
	  OF " last_event_id" },
	{ "GET", "/api/v1/series", ROUTE_V1, AUTH_LIST, 0, api_series_get,
	  OF " s element field from to zone step aggregates " TABLE },
	{ "GET", "/api/v1/last", ROUTE_V1, AUTH_LIST, 0, api_last_get, OF " " TABLE },
	{ "GET", "/api/v1/variables", ROUTE_V1, AUTH_LIST, 0, api_variables_get, OF " " TABLE },
	{ "GET", "/api/v1/nodes", ROUTE_V1, AUTH_LIST, 0, api_nodes_get, PAGE },
	{ "POST", "/api/v1/nodes", ROUTE_V1, AUTH_ADMINISTER, 0, api_nodes_post, NULL },
	{ "GET", "/api/v1/nodes/{}", ROUTE_V1, AUTH_READ, 1, api_node_get, FORM },
	{ "PATCH", "/api/v1/nodes/{}", ROUTE_V1, AUTH_OPERATE, 1, api_node_patch, NULL },
	{ "DELETE", "/api/v1/nodes/{}", ROUTE_V1, AUTH_ADMINISTER, 0, api_node_delete, NULL },
	{ "GET", "/api/v1/nodes/{}/analyzers", ROUTE_V1, AUTH_READ, 1, api_node_analyzers_get,
	  PAGE " state" },
	{ "GET", "/api/v1/nodes/{}/analyzers/{}", ROUTE_V1, AUTH_READ, 1, api_analyzer_get, FORM },
	{ "PATCH", "/api/v1/nodes/{}/analyzers/{}", ROUTE_V1, AUTH_OPERATE, 1, api_analyzer_patch,
	  NULL },
	{ "GET", "/api/v1/analyzers", ROUTE_V1, AUTH_LIST, 0, api_analyzers_get,
	  PAGE " node state" },
	{ "GET", "/api/v1/models", ROUTE_V1, AUTH_LIST, 0, api_models_get, FORM },
	{ "GET", "/api/v1/models/{}", ROUTE_V1, AUTH_LIST, 0, api_model_get, FORM },
	{ "GET", "/api/v1/users", ROUTE_V1, AUTH_ADMINISTER, 0, api_users_get, PAGE },
	{ "POST", "/api/v1/users", ROUTE_V1, AUTH_ADMINISTER, 0, api_users_post, NULL },
	{ "GET", "/api/v1/users/{}", ROUTE_V1, AUTH_ADMINISTER, 0, api_user_get, FORM },
	{ "PATCH", "/api/v1/users/{}", ROUTE_V1, AUTH_ADMINISTER, 0, api_user_patch, NULL },
	{ "DELETE", "/api/v1/users/{}", ROUTE_V1, AUTH_ADMINISTER, 0, api_user_delete, NULL },
	{ "GET", "/api/v1/tokens", ROUTE_V1, AUTH_ADMINISTER, 0, api_tokens_get, PAGE },
	{ "POST", "/api/v1/tokens", ROUTE_V1, AUTH_ADMINISTER, 0, api_tokens_post, NULL },
	{ "DELETE", "/api/v1/tokens/{}", ROUTE_V1, AUTH_ADMINISTER, 0, api_token_delete, NULL },
	{ "GET", "/api/v1/events", ROUTE_V1, AUTH_LIST, 0, api_events_get, LOG_PAGE },
	{ "GET", "/api/v1/audit", ROUTE_V1, AUTH_ADMINISTER, 0, api_audit_get, LOG_PAGE },
	{ "GET", "/api/v1/session", ROUTE_V1, AUTH_LIST, 0, api_session_get, FORM },
	{ "DELETE", "/api/v1/session", ROUTE_V1, AUTH_ACCOUNT, 0, api_session_delete, NULL },
	{ "POST", "/api/v1/session/password", ROUTE_V1, AUTH_ACCOUNT, 0, api_session_password,
	  NULL },
	{ "POST", "/api/v1/backup", ROUTE_V1, AUTH_ADMINISTER, 0, api_backup_post, NULL },
	{ "GET", "/api/v1/status", ROUTE_V1, AUTH_READ, 0, api_status_get, FORM },
	{ "GET", "/metrics", ROUTE_V1, AUTH_READ, 0, api_metrics_get, NULL },
	{ 0 },
};

#define LOAD "/history/load/{}/{}/{}/{}/{}"
#define HISTORY(mount) \
	{ "POST", mount "/history/save/{}/{}", ROUTE_V2, AUTH_WRITE, 1, v2_save, NULL }, \
		{ "GET", mount LOAD, ROUTE_V2, AUTH_READ, 1, v2_load, NULL }, \
	{ \
		"GET", mount "/lector/get/{}/{}/{}", ROUTE_V2, AUTH_READ, 2, v2_ask, NULL \
	}
#define LISTS(mount) \
	{ "GET", mount "/nodes", ROUTE_V2, AUTH_LIST, 0, v2_nodes, NULL }, \
		{ "GET", mount "/node/{}", ROUTE_V2, AUTH_LIST, 0, v2_nodes_named, NULL }, \
		{ "GET", mount "/node/{}/analizers", ROUTE_V2, AUTH_LIST, 1, v2_analyzers, NULL }, \
		{ "GET", mount "/parametres/{}", ROUTE_V2, AUTH_LIST, -1, v2_parameters, NULL }, \
	{ \
		"GET", mount "/costs/{}/{}/{}", ROUTE_V2, AUTH_READ, -1, v2_costs, NULL \
	}

/* Where the predecessor had them, and where an older one had. */
const struct route routes_v2[] = {
	HISTORY("/ws/v2"), HISTORY("/central/ws"), LISTS(""),
	LISTS("/ws/v2"),   LISTS("/central/ws"),   { 0 },
};

const struct route routes_open[] = {
	{ "POST", "/api/v1/session", ROUTE_OPEN, AUTH_LIST, 0, api_session_post, NULL },
	{ "GET", "/api/v1/openapi.json", ROUTE_OPEN, AUTH_LIST, 0, api_openapi_get, NULL },
	{ "GET", "/healthz", ROUTE_OPEN, AUTH_LIST, 0, page_healthz, NULL },
	{ "GET", "/readyz", ROUTE_OPEN, AUTH_LIST, 0, page_readyz, NULL },
	{ 0 },
};
