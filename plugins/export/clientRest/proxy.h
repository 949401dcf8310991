/* SPDX-License-Identifier: Apache-2.0 */
/* The URL of a proxy, taken apart: a secret in it never reaches what libcurl may repeat. */
#ifndef CLIENTREST_PROXY_H
#define CLIENTREST_PROXY_H

#include <tesla/plugin.h>

struct proxy {
	char *url;   /* scheme, host and port */
	char *login; /* "user:password" in URL encoding, as CURLOPT_PROXYUSERPWD has it; or NULL */
};

/* NULL or "": none, *ret is empty.  -EINVAL, -ENOMEM; *err repeats nothing of `text`. */
int proxy_parse(const char *text, struct proxy *ret, struct tesla_error *err);
void proxy_release(struct proxy *p);

#endif
