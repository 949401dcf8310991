/* SPDX-License-Identifier: Apache-2.0 */
/* What exporters to a server over HTTP have in common, whatever they send. */
#include "link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gzip.h"

const char *const *link_headers(const struct conf *c, bool is_form)
{
	static const char *const form[] = { "Content-Type: application/x-www-form-urlencoded",
					    NULL },
				 *const packed[] = { "Content-Type: application/msgpack",
						     "Accept: application/msgpack", NULL },
				 *const packed_gzip[] = { "Content-Type: application/msgpack",
							  "Accept: application/msgpack",
							  "Content-Encoding: gzip", NULL },
				 *const json[] = { "Content-Type: application/json",
						   "Accept: application/json", NULL },
				 *const json_gzip[] = { "Content-Type: application/json",
							"Accept: application/json",
							"Content-Encoding: gzip", NULL };

	if (is_form)
		return form;
	if (c->format == FORMAT_JSON)
		return c->gzip ? json_gzip : json;
	return c->gzip ? packed_gzip : packed;
}

char *link_base(const char *target)
{
	size_t len = strlen(target);

	while (len > 0 && target[len - 1] == '/')
		len--;
	return strndup(target, len);
}

void link_warn(const struct conf *c, const struct tesla_host *host)
{
	if ((c->token != NULL || c->password != NULL) && strncmp(c->target, "https:", 6) != 0)
		host->log(host, 4, "%s: the %s goes there unencrypted: expected https://",
			  c->target, c->token ? "token" : "password");
}

int link_post(struct http *http, const char *url, const struct link_body *body,
	      struct http_answer *ret)
{
	size_t len;
	void *packed;

	if (!body->gzip) {
		http_post(http, url, body->bytes, body->len, ret);
		return 0;
	}
	packed = gzip_pack(body->bytes, body->len, &len);
	if (packed == NULL)
		return -ENOMEM;
	http_post(http, url, packed, len, ret);
	free(packed);
	return 0;
}
