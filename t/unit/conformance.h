/* SPDX-License-Identifier: Apache-2.0 */
/* For the conformance tests: the plugins to try, one after the other, and a host for them. */
#ifndef UNIT_CONFORMANCE_H
#define UNIT_CONFORMANCE_H

#include <criterion/criterion.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "host/loader.h"

#define ROUNDS 100

/*
 * Every plugin that was built, or that is below $CONFORMANCE_PLUGINS, in a folder that only we can
 * write.
 */

struct set {
	char folder[32];
	glob_t found;
	size_t at;
	struct loader *l;
	char path[128];
};

static inline void set_open(struct set *s, const char *kind)
{
	const char *installed = getenv("CONFORMANCE_PLUGINS");
	char pattern[512];

	*s = (struct set){ .folder = "/tmp/tesla-conform-XXXXXX" };
	cr_assert_not_null(mkdtemp(s->folder));
	if (installed != NULL)
		(void)snprintf(pattern, sizeof pattern, "%s/%s/*.so", installed, kind);
	else
		(void)snprintf(pattern, sizeof pattern, "%s/plugins/%s/*/.libs/*.so",
			       getenv("top_builddir"), kind);
	cr_assert_eq(glob(pattern, 0, NULL, &s->found), 0, "%s: no plugin", pattern);
}

static inline void file_copy(const char *from, const char *to)
{
	_cleanup_fclose_ FILE *in = fopen(from, "rb");
	_cleanup_fclose_ FILE *out = fopen(to, "wb");
	char bytes[65536];
	size_t n;

	cr_assert(in != NULL && out != NULL, "%s to %s", from, to);
	while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
		cr_assert_eq(fwrite(bytes, 1, n, out), n);
	cr_assert_eq(fchmod(fileno(out), 0644), 0);
}

static inline struct loader *set_next(struct set *s)
{
	struct tesla_error err = { 0 };

	loader_close(s->l);
	s->l = NULL;
	if (s->at > 0)
		(void)unlink(s->path);
	if (s->at == s->found.gl_pathc) {
		(void)rmdir(s->folder);
		globfree(&s->found);
		return NULL;
	}
	(void)snprintf(s->path, sizeof s->path, "%s/%zu.so", s->folder, s->at);
	file_copy(s->found.gl_pathv[s->at++], s->path);
	cr_assert_eq(loader_open(s->path, 0, NULL, &s->l, &err), 0, "%s", err.text);
	return s->l;
}

/* What the plugin's check says of these parameters; free() it. */
static inline void *conf_of(const struct loader *l, const struct loader_pair *pairs, size_t n)
{
	struct tesla_error err = { 0 };
	void *conf = NULL;

	cr_assert_eq(loader_conf(l, pairs, n, &conf, &err), 0, "%s: %s", l->plugin.name, err.text);
	return conf;
}

static inline void host_log(const struct tesla_host *host, int level, const char *fmt, ...)
{
	(void)host, (void)level, (void)fmt;
}

static inline int64_t host_now(const struct tesla_host *host)
{
	(void)host;
	return clock_mono_us();
}

static const struct tesla_host host = { .size = sizeof host, .log = host_log, .now_us = host_now };

#endif
