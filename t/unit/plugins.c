/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugins found, described by a child that is a shell script here, and a configuration checked
 * against them.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>
#include <sys/stat.h>

#include "base/frame.h"
#include "daemon/plugins.h"
#include "hub_fixture.h"
#include "json_pack.h"

/* ---- a folder of plugins whose "host" prints the frame that lies beside the plugin ---- */

struct folder {
	char path[64], host[80];
};

static void file_write(const char *path, const void *bytes, size_t len, mode_t mode)
{
	FILE *f = fopen(path, "we");

	cr_assert(f != NULL, "%s", path);
	cr_assert(eq(sz, fwrite(bytes, 1, len, f), len));
	cr_assert(eq(int, fclose(f), 0));
	cr_assert(eq(int, chmod(path, mode), 0));
}

static void folder_make(struct folder *d)
{
	static const char *const subs[] = { "drivers", "data", "export", "more" };
	static const char script[] = "#!/bin/sh\n. \"$2.sh\"\n";
	char path[96];

	(void)snprintf(d->path, sizeof d->path, "/tmp/tesla-plugins.XXXXXX");
	cr_assert(mkdtemp(d->path) != NULL);
	for (size_t i = 0; i < N_ELEMENTS(subs); i++) {
		(void)snprintf(path, sizeof path, "%s/%s", d->path, subs[i]);
		cr_assert(eq(int, mkdir(path, 0755), 0));
	}
	(void)snprintf(d->host, sizeof d->host, "%s/host", d->path);
	file_write(d->host, script, sizeof script - 1, 0755);
}

static void folder_remove(const struct folder *d)
{
	char cmd[96];

	(void)snprintf(cmd, sizeof cmd, "rm -r '%s'", d->path);
	cr_assert(eq(int, system(cmd), 0));
}

/* sub/name.so, whose description is made by a piece of shell. */
static void plugin_script(const struct folder *d, const char *name, const char *sh)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/%s.so", d->path, name);
	file_write(path, "", 0, 0644);
	(void)snprintf(path, sizeof path, "%s/%s.so.sh", d->path, name);
	file_write(path, sh, strlen(sh), 0644);
}

static void plugin_json(const struct folder *d, const char *name, const char *json)
{
	char path[128];
	struct frame f;
	struct buf b;

	plugin_script(d, name, "cat \"$2.frame\"\n");
	(void)snprintf(path, sizeof path, "%s/%s.so.frame", d->path, name);
	buf_init(&b, FRAME_MAX);
	frame_begin(&f, &b);
	cr_assert(json_pack(&f.pk, json), "%s", json);
	cr_assert(eq(int, frame_end(&f), 0));
	file_write(path, b.pub.bytes, b.pub.len, 0644);
	buf_release(&b);
}

/* ---- finding ---- */

Test(plugins, found_in_order)
{
	struct folder d;
	char *path, *tried, more[80];
	char *const plugin_path[] = { more, NULL };

	folder_make(&d);
	(void)snprintf(more, sizeof more, "%s/more", d.path);
	plugin_script(&d, "more/a", "");
	path = plugin_find("a", TESLA_DRIVER, d.path, plugin_path, &tried);
	cr_assert(path != NULL && strstr(path, "/more/a.so") != NULL, "directly in plugin_path");
	free(path);
	plugin_script(&d, "drivers/a", "");
	path = plugin_find("a", TESLA_DRIVER, d.path, plugin_path, &tried);
	cr_assert(path != NULL && strstr(path, "/drivers/a.so") != NULL,
		  "the own folder goes first");
	free(path);
	path = plugin_find("b", TESLA_DATA, d.path, plugin_path, &tried);
	cr_assert(path == NULL);
	cr_assert(strstr(tried, "/data/b.so, ") != NULL &&
			  strstr(tried, "/more/data/b.so, ") != NULL,
		  "%s", tried);
	free(tried);
	path = plugin_find("../drivers/a", TESLA_DATA, d.path, NULL, &tried);
	cr_assert(path == NULL);
	free(tried);
	folder_remove(&d);
}

/* ---- describing ---- */

static const struct {
	const char *sh, *says;
} children[] = {
	{ "exit 3", "no description came, exit code 3" },
	{ "kill -11 $$", "signal 11" },
	{ "printf '\\377\\377\\377\\377'", "at most" },
	{ "printf '\\001\\000\\000\\000\\301'", "bad or cut" },
	{ "printf '\\005\\000\\000\\000\\335\\020\\000\\000\\000'", "values announced" },
	{ "printf '\\010\\000\\000\\000abc'", "no description came" },
};

static const struct {
	const char *json, *says;
} descriptions[] = {
	/* says NULL: it can be used */
	{ "{\"kind\":1,\"takes\":1,\"lines\":2,\"params\":[]}", NULL },
	{ "{\"kind\":1,\"params\":[{\"name\":\"a\",\"type\":5,\"choices\":[\"x\",\"y\"]}]}", NULL },
	{ "{\"error\":\"undefined symbol: foo\"}", "undefined symbol: foo" },
	{ "{\"kind\":2}", "is a plugin of kind data, expected driver" },
	{ "{\"kind\":9}", "expected driver" },
	{ "17", "expected driver" },
	{ "{\"kind\":1,\"params\":[{\"name\":\"a\",\"type\":1},{\"type\":1}]}", "parameter 2 (?)" },
	{ "{\"kind\":1,\"params\":[{\"name\":\"a\",\"type\":99}]}", "parameter 1 (a)" },
	{ "{\"kind\":1,\"params\":[{\"name\":\"a\",\"type\":5}]}", "parameter 1 (a)" },
	{ "{\"kind\":1,\"params\":[3]}", "parameter 1 (?)" },
};

static void describe_expect(const struct folder *d, const char *what, const char *says)
{
	struct plugin p = { .kind = TESLA_DRIVER };

	cr_assert(gt(int, asprintf(&p.path, "%s/drivers/p.so", d->path), 0));
	describe(d->host, &p, -1);
	if (says == NULL)
		cr_expect(p.error == NULL, "%s: \"%s\"", what, p.error);
	else
		cr_expect(p.error != NULL && strstr(p.error, says) != NULL,
			  "%s: \"%s\" does not say \"%s\"", what, p.error ? p.error : "(none)",
			  says);
	plugin_release(&p);
}

Test(plugins, descriptions_are_foreign)
{
	struct folder d;

	folder_make(&d);
	for (size_t i = 0; i < N_ELEMENTS(children); i++) {
		plugin_script(&d, "drivers/p", children[i].sh);
		describe_expect(&d, children[i].sh, children[i].says);
	}
	for (size_t i = 0; i < N_ELEMENTS(descriptions); i++) {
		plugin_json(&d, "drivers/p", descriptions[i].json);
		describe_expect(&d, descriptions[i].json, descriptions[i].says);
	}
	folder_remove(&d);
}

/* ---- a configuration against them ---- */

struct bench {
	struct folder d;
	struct fixture x;
	struct ini ini;
	struct places places;
	struct conf_param param[1];
	struct conf_exporter exporter;
	const struct conf_analyzer *exported[1];
	struct diags diags;
};

#define BAD_PARAMS "\"params\":[{\"name\":\"a\",\"type\":99}]"

static void bench_init(struct bench *b)
{
	*b = (struct bench){ .ini = { .stream = fixture_text("") } };
	folder_make(&b->d);
	fixture_init(&b->x);
	b->places = (struct places){ .host = b->d.host, .plugins = b->d.path };
	plugin_json(&b->d, "drivers/drv",
		    "{\"kind\":1,\"takes\":1,\"lines\":14,\"params\":["
		    "{\"name\":\"silence\",\"type\":6,\"min\":1,\"max\":1000,\"unit\":\"s\"}]}");
	plugin_json(&b->d, "data/dat",
		    "{\"kind\":2,\"takes\":1,\"params\":[{\"name\":\"phase\",\"type\":1}]}");
	plugin_json(&b->d, "export/exp",
		    "{\"kind\":3,\"caps\":1,"
		    "\"params\":[{\"name\":\"target\",\"type\":4,\"flags\":1}]}");
	plugin_json(&b->d, "export/slow", "{\"kind\":3,\"caps\":0,\"params\":[]}");
	plugin_json(&b->d, "export/badLive", "{\"kind\":3,\"caps\":1," BAD_PARAMS "}");
	plugin_json(&b->d, "export/badSlow", "{\"kind\":3,\"caps\":0," BAD_PARAMS "}");
}

static void bench_end(struct bench *b)
{
	diags_release(&b->diags);
	folder_remove(&b->d);
}

static struct conf_params one_param(struct bench *b, const char *name, const char *value)
{
	b->param[0] = (struct conf_param){ fixture_text(name), fixture_text(value), 5, 9 };
	return (struct conf_params){ b->param, 1 };
}

static void set_line_param(struct bench *b, const char *name, const char *value)
{
	b->x.lines[0].params = one_param(b, name, value);
}

static void set_data_param(struct bench *b, const char *name, const char *value)
{
	b->x.analyzers[1].params = one_param(b, name, value);
}

static void set_driver(struct bench *b, const char *name, const char *json)
{
	char path[40];

	(void)snprintf(path, sizeof path, "drivers/%s", name);
	if (json != NULL)
		plugin_json(&b->d, path, json);
	b->x.analyzers[1].driver = fixture_text(name);
}

static void set_exporter(struct bench *b, const char *type, const char *target)
{
	b->exported[0] = &b->x.analyzers[0];
	b->exporter = (struct conf_exporter){ .id = fixture_text("e"),
					      .type = fixture_text(type),
					      .n_analyzers = 1,
					      .target = target ? fixture_text(target) : NULL,
					      .analyzers = b->exported,
					      .line = 7,
					      .column = 3 };
	b->x.config.exporters = &b->exporter;
	b->x.config.n_exporters = 1;
}

static const struct {
	void (*set)(struct bench *, const char *, const char *);
	const char *a, *b;
	size_t n_errors, n_warnings;
	const char *says;
} checks[] = {
	{ set_line_param, "silence", "0.01", 0, 0, NULL },
	{ set_line_param, "baud", "19200", 0, 0, NULL },
	{ set_line_param, "silence", "5", 1, 0, "silence is \"5\": expected 0.001 to 1 s" },
	{ set_line_param, "silence", "x", 1, 0, "silence is \"x\"" },
	{ set_line_param, "sillence", "1", 1, 0,
	  "device 1 has no parameter sillence: expected port, " },
	{ set_data_param, "phase", "3", 0, 0, NULL },
	{ set_data_param, "phase", "x", 1, 0, "phase is \"x\": expected a whole number" },
	{ set_data_param, "fase", "1", 1, 0, "data dat has no parameter fase: expected phase" },
	{ set_driver, "gone", NULL, 1, 0, "driver gone: not found: looked for " },
	{ set_driver, "text", "{\"kind\":1,\"takes\":2,\"lines\":14}", 1, 0,
	  "takes commands, but data dat makes registers" },
	{ set_driver, "net", "{\"kind\":1,\"takes\":1,\"lines\":4}", 1, 0, "cannot use line 1" },
	{ set_driver, "far",
	  "{\"kind\":1,\"takes\":1,\"lines\":14,\"first_address\":100,\"last_address\":200}", 1, 0,
	  ": meters of driver far have 100 to 200 on a shared line" },
	{ set_driver, "near",
	  "{\"kind\":1,\"takes\":1,\"lines\":14,\"first_address\":0,\"last_address\":255}", 0, 0,
	  NULL },
	{ set_driver, "need",
	  "{\"kind\":1,\"takes\":1,\"lines\":14,"
	  "\"params\":[{\"name\":\"key\",\"type\":4,\"flags\":1}]}",
	  1, 0, "driver need needs the parameter key" },
	{ set_exporter, "exp", "tcp://x", 0, 0, NULL },
	{ set_exporter, "exp", NULL, 1, 0, "exporter exp needs the parameter target" },
	{ set_exporter, "gone", "x", 0, 1,
	  "exporter gone is down, its records are kept: not found: looked for " },
	{ set_exporter, "zmqPublish", "x", 0, 1, "exporter zmqPublish is left out: not found: " },
	{ set_exporter, "badLive", "x", 0, 1, "exporter badLive is left out: parameter 1 (a) " },
	{ set_exporter, "badSlow", "x", 0, 1, "exporter badSlow is down, its records are kept: " },
	{ set_exporter, "slow", NULL, 0, 0, NULL }, /* it takes records */
};

static const struct plugins_how strict = { .strict = true, .stop_fd = -1 },
				mild = { .strict = false, .stop_fd = -1 };

Test(plugins, the_configuration_is_checked_against_them)
{
	for (size_t i = 0; i < N_ELEMENTS(checks); i++) {
		struct bench b;
		struct plugins *p;
		bool found = checks[i].says == NULL;

		bench_init(&b);
		checks[i].set(&b, checks[i].a, checks[i].b);
		p = plugins_load(&b.x.config, &b.ini, &b.places, &strict, &b.diags);
		cr_assert(p != NULL);
		cr_expect(eq(sz, b.diags.n_errors, checks[i].n_errors), "row %zu", i);
		cr_expect(eq(sz, b.diags.n - b.diags.n_errors, checks[i].n_warnings), "row %zu", i);
		for (size_t k = 0; !found && k < b.diags.n; k++)
			found = strstr(b.diags.list[k].text, checks[i].says) != NULL;
		cr_expect(found, "row %zu: \"%s\" does not say \"%s\"", i,
			  b.diags.n ? b.diags.list[0].text : "", checks[i].says);
		plugins_free(p);
		bench_end(&b);
	}
}

/* Which take records, for all that is known: what is made for them must not be lost. */
static const struct {
	const char *type;
	bool kept;
} missing[] = {
	{ "exp", true },     { "slow", true },	   { "gone", true },
	{ "badSlow", true }, { "badLive", false }, { "zmqPublish", false },
};

Test(plugins, an_exporter_that_cannot_be_used_keeps_its_records)
{
	for (size_t i = 0; i < N_ELEMENTS(missing); i++) {
		struct bench b;
		struct plugins *p;

		bench_init(&b);
		set_exporter(&b, missing[i].type, "x");
		p = plugins_load(&b.x.config, &b.ini, &b.places, &mild, &b.diags);
		cr_assert(p != NULL);
		cr_expect(eq(int, p->exporters[0] != NULL, missing[i].kept), "%s", missing[i].type);
		plugins_free(p);
		bench_end(&b);
	}
}

Test(plugins, without_strictness_only_its_analyzers_are_out)
{
	struct bench b;
	struct plugins *p;

	bench_init(&b);
	set_driver(&b, "gone", NULL);
	p = plugins_load(&b.x.config, &b.ini, &b.places, &mild, &b.diags);
	cr_assert(p != NULL);
	cr_assert(eq(sz, b.diags.n_errors, 0));
	cr_assert(eq(sz, b.diags.n, 1));
	cr_assert(p->uses[0].why == NULL);
	cr_assert(p->uses[1].why != NULL &&
		  strstr(p->uses[1].why, "driver gone: not found") != NULL);
	cr_assert(p->uses[2].why == NULL);
	plugins_free(p);
	bench_end(&b);
}
