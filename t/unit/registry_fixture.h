/* SPDX-License-Identifier: Apache-2.0 */
/* A registry in a folder of its own, for the tests of it. */
#ifndef T_REGISTRY_FIXTURE_H
#define T_REGISTRY_FIXTURE_H

#include "base/cleanup.h"
#include "central/registry.h"
#include "central/registry_internal.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define HASH "$argon2id$v=19$m=32768,t=3,p=1$c29tZQ$aGFzaA"

struct rig {
	char dir[64];
	struct registry_db *db;
	struct registry *reg;
	struct tesla_error err;
	unsigned damaged;
};

static const struct registry_actor me = { "root", "local", 1000 };

static inline void count_damage(void *arg, const char *sentence)
{
	(*(unsigned *)arg)++;
	cr_assert(strlen(sentence) > 10);
}

static inline void rig_open(struct rig *g, bool create)
{
	const struct registry_damage damage = { count_damage, &g->damaged };

	cr_assert_eq(registry_db_open(g->dir, create, &g->db, &g->err), 0, "%s", g->err.text);
	cr_assert_eq(registry_new(g->db, &damage, &g->reg, &g->err), 0, "%s", g->err.text);
}

static inline void rig_init(struct rig *g)
{
	*g = (struct rig){ .dir = "/tmp/tesla-registry-XXXXXX" };
	cr_assert_not_null(mkdtemp(g->dir));
	rig_open(g, true);
}

static inline void rig_close(struct rig *g)
{
	registry_free(g->reg);
	registry_db_close(g->db);
	g->reg = NULL;
	g->db = NULL;
}

static inline void remove_folder(const char *path)
{
	char name[512];
	DIR *d = opendir(path);

	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		(void)snprintf(name, sizeof name, "%s/%s", path, e->d_name);
		(void)unlink(name);
	}
	(void)closedir(d);
	(void)rmdir(path);
}

static inline void rig_release(struct rig *g)
{
	char path[100];

	rig_close(g);
	(void)snprintf(path, sizeof path, "%s/registry", g->dir);
	remove_folder(path);
	(void)rmdir(g->dir);
}

static inline void refresh(struct rig *g, int want)
{
	int r = registry_refresh(g->reg, &g->err);

	cr_assert_eq(r, want, "%d: %s", r, g->err.text);
}

#define GOOD(call) \
	do { \
		int got_ = (call); \
		cr_assert_eq(got_, 0, "%s: %d: %s", #call, got_, g.err.text); \
	} while (0)
#define BAD(call, code) \
	do { \
		int got_ = (call); \
		cr_assert_eq(got_, code, "%s: %d: %s", #call, got_, g.err.text); \
		cr_assert(strlen(g.err.text) > 10); \
	} while (0)

static inline int node_add(struct rig *g, const char *id)
{
	return registry_node_add(g->db, &me, id, &(struct registry_node_change){ 0 }, &g->err);
}

static inline int user_add(struct rig *g, const char *name, const char *role, const char *nodes)
{
	return registry_user_add(
		g->db, &me, name,
		&(struct registry_user_change){ .hash = HASH, .role = role, .nodes = nodes },
		&g->err);
}

static inline int count_entry(void *arg, const struct registry_entry *e, struct tesla_error *err)
{
	(void)e;
	(void)err;
	(*(unsigned *)arg)++;
	return 0;
}

static inline unsigned entries(struct rig *g, enum registry_log log)
{
	const struct registry_log_query q = { .log = log, .max = SIZE_MAX };
	unsigned n = 0;

	cr_assert_eq(registry_log_walk(g->db, &q, count_entry, &n, &g->err), 0);
	return n;
}

static inline int user_set(struct rig *g, const char *name, struct registry_user_change c)
{
	return registry_user_set(g->db, &me, name, &c, &g->err);
}

#endif
