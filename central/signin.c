/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens, sessions and lists of addresses, to one answer: who asks. */
#include "central/signin.h"

#include <sodium.h>
#include <string.h>

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

/* A v2 caller without a token: by the list of the node that it asks for, else by any. */
static struct auth_principal by_address(const struct call *c)
{
	const struct registry *r = c->app->registry;
	const char *node = call_node(c);
	struct peer from = peer_of(request_address(c->request));

	if (c->route->node == 0) {
		const struct registry_node *n = registry_v2_find(r, &from);

		node = n != NULL ? n->id : NULL;
	}
	return node != NULL ? auth_of_v2(r, node, &from) : (struct auth_principal){ 0 };
}

bool signin_sees(const struct call *c, const char *node)
{
	struct peer from;

	if (c->who.kind != AUTH_V2)
		return auth_may(&c->who, AUTH_READ, node);
	from = peer_of(request_address(c->request));
	return registry_v2_allows(c->app->registry, node, &from);
}

struct cookies {
	char *id;
	bool tls;
	unsigned n; /* in all headers */
};

static void on_cookies(void *arg, const char *header)
{
	struct cookies *k = arg;

	k->n += session_cookie_find(header, k->tls, k->id);
}

/* A proxy that has them from HTTP/2 may send several headers.  Of two sessions none counts. */
bool signin_cookie(const struct call *c, char id[SESSION_TEXT])
{
	struct cookies k = { id, request_is_secure(c->request), 0 };

	id[0] = '\0';
	request_header_each(c->request, "Cookie", on_cookies, &k);
	if (k.n != 1)
		sodium_memzero(id, SESSION_TEXT);
	return id[0] != '\0';
}

const struct session *signin_session(const struct call *c)
{
	const struct session *session;
	char id[SESSION_TEXT];

	if (!signin_cookie(c, id))
		return NULL;
	session = session_peek(c->app->sessions, id, app_now_ms(c->app));
	sodium_memzero(id, sizeof id);
	if (session == NULL ||
	    !session_is_of(session, registry_user(c->app->registry, session->user)))
		return NULL;
	return session;
}

static bool changes_nothing(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static enum signin_state by_session(struct call *c)
{
	const struct session *session = signin_session(c);

	if (session == NULL)
		return SIGNIN_GOOD;
	c->who = auth_of_user(registry_user(c->app->registry, session->user));
	if (changes_nothing(request_method(c->request)) ||
	    session_csrf_is(session, request_header(c->request, "X-CSRF-Token")))
		return SIGNIN_GOOD;
	return SIGNIN_NO_CSRF;
}

/* Browsers say so; any page may have them send a form, and their address is all that counts. */
static bool is_of_page(const struct call *c)
{
	const char *site = request_header(c->request, "Sec-Fetch-Site");

	return request_header(c->request, "Origin") != NULL ||
	       (site != NULL && strcmp(site, "none") != 0 && strcmp(site, "same-origin") != 0);
}

enum signin_state signin_again(struct call *c)
{
	const char *header = request_header(c->request, "Authorization");
	enum signin_state state = SIGNIN_GOOD;

	c->who = (struct auth_principal){ 0 };
	if (header != NULL) {
		c->who = by_header(c, header);
	} else {
		state = by_session(c);
		if (c->who.kind == AUTH_ANONYMOUS && c->route->style == ROUTE_V2)
			c->who = by_address(c);
		if (c->who.kind == AUTH_V2 && !changes_nothing(request_method(c->request)) &&
		    is_of_page(c))
			state = SIGNIN_PAGE;
	}
	auth_describe(&c->who, c->who_text, sizeof c->who_text);
	return state;
}

static void use_session(const struct call *c)
{
	char id[SESSION_TEXT];

	if (!signin_cookie(c, id))
		return;
	(void)session_find(c->app->sessions, id, app_now_ms(c->app));
	sodium_memzero(id, sizeof id);
}

enum signin_state signin_of(struct call *c)
{
	if (request_header(c->request, "Authorization") == NULL)
		use_session(c);
	return signin_again(c);
}
