/* SPDX-License-Identifier: Apache-2.0 */
/* What exporters to a server over HTTP have in common, whatever they send. */
#ifndef CLIENTREST_LINK_H
#define CLIENTREST_LINK_H

#include "http.h"

/* For http_new: what the bodies are; is_form: the predecessor's, of a form. */
const char *const *link_headers(const struct conf *c, bool is_form);
/* `target` without slashes at its end, for free(); NULL: no memory. */
char *link_base(const char *target);
/* Says so where a secret would go unencrypted. */
void link_warn(const struct conf *c, const struct tesla_host *host);

struct link_body {
	const void *bytes;
	size_t len;
	bool gzip; /* is yet to be done */
};
/* -ENOMEM: nothing was sent. */
int link_post(struct http *http, const char *url, const struct link_body *body,
	      struct http_answer *ret);

#endif
