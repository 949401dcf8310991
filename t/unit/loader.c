/* SPDX-License-Identifier: Apache-2.0 */
/* The loader: which files, descriptors and parameters it refuses, and the sentence for each. */
#include "host/loader.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/frame.h"
#include "host/describe.h"

/* ---- files ---- */

/* A folder of our own: the build's may be writable by its group. */
static void copy_plugin(const char *folder, const char *name, mode_t mode, char *path, size_t size)
{
	char from[500], bytes[65536];
	size_t n;

	(void)snprintf(from, sizeof from, "%s/t/data/plugins/.libs/%s.so", getenv("top_builddir"),
		       name);
	(void)snprintf(path, size, "%s/%s.so", folder, name);
	_cleanup_fclose_ FILE *in = fopen(from, "rb");
	_cleanup_fclose_ FILE *out = fopen(path, "wb");

	cr_assert(in != NULL && out != NULL, "%s to %s", from, path);
	while ((n = fread(bytes, 1, sizeof bytes, in)) > 0)
		cr_assert_eq(fwrite(bytes, 1, n, out), n);
	cr_assert_eq(fchmod(fileno(out), mode), 0);
}

static void remove_folder(const char *folder, const char *path)
{
	(void)unlink(path);
	(void)rmdir(folder);
}

static const struct file_case {
	const char *plugin;
	mode_t file, folder;
	enum tesla_kind kind;
	const char *name; /* that is asked for */
	const char *says; /* NULL: it is loaded */
} files[] = {
	{ "crash-open", 0755, 0755, TESLA_DRIVER, "crash-open", NULL },
	{ "crash-open", 0600, 0700, 0, NULL, NULL },
	{ "crash-decode", 0644, 0755, TESLA_DATA, "crash-decode", NULL },
	{ "crash-open", 0646, 0755, TESLA_DRIVER, NULL,
	  "is not loaded: everybody may write it (mode 0646)" },
	{ "crash-open", 0664, 0755, TESLA_DRIVER, NULL,
	  "is not loaded: its group may write it (mode 0664)" },
	{ "crash-open", 0644, 0775, TESLA_DRIVER, NULL,
	  "no plugin is loaded from this folder: its group may write it" },
	{ "crash-open", 0644, 01777, TESLA_DRIVER, NULL,
	  "from this folder: everybody may write it (mode 1777)" },
	{ "missing-symbol", 0644, 0755, TESLA_DRIVER, NULL,
	  "cannot be loaded: undefined symbol: function_that_is_nowhere" },
	{ "no-descriptor", 0644, 0755, TESLA_DRIVER, NULL, "has no tesla_plugin" },
	{ "wrong-magic", 0644, 0755, TESLA_DRIVER, NULL,
	  "begins with 0x12345678, expected 0x5e51a001" },
	{ "wrong-abi", 0644, 0755, TESLA_DRIVER, NULL,
	  "built for plugin interface 99.0, this is 1." },
	{ "wrong-kind", 0644, 0755, TESLA_DRIVER, NULL,
	  "is a plugin of kind exporter, expected driver" },
	{ "crash-decode", 0644, 0755, TESLA_DRIVER, NULL,
	  "is a plugin of kind data, expected driver" },
	{ "crash-open", 0644, 0755, TESLA_DRIVER, "modBusComm",
	  "is called \"crash-open\", expected \"modBusComm\"" },
};

Test(loader, files)
{
	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		const struct file_case *c = &files[i];
		char folder[] = "/tmp/tesla-loader-XXXXXX", path[100];
		struct tesla_error err = { 0 };
		struct loader *l = NULL;

		cr_assert_not_null(mkdtemp(folder));
		copy_plugin(folder, c->plugin, c->file, path, sizeof path);
		cr_assert_eq(chmod(folder, c->folder), 0);
		int r = loader_open(path, c->kind, c->name, &l, &err);

		cr_expect_eq(r == 0, c->says == NULL, "%s %o: %s", c->plugin, c->file, err.text);
		cr_expect_not_null(strstr(err.text, c->says ? c->says : ""), "%s: %s", c->plugin,
				   err.text);
		cr_expect(r == 0 || strstr(err.text, folder) != NULL, "no path: %s", err.text);
		cr_expect_eq(l != NULL, r == 0);
		loader_close(l);
		remove_folder(folder, path);
	}
}

Test(loader, what_is_no_plugin_at_all)
{
	static const struct {
		const char *path;
		const char *says;
	} cases[] = {
		{ "/nowhere/x.so", "/nowhere/x.so: No such file" },
		{ "/usr/lib", "is no regular file" },
		{ "/etc/passwd", "/etc/passwd cannot be loaded: " },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct tesla_error err = { 0 };
		struct loader *l = NULL;

		cr_expect_lt(loader_open(cases[i].path, 0, NULL, &l, &err), 0);
		cr_expect_not_null(strstr(err.text, cases[i].says), "%s", err.text);
	}
}

Test(loader, a_link_is_followed_before_it_is_judged)
{
	char folder[] = "/tmp/tesla-loader-XXXXXX", path[100], link[100];
	struct tesla_error err = { 0 };
	struct loader *l = NULL;

	cr_assert_not_null(mkdtemp(folder));
	copy_plugin(folder, "crash-open", 0644, path, sizeof path);
	(void)snprintf(link, sizeof link, "/tmp/tesla-link-%d.so", (int)getpid());
	cr_assert_eq(symlink(path, link), 0);
	cr_expect_eq(loader_open(link, TESLA_DRIVER, "crash-open", &l, &err), 0, "%s", err.text);
	cr_expect_str_eq(l->path, path);
	loader_close(l);
	(void)unlink(link);
	remove_folder(folder, path);
}

/* ---- descriptors, from memory ---- */

struct conf {
	int64_t pause_ms, count;
	double gain;
	bool on;
	const char *text;
	int mode;
};

static const char *const modes[] = { "fast", "slow", NULL };
static const struct tesla_param params[] = {
	TESLA_P_MS("pause", struct conf, pause_ms, .dflt = "0.5", .max = 60000),
	TESLA_P_INT("count", struct conf, count, .dflt = "3", .min = 1, .max = 9),
	TESLA_P_REAL("gain", struct conf, gain, .unit = "V/V"),
	TESLA_P_BOOL("on", struct conf, on, .dflt = "yes"),
	TESLA_P_STR("text", struct conf, text, .flags = TESLA_REQUIRED),
	TESLA_P_CHOICE("mode", struct conf, mode, .dflt = "slow", .choices = modes),
	TESLA_P_END
};

static int op_open(const void *conf, const struct tesla_host *host, void **self,
		   struct tesla_error *err)
{
	(void)conf, (void)host, (void)err;
	*self = NULL;
	return 0;
}

static int op_deliver(void *self, const struct tesla_batch *batch, struct tesla_verdict *verdicts,
		      struct tesla_error *err)
{
	(void)self, (void)batch, (void)verdicts, (void)err;
	return 0;
}

static void op_close(void *self)
{
	(void)self;
}

static int check_mode(const void *conf, struct tesla_error *err)
{
	const struct conf *c = conf;

	return c->mode == 0 && c->pause_ms > 0 ? tesla_fail(err, -EINVAL, "fast wants no pause")
					       : 0;
}

static int drv_open(const void *conf, struct tesla_line *line, const struct tesla_host *host,
		    void **self, struct tesla_error *err)
{
	(void)conf, (void)line, (void)host, (void)self;
	return tesla_fail(err, -ENOSYS, "not to be called");
}

static int drv_read(void *self, unsigned address, const struct tesla_block *block,
		    int64_t timeout_ms, struct tesla_reply *reply, struct tesla_error *err)
{
	(void)self, (void)address, (void)block, (void)timeout_ms, (void)reply;
	return tesla_fail(err, -ENOSYS, "not to be called");
}

static int drv_identify(void *self, unsigned address, int64_t timeout_ms, struct tesla_reply *reply,
			struct tesla_error *err)
{
	return drv_read(self, address, NULL, timeout_ms, reply, err);
}

static int drv_whole(void *self, const uint8_t *bytes, size_t len)
{
	(void)self, (void)bytes, (void)len;
	return 0;
}

#define DRIVER_CALLS .open = drv_open, .read = drv_read, .close = op_close

/* Tables that a newer build has made longer: what is behind ours must not matter. */
struct longer_exporter {
	struct tesla_exporter ops;
	void *more[8];
};
struct longer_plugin {
	struct tesla_plugin plugin;
	void *more[8];
};

#define GOOD_OPS \
	{ \
		.ops = { sizeof(struct longer_exporter), \
			 TESLA_LIVE, \
			 op_open, \
			 op_deliver, \
			 op_close } \
	}
#define ROW(...) ((const struct tesla_param[]){ { __VA_ARGS__ }, TESLA_P_END })

static const char *const aliases[] = { "old", NULL };

static struct longer_plugin good_plugin(const struct longer_exporter *ops)
{
	return (struct longer_plugin){ .plugin = { .magic = TESLA_MAGIC,
						   .abi_major = TESLA_ABI_MAJOR,
						   .abi_minor = TESLA_ABI_MINOR + 1,
						   .size = sizeof(struct longer_plugin),
						   .kind = TESLA_EXPORTER,
						   .name = "good",
						   .version = "1",
						   .aliases = aliases,
						   .params = params,
						   .conf_size = sizeof(struct conf),
						   .check = check_mode,
						   .exporter = &ops->ops } };
}

static struct loader in_memory(void)
{
	static char path[] = "x.so";

	return (struct loader){ .path = path };
}

Test(loader, a_newer_minor_version_is_taken)
{
	const struct longer_exporter ops = GOOD_OPS;
	struct longer_plugin p = good_plugin(&ops);
	struct tesla_error err = { 0 };
	struct loader l = in_memory();

	cr_assert_eq(loader_adopt(&l, &p.plugin, TESLA_EXPORTER, "old", &err), 0, "%s", err.text);
	cr_expect_eq(l.plugin.exporter, &l.exporter);
	cr_expect_eq(l.exporter.deliver, op_deliver);
}

Test(loader, an_older_table_is_zero_where_it_ends)
{
	struct tesla_driver d = { .size = offsetof(struct tesla_driver, identify),
				  .takes = TESLA_TAKES_COMMANDS,
				  .lines = 2,
				  DRIVER_CALLS,
				  .identify = drv_identify };
	struct longer_exporter ops = GOOD_OPS;
	struct longer_plugin p = good_plugin(&ops);
	struct tesla_error err = { 0 };
	struct loader l = in_memory();

	p.plugin.kind = TESLA_DRIVER;
	p.plugin.driver = &d;
	cr_assert_eq(loader_adopt(&l, &p.plugin, 0, NULL, &err), 0, "%s", err.text);
	cr_expect_null(l.driver.identify);
}

static const struct params_case {
	const char *says;
	const struct tesla_param *table;
} bad_params[] = {
	{ "has no name", ROW(.type = TESLA_T_INT) },
	{ "type 7", ROW(.name = "p", .type = TESLA_T_MS + 1) },
	{ "at byte 48 of a conf of 48", ROW(.name = "p", .type = TESLA_T_INT, .offset = 48) },
	{ "at byte 4 of a conf of 48", ROW(.name = "p", .type = TESLA_T_INT, .offset = 4) },
	{ "at byte 18446744073709551608",
	  ROW(.name = "p", .type = TESLA_T_INT, .offset = SIZE_MAX - 7) },
	{ "no list of choices", ROW(.name = "p", .type = TESLA_T_CHOICE) },
	{ "bounds 5 to 1", ROW(.name = "p", .type = TESLA_T_INT, .min = 5, .max = 1) },
	{ "default of parameter p is \"x\"", ROW(.name = "p", .type = TESLA_T_INT, .dflt = "x") },
	{ "default of parameter p is \"0\"",
	  ROW(.name = "p", .type = TESLA_T_INT, .dflt = "0", .min = 1, .max = 2) },
};

Test(loader, bad_parameter_tables)
{
	const struct longer_exporter ops = GOOD_OPS;
	struct tesla_param endless[300];

	for (size_t i = 0; i < N_ELEMENTS(endless); i++)
		endless[i] = (struct tesla_param){ .name = "p", .type = TESLA_T_INT };
	for (size_t i = 0; i <= N_ELEMENTS(bad_params); i++) {
		bool last = i == N_ELEMENTS(bad_params);
		const char *says = last ? "has no end" : bad_params[i].says;
		struct longer_plugin p = good_plugin(&ops);
		struct tesla_error err = { 0 };
		struct loader l = in_memory();

		p.plugin.params = last ? endless : bad_params[i].table;
		cr_expect_lt(loader_adopt(&l, &p.plugin, 0, NULL, &err), 0, "%s", says);
		cr_expect_not_null(strstr(err.text, says), "%s: expected %s", err.text, says);
	}
}

Test(loader, bad_tables_of_operations)
{
	static const struct {
		const char *says;
		struct tesla_driver driver;
	} cases[] = {
		{ "operations has 8 bytes", { .size = 8 } },
		{ "operations has 1000000 bytes", { .size = 1000000 } },
		{ "must have open, read and close",
		  { .size = sizeof(struct tesla_driver),
		    .takes = 1,
		    .lines = 2,
		    .max_registers = 1 } },
		{ "request, whole and receive",
		  { .size = sizeof(struct tesla_driver),
		    .takes = 1,
		    .lines = 2,
		    .max_registers = 1,
		    DRIVER_CALLS,
		    .whole = drv_whole } },
		{ "no kind of line",
		  { .size = sizeof(struct tesla_driver),
		    .takes = 1,
		    .max_registers = 1,
		    DRIVER_CALLS } },
		{ "blocks of kind 0x8",
		  { .size = sizeof(struct tesla_driver), .takes = 8, .lines = 2, DRIVER_CALLS } },
		{ "0 registers at once",
		  { .size = sizeof(struct tesla_driver), .takes = 1, .lines = 2, DRIVER_CALLS } },
	};
	const struct longer_exporter ops = GOOD_OPS;

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct longer_plugin p = good_plugin(&ops);
		struct tesla_error err = { 0 };
		struct loader l = in_memory();

		p.plugin.kind = TESLA_DRIVER;
		p.plugin.driver = &cases[i].driver;
		cr_expect_lt(loader_adopt(&l, &p.plugin, 0, NULL, &err), 0, "%s", cases[i].says);
		cr_expect_not_null(strstr(err.text, cases[i].says), "%s", err.text);
	}
}

/* ---- parameters ---- */

Test(loader, conf)
{
	static const struct {
		struct loader_pair pairs[3];
		const char *says; /* NULL: accepted */
		int64_t pause_ms;
	} cases[] = {
		{ { { "text", "a" }, { "baud", "9600" }, { "host", "x" } },
		  NULL,
		  500 }, /* others' are let by */
		{ { { "text", "a" }, { "pause", "2 s" }, { "count", "9" } }, NULL, 2000 },
		{ { { "pause", "1" }, { "count", "1" }, { "on", "no" } }, "text is missing", 0 },
		{ { { "text", "" }, { "count", "1" }, { "on", "no" } }, "text is empty", 0 },
		{ { { "text", "a" }, { "count", "10" }, { "on", "no" } }, "expected 1 to 9", 0 },
		{ { { "text", "a" }, { "mode", "fast" }, { "on", "no" } },
		  "fast wants no pause",
		  0 },
	};
	const struct longer_exporter ops = GOOD_OPS;
	struct longer_plugin p = good_plugin(&ops);
	struct tesla_error err = { 0 };
	struct loader l = in_memory();

	cr_assert_eq(loader_adopt(&l, &p.plugin, 0, NULL, &err), 0, "%s", err.text);
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		void *conf = NULL;
		int r = loader_conf(&l, cases[i].pairs, 3, &conf, &err);
		const struct conf *c = conf;

		cr_expect_eq(r == 0, cases[i].says == NULL, "case %zu: %s", i, err.text);
		if (r != 0) {
			cr_expect_not_null(strstr(err.text, cases[i].says), "case %zu: %s", i,
					   err.text);
			cr_expect_null(conf);
		} else {
			cr_expect_eq(c->pause_ms, cases[i].pause_ms);
			cr_expect_str_eq(c->text, "a");
			cr_expect_eq(c->mode, 1);
			cr_expect(c->on && c->gain == 0);
		}
		free(conf);
	}
}

/* ---- describe ---- */

static struct mp_doc described(const char *path, struct frame_reader *r)
{
	struct tesla_error err = { 0 };
	struct mp_doc doc;
	size_t room;
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(describe_main(path, fds[1]), 0);
	(void)close(fds[1]);
	frame_reader_init(r);
	uint8_t *to = frame_reader_room(r, &room);

	frame_reader_add(r, (size_t)read(fds[0], to, room));
	(void)close(fds[0]);
	cr_assert_eq(frame_reader_next(r, &doc, &err), 1, "%s", err.text);
	return doc;
}

Test(loader, describe)
{
	char folder[] = "/tmp/tesla-loader-XXXXXX", path[100];
	struct frame_reader r;
	size_t n;

	cr_assert_not_null(mkdtemp(folder));
	copy_plugin(folder, "hang-read", 0644, path, sizeof path);
	struct mp_doc doc = described(path, &r);

	cr_expect(mp_is(&doc.u.data, "name", "hang-read"));
	cr_expect(mp_is(&doc.u.data, "version", "1"));
	cr_expect_eq(mp_int(&doc.u.data, "kind", 0), TESLA_DRIVER);
	cr_expect_eq(mp_int(&doc.u.data, "max_registers", 0), 125);
	cr_expect_not_null(mp_array(&doc.u.data, "params", &n));
	cr_expect_eq(n, 0);
	cr_expect_eq(mp_get(&doc.u.data, "error")->type, MSGPACK_OBJECT_NIL);
	mp_doc_release(&doc);
	frame_reader_release(&r);
	cr_assert_eq(chmod(path, 0666), 0);
	doc = described(path, &r);
	_cleanup_free_ char *error = mp_strdup(&doc.u.data, "error");

	cr_expect(error != NULL && strstr(error, "everybody may write it") != NULL, "%s", error);
	mp_doc_release(&doc);
	frame_reader_release(&r);
	remove_folder(folder, path);
}
