/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens, sessions and lists of addresses, to one answer: who asks. */
#include "central/signin.h"

#include "central/route.h"

static struct auth_principal by_header(const struct call *c, const char *value)
{
	struct auth_credentials credentials;
	struct auth_principal who = { 0 };

	if (auth_parse(value, &credentials) == 0)
		who = auth_by_credentials(c->app->registry, &credentials);
	auth_forget(&credentials);
	return who;
}

enum signin_state signin_of(struct call *c)
{
	const char *header = request_header(c->request, "Authorization");

	c->who = (struct auth_principal){ 0 };
	if (header != NULL) {
		c->who = by_header(c, header);
	} else if (c->route->style == ROUTE_V2 && c->route->node > 0) {
		struct peer from = peer_of(request_address(c->request));

		c->who = auth_of_v2(c->app->registry, c->args[c->route->node - 1], &from);
	}
	auth_describe(&c->who, c->who_text, sizeof c->who_text);
	return SIGNIN_GOOD;
}
