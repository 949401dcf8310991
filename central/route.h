/* SPDX-License-Identifier: Apache-2.0 */
/* Which path is whose: one table, who may, and what the answer is made by. */
#ifndef CENTRAL_ROUTE_H
#define CENTRAL_ROUTE_H

#include "central/call.h"

enum route_style {
	ROUTE_V1,	 /* errors as a map */
	ROUTE_V1_SNAPPY, /* the same; a body that snappy packed comes as it is */
	ROUTE_V2,	 /* the predecessor's: text */
	ROUTE_OPEN	 /* for everybody: healthz, pages, signing in */
};

struct route {
	const char *method;
	const char *pattern; /* "/api/v1/nodes/{}"; a slash at the end of a path is accepted */
	enum route_style style;
	enum auth_action action;
	/* Which {} names the node, from 1; -1 and below: an analyzer's row does; 0: none. */
	int node;
	void (*handle)(struct call *c);
	/* The parameters of its query, with blanks between; another is refused.  NULL: any. */
	const char *query;
};

/* For struct http_conf, with the app for its argument. */
bool route_head(void *arg, struct request *q);
void route_refused(void *arg, struct request *q, unsigned status, const char *sentence);
void route_whole(void *arg, struct request *q);
void route_over(void *arg, struct request *q);

/* Ended by a row without a method. */
extern const struct route routes_v1[], routes_v2[], routes_open[];

#endif
