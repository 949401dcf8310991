/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The predecessor's interface, /ws/v2/... and its older mount /central/ws/... (docs/api-v2.md): the
 * handlers, as the table of routes.c names them.
 */
#ifndef CENTRAL_V2_H
#define CENTRAL_V2_H

#include "central/call.h"

/* app->v2.  *err says what is wrong with [Control] key. */
int v2_start(struct app *app, struct tesla_error *err);
/* After the last request is over. */
void v2_free(struct v2 *v2);

void v2_save(struct call *c); /* node, analyzer */
void v2_load(struct call *c); /* node, analyzer, variable, first and last day */
void v2_ask(struct call *c);  /* what, node, analyzer */
void v2_nodes(struct call *c);
void v2_nodes_named(struct call *c); /* sQuery=<text> */
void v2_analyzers(struct call *c);   /* node */
void v2_parameters(struct call *c);  /* row of an analyzer */
void v2_costs(struct call *c);	     /* row, first and last day */

#endif
