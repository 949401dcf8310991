/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to its handler: how often, which path, who, and may he. */
#include "central/route.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/signin.h"

static const struct route *const tables[] = { routes_v1, routes_v2, routes_open };

/* ---- the path ---- */

/* The pattern's segments against the path's; {} takes any that is not empty. */
static bool matches(const char *pattern, const struct request_path *path, struct call *c)
{
	size_t n = 0, n_args = 0;

	for (const char *p = pattern; *p == '/'; n++) {
		size_t len = strcspn(p + 1, "/");

		if (len == 0 && n == 0 && path->n == 0)
			return true; /* "/" */
		if (n >= path->n)
			return false;
		if (len == 2 && strncmp(p + 1, "{}", 2) == 0) {
			if (path->segments[n][0] == '\0' || n_args == CALL_ARGS_MAX)
				return false;
			c->args[n_args++] = path->segments[n];
		} else if (strlen(path->segments[n]) != len ||
			   strncmp(p + 1, path->segments[n], len) != 0) {
			return false;
		}
		p += 1 + len;
	}
	return n == path->n;
}

static bool is_method(const struct route *r, const char *method)
{
	return strcmp(r->method, method) == 0 ||
	       (strcmp(method, "HEAD") == 0 && strcmp(r->method, "GET") == 0);
}

/* NULL: no such path, or, with *other, not by that method. */
static const struct route *find(struct call *c, const struct route **other)
{
	const struct request_path *path = request_path(c->request);
	const char *method = request_method(c->request);

	*other = NULL;
	if (path->bad)
		return NULL;
	for (size_t t = 0; t < N_ELEMENTS(tables); t++)
		for (const struct route *r = tables[t]; r->method != NULL; r++) {
			if (!matches(r->pattern, path, c))
				continue;
			if (is_method(r, method))
				return r;
			*other = r;
		}
	return NULL;
}

/* "GET, HEAD, POST": by which methods that path is there. */
static void allow_header(struct call *c, const char *pattern)
{
	char text[80] = "";
	size_t len = 0;

	for (size_t t = 0; t < N_ELEMENTS(tables); t++)
		for (const struct route *r = tables[t]; r->method != NULL; r++)
			if (strcmp(r->pattern, pattern) == 0 && len < sizeof text - 16)
				len += (size_t)snprintf(text + len, sizeof text - len, "%s%s%s",
							len > 0 ? ", " : "", r->method,
							strcmp(r->method, "GET") == 0 ? ", HEAD"
										      : "");
	request_answer_header(c->request, "Allow", text);
}

/* ---- who ---- */

/* That of the path; where it names none, records are of the node whose token it is. */
static const char *node_of(const struct call *c)
{
	if (c->route->node != 0)
		return call_node(c);
	return c->route->action == AUTH_WRITE ? c->who.node : NULL;
}

/* False: it was answered. */
static bool let_in(struct call *c)
{
	enum signin_state state;

	if (c->route->style == ROUTE_OPEN)
		return true;
	state = signin_of(c);
	if (auth_may(&c->who, c->route->action, node_of(c)) && state == SIGNIN_GOOD)
		return true;
	c->app->counts[APP_NOT_LET_IN]++;
	if (state == SIGNIN_NO_CSRF) {
		call_error(c, 403, "the header X-CSRF-Token is missing or wrong");
	} else if (state == SIGNIN_PAGE) {
		call_error(c, 403,
			   "pages in browsers change nothing by their address: expected a "
			   "token");
	} else if (c->who.kind == AUTH_ANONYMOUS) {
		request_answer_header(c->request, "WWW-Authenticate",
				      c->route->style == ROUTE_V2 ? "Basic realm=\"tesla\""
								  : "Bearer realm=\"tesla\"");
		call_error(c, 401, "who are you? expected a token or a session");
	} else {
		call_error(c, 403, "%s may not do that", c->who_text);
	}
	return false;
}

/* ---- the query ---- */

struct query {
	const struct call *call;
	const char *known;
	char wrong[240]; /* of the first parameter that is */
};

static bool is_listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = list; *p != '\0'; p += strcspn(p, " "), p += strspn(p, " "))
		if (strcspn(p, " ") == len && strncmp(p, name, len) == 0)
			return true;
	return false;
}

/* Only of series there may be several. */
static bool stands_twice(const struct call *c, const char *name, const char *value)
{
	const char *first = request_query(c->request, name);

	return strcmp(name, "s") != 0 && first != value;
}

/* Tables can be CSV, too; of them there are times. */
static bool is_format(const struct query *q, const char *value)
{
	return is_listed(is_listed(q->known, "times") ? "json msgpack csv" : "json msgpack", value);
}

static void on_parameter(void *arg, const char *name, const char *value)
{
	struct query *q = arg;

	if (q->wrong[0] != '\0' || name[0] == '\0')
		return;
	if (!is_listed(q->known, name))
		(void)snprintf(q->wrong, sizeof q->wrong,
			       "\"%.40s\" is no parameter here: expected some of %s", name,
			       q->known);
	else if (request_query(q->call->request, name) == NULL)
		(void)snprintf(q->wrong, sizeof q->wrong, "\"%s\" has no value", name);
	else if (stands_twice(q->call, name, value))
		(void)snprintf(q->wrong, sizeof q->wrong, "\"%s\" stands twice", name);
	else if (strcmp(name, "format") == 0 && !is_format(q, value))
		(void)snprintf(q->wrong, sizeof q->wrong, "format is \"%.40s\": expected json%s",
			       value,
			       is_listed(q->known, "times") ? ", msgpack or csv" : " or msgpack");
}

/* False: it was answered.  Left out, what is misspelt would make another call of it. */
static bool query_known(struct call *c)
{
	struct query q = { .call = c, .known = c->route->query };

	if (q.known == NULL)
		return true;
	request_query_each(c->request, on_parameter, &q);
	if (q.wrong[0] == '\0')
		return true;
	call_error(c, 400, "%s", q.wrong);
	return false;
}

/* ---- calls ---- */

static void form_wanted(struct call *c)
{
	const char *accept = request_header(c->request, "Accept"),
		   *format = request_query(c->request, "format");

	if (format != NULL)
		accept = strcmp(format, "msgpack") == 0 ? call_types[CALL_MSGPACK]
			 : strcmp(format, "csv") == 0	? call_types[CALL_CSV]
							: call_types[CALL_JSON];
	for (int f = CALL_JSON; f < N_CALL_FORMS && accept != NULL && !c->form_said; f++)
		if (strstr(accept, call_types[f]) != NULL) {
			c->form = (enum call_form)f;
			c->form_said = true;
		}
}

/* NULL: no memory. */
static struct call *call_new(struct app *app, struct request *q)
{
	struct call *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->app = app;
	c->request = q;
	form_wanted(c);
	TAILQ_INSERT_TAIL(&app->calls, c, listed);
	request_set_context(q, c);
	return c;
}

/* False: too often from that address. */
static bool in_time(struct call *c)
{
	struct peer peer = peer_of(request_address(c->request)), group = peer_group(&peer);
	int64_t wait_ms = limit_take(c->app->requests, &group, 1, app_now_ms(c->app));
	char text[24];

	if (wait_ms == 0)
		return true;
	c->app->counts[APP_TOO_OFTEN]++;
	(void)snprintf(text, sizeof text, "%lld", (long long)(wait_ms + 999) / 1000);
	request_answer_header(c->request, "Retry-After", text);
	call_error(c, 429, "too many requests from this address");
	return false;
}

bool route_head(void *arg, struct request *q)
{
	struct app *app = arg;
	struct call *c = call_new(app, q);
	const struct route *other;

	if (c == NULL || !in_time(c))
		return false;
	if (app->stopping) {
		request_answer_header(q, "Connection", "close");
		call_error(c, 503, "the server ends");
		return false;
	}
	app_refresh(app);
	c->route = find(c, &other);
	if (c->route != NULL && c->route->style == ROUTE_V1_SNAPPY)
		request_take_packed(q, "snappy");
	if (c->route != NULL)
		return let_in(c) && query_known(c);
	if (other == NULL) {
		call_error(c, 404, "there is no such path");
	} else {
		c->route = other; /* in whose form it is said */
		allow_header(c, other->pattern);
		call_error(c, 405, "%s is not what this path takes", request_method(q));
	}
	return false;
}

void route_refused(void *arg, struct request *q, unsigned status, const char *sentence)
{
	(void)arg;
	call_error(request_context(q), status, "%s", sentence);
}

/* Who asks is looked up once more: while the body came, the registry may have been read again. */
void route_whole(void *arg, struct request *q)
{
	struct call *c = request_context(q);

	app_refresh(arg);
	if (let_in(c))
		c->route->handle(c);
}

void route_over(void *arg, struct request *q)
{
	struct app *app = arg;
	struct call *c = request_context(q);

	if (c == NULL)
		return;
	if (c->work_over != NULL)
		c->work_over(c);
	TAILQ_REMOVE(&app->calls, c, listed);
	free(c);
}
