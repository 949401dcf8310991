/* SPDX-License-Identifier: Apache-2.0 */
/* What hosts are allowed, by what they are for. */
#include "daemon/confinement.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "hub_fixture.h"

struct installation {
	struct fixture fixture;
	struct plugin plugin;
	struct plugin_use uses[3];
	struct plugins plugins;
	struct places places;
	struct ini ini;
	struct setup setup;
	struct conf_param port;
	char *folders[2];
};

static void installation_init(struct installation *x)
{
	*x = (struct installation){
		.plugin = { .path = fixture_text("/usr/bin/env") }, /* it is there */
		.places = { .plugins = "/p" },
		.folders = { fixture_text("/more"), NULL },
		.ini = { .confine = true },
	};
	x->ini.plugin_path = x->folders;
	for (size_t i = 0; i < N_ELEMENTS(x->uses); i++)
		x->uses[i] = (struct plugin_use){ .driver = &x->plugin, .data = &x->plugin };
	x->plugins.uses = x->uses;
	x->setup = (struct setup){ .hub = fixture_hub(&x->fixture),
				   .plugins = &x->plugins,
				   .places = &x->places,
				   .ini = &x->ini };
	cr_assert_not_null(x->setup.hub);
	x->port = (struct conf_param){ .name = fixture_text("port"),
				       .value = fixture_text("/dev/null") };
	x->fixture.lines[0].params = (struct conf_params){ &x->port, 1 };
}

/* "network" or "", and then " access:path" for each rule. */
static void rules_text(const struct buf *b, char *text, size_t size)
{
	struct tesla_error err;
	struct mp_doc doc;
	const msgpack_object *rules, *paths;
	size_t n, at;

	cr_assert_eq(mp_unpack(&doc, b->pub.bytes, b->pub.len, &err), 0, "%s", err.text);
	rules = mp_get(&doc.u.data, "confine");
	paths = mp_array(rules, "paths", &n);
	at = (size_t)snprintf(text, size, "%s",
			      rules->type == MSGPACK_OBJECT_NIL	 ? "nil"
			      : mp_bool(rules, "network", false) ? "network"
								 : "");
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *access = mp_to_strdup(&paths[i].via.array.ptr[0]);
		_cleanup_free_ char *path = mp_to_strdup(&paths[i].via.array.ptr[1]);

		at += (size_t)snprintf(text + at, size - at, " %s:%s", access, path);
	}
	mp_doc_release(&doc);
}

static void lines_text(const struct installation *x, size_t owner, char *text, size_t size)
{
	msgpack_packer pk;
	struct buf b;

	buf_init(&b, 4096);
	mp_writer(&pk, &b);
	(void)msgpack_pack_map(&pk, 1);
	confinement_pack_lines(&pk, &x->setup, owner);
	rules_text(&b, text, size);
	buf_release(&b);
}

Test(confinement, lines)
{
	struct installation x;
	char text[500];

	installation_init(&x);
	lines_text(&x, 0, text, sizeof text);
	cr_expect_str_eq(text, " read:/p read:/more device:/dev read:/usr/bin");
	lines_text(&x, 1, text, sizeof text);
	cr_expect_str_eq(text, "network read:/p read:/more read:/usr/bin");
	x.port.value = fixture_text("/elsewhere/tty0");
	lines_text(&x, 0, text, sizeof text);
	cr_expect_str_eq(text, " read:/p read:/more device:/dev device:/elsewhere read:/usr/bin");
	x.ini.confine = false;
	lines_text(&x, 0, text, sizeof text);
	cr_expect_str_eq(text, "nil");
	hub_free(x.setup.hub);
}

/* Common to all: the network, the folders of plugins and of its own. */
#define COMMON "network read:/p read:/more read:/usr/bin"

Test(confinement, exporters)
{
	static const struct {
		const char *target, *param, *text;
	} rows[] = {
		{ NULL, NULL, COMMON },
		{ "/usr", NULL, COMMON " write:/usr" },
		{ "/usr/no-such-file", NULL, COMMON " write:/usr" },
		{ "http://127.0.0.1/ws/v2", "yes", COMMON },
		{ "https://x/", "/etc/ssl/no-such-key", COMMON " read:/etc/ssl" },
		{ "/usr", "/usr", COMMON " write:/usr read:/usr" },
		{ "ipc:///run/x/socket", NULL, COMMON " socket:/run/x" },
		{ "ipc://@abstract", "ipc:///socket", COMMON " socket:/" },
		{ "tcp://127.0.0.1:5556", "keys/one", COMMON " read:keys" },
	};
	struct installation x;

	installation_init(&x);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct conf_param param = { .name = fixture_text("any"),
					    .value = fixture_text(rows[i].param) };
		const struct conf_exporter e = { .target = fixture_text(rows[i].target),
						 .params = { &param, rows[i].param != NULL } };
		msgpack_packer pk;
		char text[500];
		struct buf b;

		buf_init(&b, 4096);
		mp_writer(&pk, &b);
		(void)msgpack_pack_map(&pk, 1);
		confinement_pack_exporter(&pk, &x.setup, &x.plugin, &e, NULL);
		rules_text(&b, text, sizeof text);
		cr_expect_str_eq(text, rows[i].text);
		buf_release(&b);
	}
	hub_free(x.setup.hub);
}

/* ---- what a rule is worth later ---- */

static struct confinement given(const char *access, const char *path)
{
	struct confinement c = { .n = 1, .list = calloc(1, sizeof *c.list) };
	struct stat st = { .st_ino = 0 };

	cr_assert_not_null(c.list);
	(void)stat(path, &st);
	*c.list = (struct confinement_rule){ access, strdup(path), realpath(path, NULL), st.st_dev,
					     st.st_ino };
	return c;
}

Test(confinement, a_rule_is_for_what_stood_there)
{
	static const struct {
		const char *made, *given, *made_later, *wanted;
		bool has;
	} rows[] = {
		{ "a", "a", NULL, "a", true },
		{ "a/b", "a", NULL, "a/b", true },
		{ "ab", "ab", "a", "a", false },
		{ "a", "a", "ab", "ab", false }, /* beside it */
		{ "a", "a", "a/new", "a/new", true },
		{ NULL, "later", "later", "later", false },
		{ "gone", "gone", "gone", "gone", false }, /* another one of that name */
		{ "a", "a", NULL, "nowhere", true },	   /* nobody could have it */
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		_cleanup_(confinement_release) struct confinement c = { .n = 0 }, w = { .n = 0 };
		char folder[] = "/tmp/tesla-confinement-XXXXXX", command[200];

		cr_assert_not_null(mkdtemp(folder));
		cr_assert_eq(chdir(folder), 0);
		if (rows[i].made != NULL) {
			(void)snprintf(command, sizeof command, "mkdir -p %s", rows[i].made);
			cr_assert_eq(system(command), 0);
		}
		c = given("read", rows[i].given);
		if (strcmp(rows[i].given, "gone") == 0)
			cr_assert_eq(system("mv gone kept"), 0);
		if (rows[i].made_later != NULL) {
			(void)snprintf(command, sizeof command, "mkdir -p %s", rows[i].made_later);
			cr_assert_eq(system(command), 0);
		}
		w = given("read", rows[i].wanted);
		cr_expect_eq(confinement_has(&c, &w), rows[i].has, "row %zu", i);
		w.list->access = "device";
		cr_expect_eq(confinement_has(&c, &w), w.list->real == NULL, "row %zu", i);
		c.failed = true; /* not confined */
		cr_expect(confinement_has(&c, &w), "row %zu", i);
		(void)snprintf(command, sizeof command, "rm -r %s", folder);
		cr_assert_eq(system(command), 0);
	}
}
