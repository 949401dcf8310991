/* SPDX-License-Identifier: Apache-2.0 */
/* Confining a host: what the core allows, and what it is told of it. */
#include "host/confine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "host/confine_parts.h"

struct rules {
	bool network;
	struct confine_path *paths;
	size_t n;
};

static void rules_release(struct rules *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->paths[i].path);
	free(r->paths);
}

/* ---- the core's message ---- */

static int path_take(struct rules *r, const msgpack_object *o)
{
	static const char *const names[] = { [CONFINE_READ] = "read",
					     [CONFINE_WRITE] = "write",
					     [CONFINE_DEVICE] = "device",
					     [CONFINE_SOCKET] = "socket" };
	const bool pair = o->type == MSGPACK_OBJECT_ARRAY && o->via.array.size == 2;
	_cleanup_free_ char *access = pair ? mp_to_strdup(&o->via.array.ptr[0]) : NULL;
	char *path = pair ? mp_to_strdup(&o->via.array.ptr[1]) : NULL;

	for (size_t i = 0; path != NULL && access != NULL && i < N_ELEMENTS(names); i++) {
		if (strcmp(access, names[i]) == 0) {
			r->paths[r->n++] = (struct confine_path){ (enum confine_access)i, path };
			return 0;
		}
	}
	free(path);
	return -EPROTO;
}

static int rules_take(struct rules *r, const msgpack_object *o, struct tesla_error *err)
{
	size_t n;
	const msgpack_object *paths = mp_array(o, "paths", &n);

	r->network = mp_bool(o, "network", false);
	r->paths = calloc(n + 1, sizeof *r->paths);
	if (r->paths == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for %zu paths", n);
	for (size_t i = 0; i < n; i++)
		if (path_take(r, &paths[i]) != 0)
			return tesla_fail(err, -EPROTO,
					  "confine: expected an access and a path in each of "
					  "`paths`");
	return 0;
}

/* ---- doing it ---- */

/* For free(): what could not be confined, or NULL: nothing. */
static char *confine(const struct rules *r)
{
	struct tesla_error files = { .code = 0 }, calls = { .code = 0 };
	char *lacks;

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)confine_files(r->paths, r->n, r->network, &files);
	(void)confine_calls(r->network, &calls);
	if (files.code == 0 && calls.code == 0)
		return NULL;
	if (asprintf(&lacks, "%s%s%s%s%s", files.code ? "files: " : "",
		     files.code ? files.text : "", files.code && calls.code ? "; " : "",
		     calls.code ? "network, programs: " : "", calls.code ? calls.text : "") < 0)
		lacks = strdup("no memory to say what");
	return lacks;
}

static void tell(struct report *report, const char *lacks)
{
	struct frame f;

	mp_key_str(report_begin(report, &f, "confined", 2), "lacks", lacks);
	report_end(report, &f);
}

int confine_hello(const msgpack_object *hello, struct report *report, struct tesla_error *err)
{
	const msgpack_object *o = mp_get(hello, "confine");
	_cleanup_(rules_release) struct rules rules = { .n = 0 };
	_cleanup_free_ char *lacks = NULL;

	if (o == NULL || o->type != MSGPACK_OBJECT_MAP)
		return 0; /* lector.ini says confine = no */
	if (rules_take(&rules, o, err) != 0)
		return err->code;
	lacks = confine(&rules);
	tell(report, lacks);
	return 0;
}

void confine_describe(const char *plugin)
{
	_cleanup_free_ char *real = realpath(plugin, NULL), *named = strdup(plugin);
	struct confine_path paths[2];
	struct rules rules = { .paths = paths };
	char *const files[] = { real, named };

	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		char *slash = files[i] ? strrchr(files[i], '/') : NULL;

		if (slash == NULL)
			continue;
		slash[slash == files[i]] = '\0';
		paths[rules.n++] = (struct confine_path){ CONFINE_READ, files[i] };
	}
	free(confine(&rules));
}
