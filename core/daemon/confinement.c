/* SPDX-License-Identifier: Apache-2.0 */
/* What a host may touch, from what it is for. */
#include "daemon/confinement.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "daemon/pack.h"

void confinement_release(struct confinement *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->list[i].path);
		free(r->list[i].real);
	}
	free(r->list);
	*r = (struct confinement){ .n = 0 };
}

/* ---- paths ---- */

/* Once.  Takes the path over. */
static void add(struct confinement *r, const char *access, char *path)
{
	struct confinement_rule *list;
	struct stat st = { .st_ino = 0 };

	for (size_t i = 0; path != NULL && i < r->n; i++) {
		if (strcmp(r->list[i].access, access) == 0 && strcmp(r->list[i].path, path) == 0) {
			free(path);
			return;
		}
	}
	list = path ? realloc(r->list, (r->n + 1) * sizeof *list) : NULL;
	if (list == NULL) {
		r->failed = true;
		free(path);
		return;
	}
	r->list = list;
	if (stat(path, &st) != 0)
		st.st_ino = 0;
	list[r->n++] = (struct confinement_rule){ access, path,
						  st.st_ino != 0 ? realpath(path, NULL) : NULL,
						  st.st_dev, st.st_ino };
}

/* The folder that a file is in, whether or not it is there. */
static void add_folder_of(struct confinement *r, const char *access, const char *file)
{
	const char *slash = strrchr(file, '/');

	if (slash != NULL)
		add(r, access, strndup(file, slash == file ? 1 : (size_t)(slash - file)));
	else
		add(r, access, strdup("."));
}

/*
 * A folder itself; of a file its folder, as a file that is written anew is another one, for which a
 * rule would not hold.
 */
static void add_named(struct confinement *r, const char *access, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		add(r, access, strdup(path));
	else
		add_folder_of(r, access, path);
}

static void add_plugin(struct confinement *r, const struct plugin *p)
{
	_cleanup_free_ char *real = p->path ? realpath(p->path, NULL) : NULL;

	if (real != NULL)
		add_folder_of(r, "read", real);
}

/* Also what a later plugin of a running host is loaded from. */
static void add_plugin_folders(struct confinement *r, const struct setup *s)
{
	add(r, "read", strdup(s->places->plugins));
	for (size_t i = 0; s->ini->plugin_path[i] != NULL; i++)
		add(r, "read", strdup(s->ini->plugin_path[i]));
}

/* ---- lines ---- */

/* A port is a device below /dev, or a link to one; what is elsewhere has a folder of its own. */
static void add_port(struct confinement *r, const char *port)
{
	_cleanup_free_ char *real = realpath(port, NULL);

	if (strncmp(real ? real : port, "/dev/", strlen("/dev/")) != 0)
		add_folder_of(r, "device", real ? real : port);
}

static void add_line(struct confinement *r, const struct conf_line *l)
{
	if (l->kind != TESLA_LINE_SERIAL) {
		r->network = true;
		return;
	}
	add(r, "device", strdup("/dev"));
	for (size_t i = 0; i < l->params.n; i++)
		if (strcmp(l->params.list[i].name, "port") == 0)
			add_port(r, l->params.list[i].value);
}

static void add_plugins(struct confinement *r, const struct plugin_use *use,
			const struct plugin_use *before)
{
	if (use->driver != NULL && use->driver != before->driver)
		add_plugin(r, use->driver);
	if (use->data != NULL && use->data != before->data)
		add_plugin(r, use->data);
}

static void add_lines(struct confinement *r, const struct setup *s, size_t owner)
{
	const struct plugin_use none = { .why = NULL }, *before = &none;
	const struct hub *h = s->hub;

	for (size_t i = 0; i < h->n_analyzers; i++) {
		if (h->analyzers[i].owner != owner)
			continue;
		add_line(r, h->analyzers[i].conf->on);
		add_plugins(r, &s->plugins->uses[i], before);
		before = &s->plugins->uses[i];
	}
}

/* ---- exporters ---- */

static void add_param(struct confinement *r, const char *access, const char *value)
{
	static const char ipc[] = "ipc://";
	const size_t len = strlen(ipc);

	if (strncmp(value, ipc, len) == 0 && value[len] == '/')
		add_folder_of(r, "socket", value + len);
	else if (*value == '/')
		add_named(r, access, value);
	else if (strchr(value, '/') != NULL && strstr(value, "://") == NULL)
		add_named(r, "read", value);
}

/* The files of its keys are lector.ini's, and not its parameters yet. */
static void add_stream(struct confinement *r, const struct ini *ini, const char *endpoint)
{
	if (endpoint != NULL)
		add_param(r, "read", endpoint);
	if (ini->stream_key != NULL)
		add_named(r, "read", ini->stream_key);
	if (ini->stream_clients != NULL)
		add_named(r, "read", ini->stream_clients);
}

static void add_exporter(struct confinement *r, const struct plugin *p,
			 const struct conf_exporter *e)
{
	r->network = true;
	add_plugin(r, p);
	if (e != NULL && e->target != NULL)
		add_param(r, "write", e->target);
	for (size_t i = 0; e != NULL && i < e->params.n; i++)
		add_param(r, "read", e->params.list[i].value);
}

/* ---- of whom ---- */

void confinement_of_lines(const struct setup *s, size_t owner, struct confinement *ret)
{
	*ret = (struct confinement){ .failed = !s->ini->confine };
	if (ret->failed)
		return;
	add_plugin_folders(ret, s);
	add_lines(ret, s, owner);
}

void confinement_of_exporter(const struct setup *s, const struct plugin *p,
			     const struct conf_exporter *e, const char *endpoint,
			     struct confinement *ret)
{
	*ret = (struct confinement){ .failed = !s->ini->confine };
	if (ret->failed)
		return;
	add_plugin_folders(ret, s);
	add_exporter(ret, p, e);
	if (e == NULL)
		add_stream(ret, s->ini, endpoint);
}

void confinement_of_line(const struct setup *s, const struct conf_line *l, struct confinement *ret)
{
	const struct plugin_use none = { .why = NULL }, *before = &none;
	const struct hub *h = s->hub;

	*ret = (struct confinement){ .n = 0 };
	add_line(ret, l);
	for (size_t i = 0; i < h->n_analyzers; i++) {
		const struct plugin_use *use = &s->plugins->uses[i];

		if (h->analyzers[i].conf->on != l || use->why != NULL)
			continue;
		add_plugins(ret, use, before);
		before = use;
	}
}

/* ---- what a rule is worth later ---- */

static bool is_below(const char *folder, const char *path)
{
	size_t len = strlen(folder);

	return strncmp(folder, path, len) == 0 &&
	       (path[len] == '/' || path[len] == '\0' || strcmp(folder, "/") == 0);
}

/* A rule holds for what stood at its path then, whatever stands there now. */
static bool is_replaced(const struct confinement_rule *rule)
{
	struct stat st;

	if (stat(rule->path, &st) != 0)
		return false; /* nobody can use it */
	return st.st_ino != rule->ino || st.st_dev != rule->dev;
}

static bool has_rule(const struct confinement *r, const struct confinement_rule *wanted)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct confinement_rule *rule = &r->list[i];

		if (strcmp(rule->access, wanted->access) == 0 && rule->real != NULL &&
		    is_below(rule->real, wanted->real) && !is_replaced(rule))
			return true;
	}
	return false;
}

bool confinement_has(const struct confinement *r, const struct confinement *wanted)
{
	for (size_t i = 0; i < wanted->n && !r->failed; i++)
		if (wanted->list[i].real != NULL && !has_rule(r, &wanted->list[i]))
			return false;
	return r->failed || !wanted->failed;
}

const struct confinement_rule *confinement_target(const struct confinement *r)
{
	for (size_t i = 0; i < r->n && !r->failed; i++)
		if (strcmp(r->list[i].access, "write") == 0)
			return &r->list[i];
	return NULL;
}

/* ---- the message ---- */

static void pack(msgpack_packer *pk, const struct confinement *r)
{
	mp_str(pk, "confine");
	if (r->failed) {
		(void)msgpack_pack_nil(pk);
		return;
	}
	(void)msgpack_pack_map(pk, 2);
	mp_key_bool(pk, "network", r->network);
	key_array(pk, "paths", r->n);
	for (size_t i = 0; i < r->n; i++) {
		(void)msgpack_pack_array(pk, 2);
		mp_str(pk, r->list[i].access);
		mp_str(pk, r->list[i].path);
	}
}

void confinement_pack_lines(msgpack_packer *pk, const struct setup *s, size_t owner)
{
	_cleanup_(confinement_release) struct confinement r = { .n = 0 };

	confinement_of_lines(s, owner, &r);
	pack(pk, &r);
}

void confinement_pack_exporter(msgpack_packer *pk, const struct setup *s, const struct plugin *p,
			       const struct conf_exporter *e, const char *endpoint)
{
	_cleanup_(confinement_release) struct confinement r = { .n = 0 };

	confinement_of_exporter(s, p, e, endpoint, &r);
	pack(pk, &r);
}
