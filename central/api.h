/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers of /api/v1, as the table of routes.c names them. */
#ifndef CENTRAL_API_H
#define CENTRAL_API_H

#include "central/call.h"

void api_records_post(struct call *c);
void api_readings_post(struct call *c);
void api_live_get(struct call *c);
void api_events_stream(struct call *c);

#endif
