/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP by libcurl: one handle, one connection kept open, one request at a time. */
#ifndef CLIENTREST_HTTP_H
#define CLIENTREST_HTTP_H

#include "conf.h"

#define HTTP_BODY_MAX ((size_t)1 << 20) /* of an answer; a longer one is none */
#define HTTP_RETRY_AFTER_MAX_MS ((int64_t)24 * 3600 * 1000)

struct http;

struct http_answer {
	long status;	  /* meaningless when there is trouble */
	const char *body; /* until the next request; NULL when it is empty */
	size_t len;
	int64_t retry_after_ms; /* 0: the server did not say */
	const char *type;	/* of the body; NULL: it is not said; until the next request */
	long proxy_status;	/* the proxy lets nobody through: 401, 403 or 407; else 0 */
	const char *location;	/* of a redirection, else NULL; until the next request */
	const char *trouble;	/* why there is no whole answer; NULL: there is one */
};

/* `headers` ends with NULL.  Errors name the parameter that libcurl did not take. */
int http_new(const struct conf *c, const char *const *headers, struct http **ret,
	     struct tesla_error *err);
void http_free(struct http *h);
void http_post(struct http *h, const char *url, const void *body, size_t len,
	       struct http_answer *ret);

#endif
