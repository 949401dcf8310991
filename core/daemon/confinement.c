/* SPDX-License-Identifier: Apache-2.0 */
/* What a host may touch, from what it is for. */
#include "daemon/confinement.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "daemon/pack.h"

struct rule {
	const char *access; /* read, write, device, socket */
	char *path;
};

struct rules {
	struct rule *list;
	size_t n;
	bool network, failed;
};

static void rules_release(struct rules *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->list[i].path);
	free(r->list);
}

/* ---- paths ---- */

/* Once.  Takes the path over. */
static void add(struct rules *r, const char *access, char *path)
{
	struct rule *list;

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
	list[r->n++] = (struct rule){ access, path };
}

/* The folder that a file is in, whether or not it is there. */
static void add_folder_of(struct rules *r, const char *access, const char *file)
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
static void add_named(struct rules *r, const char *access, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		add(r, access, strdup(path));
	else
		add_folder_of(r, access, path);
}

static void add_plugin(struct rules *r, const struct plugin *p)
{
	_cleanup_free_ char *real = p->path ? realpath(p->path, NULL) : NULL;

	if (real != NULL)
		add_folder_of(r, "read", real);
}

/* Also what a later plugin of a running host is loaded from. */
static void add_plugin_folders(struct rules *r, const struct setup *s)
{
	add(r, "read", strdup(s->places->plugins));
	for (size_t i = 0; s->ini->plugin_path[i] != NULL; i++)
		add(r, "read", strdup(s->ini->plugin_path[i]));
}

/* ---- lines ---- */

/* A port is a device below /dev, or a link to one; what is elsewhere has a folder of its own. */
static void add_port(struct rules *r, const char *port)
{
	_cleanup_free_ char *real = realpath(port, NULL);

	if (strncmp(real ? real : port, "/dev/", strlen("/dev/")) != 0)
		add_folder_of(r, "device", real ? real : port);
}

static void add_line(struct rules *r, const struct conf_line *l)
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

static void add_lines(struct rules *r, const struct setup *s, size_t owner)
{
	const struct plugin_use none = { .why = NULL }, *before = &none;
	const struct hub *h = s->hub;

	for (size_t i = 0; i < h->n_analyzers; i++) {
		const struct plugin_use *use = &s->plugins->uses[i];

		if (h->analyzers[i].owner != owner)
			continue;
		add_line(r, h->analyzers[i].conf->on);
		if (use->driver != before->driver)
			add_plugin(r, use->driver);
		if (use->data != before->data)
			add_plugin(r, use->data);
		before = use;
	}
}

/* ---- exporters ---- */

static void add_param(struct rules *r, const char *access, const char *value)
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
static void add_stream(struct rules *r, const struct ini *ini, const char *endpoint)
{
	if (endpoint != NULL)
		add_param(r, "read", endpoint);
	if (ini->stream_key != NULL)
		add_named(r, "read", ini->stream_key);
	if (ini->stream_clients != NULL)
		add_named(r, "read", ini->stream_clients);
}

static void add_exporter(struct rules *r, const struct plugin *p, const struct conf_exporter *e)
{
	r->network = true;
	add_plugin(r, p);
	if (e != NULL && e->target != NULL)
		add_param(r, "write", e->target);
	for (size_t i = 0; e != NULL && i < e->params.n; i++)
		add_param(r, "read", e->params.list[i].value);
}

/* ---- the message ---- */

static void pack(msgpack_packer *pk, const struct rules *r)
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
	_cleanup_(rules_release) struct rules r = { .failed = !s->ini->confine };

	if (s->ini->confine) {
		add_plugin_folders(&r, s);
		add_lines(&r, s, owner);
	}
	pack(pk, &r);
}

void confinement_pack_exporter(msgpack_packer *pk, const struct setup *s, const struct plugin *p,
			       const struct conf_exporter *e, const char *endpoint)
{
	_cleanup_(rules_release) struct rules r = { .failed = !s->ini->confine };

	if (s->ini->confine) {
		add_plugin_folders(&r, s);
		add_exporter(&r, p, e);
		if (e == NULL)
			add_stream(&r, s->ini, endpoint);
	}
	pack(pk, &r);
}
