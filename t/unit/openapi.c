/* SPDX-License-Identifier: Apache-2.0 */
/* openapi.json describes what the table of routes has, all of it: paths, methods, who, queries. */
#include "central/openapi.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_tree.h>

#include "base/cleanup.h"
#include "central/route.h"

static const char *const actions[AUTH_N_ACTIONS] = {
	[AUTH_LIST] = "list",
	[AUTH_READ] = "read",
	[AUTH_WRITE] = "write",
	[AUTH_OPERATE] = "operate",
	[AUTH_ADMINISTER] = "administer",
	[AUTH_ACCOUNT] = "account",
};
static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE" };
static const char *const keys[] = { "get", "post", "put", "patch", "delete" };

/* "/nodes/{node}" is "/nodes/{}". */
static void pattern_of(const char *path, char pattern[200])
{
	bool inside = false;

	for (size_t i = 0; i < 199 && path[i] != '\0'; i++) {
		inside = inside && path[i] != '}';
		if (!inside)
			*pattern++ = path[i];
		inside = inside || path[i] == '{';
	}
	*pattern = '\0';
}

static const struct route *find(const struct route *r, const char *method, const char *pattern)
{
	for (; r->method != NULL; r++)
		if (strcmp(r->method, method) == 0 && strcmp(r->pattern, pattern) == 0)
			return r;
	return NULL;
}

static yajl_val child(yajl_val of, const char *key)
{
	const char *const path[] = { key, NULL };

	return yajl_tree_get(of, (const char **)(uintptr_t)path, yajl_t_any);
}

/* The name of one in a query; NULL: it is somewhere else. */
static const char *parameter_name(yajl_val doc, yajl_val p)
{
	const char *ref = YAJL_GET_STRING(child(p, "$ref")), *in;

	if (ref != NULL)
		p = child(child(child(doc, "components"), "parameters"), strrchr(ref, '/') + 1);
	in = YAJL_GET_STRING(child(p, "in"));
	cr_assert(in != NULL, "%s", ref != NULL ? ref : "a parameter without a place");
	return strcmp(in, "query") == 0 ? YAJL_GET_STRING(child(p, "name")) : NULL;
}

/* Those of a GET; of others and of what is open any is taken. */
static void check_query(const struct route *r, yajl_val doc, yajl_val list)
{
	size_t n = 0, n_known = 1;
	char known[200];

	for (size_t i = 0; list != NULL && i < YAJL_GET_ARRAY(list)->len; i++) {
		const char *name = parameter_name(doc, YAJL_GET_ARRAY(list)->values[i]);
		char word[64];

		if (name == NULL)
			continue;
		(void)snprintf(word, sizeof word, " %s ", name);
		(void)snprintf(known, sizeof known, " %s ", r->query);
		cr_expect(strstr(known, word) != NULL, "%s: %s is refused", r->pattern, name);
		n++;
	}
	for (const char *p = strchr(r->query, ' '); p != NULL; p = strchr(p + 1, ' '))
		n_known++;
	cr_expect_eq(n, n_known, "%s: %zu of \"%s\" are described", r->pattern, n, r->query);
}

static void check_operation(const char *method, const char *pattern, yajl_val doc, yajl_val o)
{
	const struct route *v1 = find(routes_v1, method, pattern);
	const struct route *open = find(routes_open, method, pattern);
	const char *want = v1 != NULL ? actions[v1->action] : open != NULL ? "open" : "not there";
	const char *said = YAJL_GET_STRING(child(o, "x-access"));

	cr_expect(said != NULL && strcmp(said, want) == 0, "%s %s is %s, not %s", method, pattern,
		  want, said);
	cr_expect_eq(v1 != NULL && v1->query != NULL,
		     strcmp(method, "GET") == 0 && v1 != NULL && strcmp(pattern, "/metrics") != 0,
		     "%s %s: its query", method, pattern);
	if (v1 != NULL && v1->query != NULL)
		check_query(v1, doc, child(o, "parameters"));
	cr_expect(child(o, "summary") != NULL, "%s %s has no summary", method, pattern);
	cr_expect_eq(child(o, "security") != NULL, open != NULL, "%s %s: security", method,
		     pattern);
}

static size_t count(const struct route *r)
{
	size_t n = 0;

	for (; r->method != NULL; r++)
		n += strncmp(r->pattern, "/api/v1/", 8) == 0;
	return n;
}

Test(openapi, says_what_there_is)
{
	char why[200], *text = strndup((const char *)openapi_json, openapi_len);
	yajl_val doc = yajl_tree_parse(text, why, sizeof why), paths;
	size_t n = 0, of_api = 0;

	cr_assert(doc != NULL, "%s", why);
	paths = child(doc, "paths");
	cr_assert(YAJL_IS_OBJECT(paths));
	for (size_t i = 0; i < YAJL_GET_OBJECT(paths)->len; i++) {
		char pattern[200];

		pattern_of(YAJL_GET_OBJECT(paths)->keys[i], pattern);
		for (size_t m = 0; m < N_ELEMENTS(methods); m++) {
			yajl_val o = child(YAJL_GET_OBJECT(paths)->values[i], keys[m]);

			if (o == NULL)
				continue;
			check_operation(methods[m], pattern, doc, o);
			n++;
			of_api += strncmp(pattern, "/api/v1/", 8) == 0;
		}
	}
	cr_expect_gt(n, 30);
	cr_expect_eq(of_api, count(routes_v1) + count(routes_open), "paths that are not described");
	yajl_tree_free(doc);
	free(text);
}
