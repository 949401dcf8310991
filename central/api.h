/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers of /api/v1, as the table of routes.c names them. */
#ifndef CENTRAL_API_H
#define CENTRAL_API_H

#include "central/call.h"

void api_records_post(struct call *c);
void api_readings_post(struct call *c);
void api_prom_read(struct call *c);
void api_live_get(struct call *c);
void api_events_stream(struct call *c);
void api_series_get(struct call *c);
void api_last_get(struct call *c);
void api_variables_get(struct call *c);

void api_nodes_get(struct call *c);
void api_nodes_post(struct call *c);
void api_node_get(struct call *c);
void api_node_patch(struct call *c);
void api_node_delete(struct call *c);
void api_node_analyzers_get(struct call *c);
void api_analyzers_get(struct call *c);
void api_analyzer_get(struct call *c);
void api_analyzer_patch(struct call *c);

void api_models_get(struct call *c);
void api_model_get(struct call *c);

void api_users_get(struct call *c);
void api_users_post(struct call *c);
void api_user_get(struct call *c);
void api_user_patch(struct call *c);
void api_user_delete(struct call *c);
void api_tokens_get(struct call *c);
void api_tokens_post(struct call *c);
void api_token_delete(struct call *c);

void api_events_get(struct call *c);
void api_audit_get(struct call *c);

void api_session_get(struct call *c);
void api_session_post(struct call *c);
void api_session_delete(struct call *c);
void api_session_password(struct call *c);

void api_backup_post(struct call *c);
void api_status_get(struct call *c);
void api_metrics_get(struct call *c);
void api_openapi_get(struct call *c);

#endif
