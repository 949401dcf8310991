/* SPDX-License-Identifier: Apache-2.0 */
/* lector.ini: keys, defaults and messages. */
#include "daemon/ini.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "base/log.h"

static struct ini *load(const char *text, struct diags *d)
{
	char file[] = "/tmp/tesla-ini-XXXXXX";
	int fd = mkstemp(file);
	struct ini *ini;

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	(void)close(fd);
	ini = ini_load(file, true, d);
	(void)unlink(file);
	return ini;
}

static const char *const quiet[] = {
	/* all say the same as no file at all */
	"",
	"# nothing\n; at all\n[General]\n",
	"\xef\xbb\xbf[General]\r\nlog_level = info\r\nauto_start=yes\r\n",
	"[General]\nlog_level=info\n\n[Stream]\nendpoint=tcp://127.0.0.1:5556",
	"[general]\n  LOG_LEVEL : \"info\"\n  log_dir =\n",
};

Test(ini, defaults)
{
	for (size_t i = 0; i < N_ELEMENTS(quiet); i++) {
		struct diags d = { 0 };
		struct ini *ini = load(quiet[i], &d);
		_cleanup_free_ char *control = NULL;

		cr_assert_not_null(ini, "%s: %s", quiet[i], d.n ? d.list[0].text : "");
		cr_expect(ini->log_level == LOG_LEVEL_INFO && ini->auto_start, "%s", quiet[i]);
		cr_expect_null(ini->log_dir, "%s", quiet[i]);
		cr_expect_str_eq(ini->stream, "tcp://127.0.0.1:5556");
		cr_assert(asprintf(&control, "ipc://%s/control", ini->run_dir) > 0);
		cr_expect_str_eq(ini->control, control);
		cr_expect(strncmp(ini->control_readonly, control, strlen(control)) == 0 &&
			  strcmp(ini->control_readonly + strlen(control), "-ro") == 0);
		cr_expect(ini->stream_key == NULL && ini->stream_clients == NULL &&
			  ini->control_group == NULL && ini->control_tcp == NULL &&
			  ini->control_key == NULL && ini->control_clients == NULL);
		cr_expect_null(ini->plugin_path[0]);
		cr_expect_str_eq(ini->metrics.listen, "");
		cr_expect(ini->journal.limits.bytes == 512u << 20 &&
			  ini->journal.limits.age_ms == 0 && ini->journal.limits.rejects == 1000 &&
			  ini->journal.limits.policy == JOURNAL_DROP_OLDEST &&
			  ini->journal.sync_interval_ms == 5000);
		cr_expect_eq(d.n, 0, "%s", quiet[i]);
		ini_free(ini);
		diags_release(&d);
	}
}

Test(ini, all_keys)
{
	struct diags d = { 0 };
	struct ini *ini = load("[General]\nlog_level=debug\n  auto_start = no ; later\n"
			       "log_dir=log\nrun_dir='/run/x'\nstate_dir=/var/x\n"
			       "plugin_path=/a::b:\nplugin_path=/c\n[Stream]\nendpoint=\n"
			       "[Control]\nendpoint=ipc:///tmp/x\nreadonly=\ngroup=adm\n"
			       "[Journal]\nmax_size=64G\nmax_age = 90 d\npolicy=drop-newest\n"
			       "rejects=10\nsync_interval=100 ms\n"
			       "[Metrics]\nlisten=0.0.0.0:9466\nremote=yes\n",
			       &d);

	cr_assert_not_null(ini, "%s", d.n ? d.list[0].text : "");
	cr_expect(ini->log_level == LOG_LEVEL_DEBUG && !ini->auto_start);
	cr_expect_str_eq(ini->log_dir, "/tmp/log");
	cr_expect_str_eq(ini->run_dir, "/run/x");
	cr_expect_str_eq(ini->state_dir, "/var/x");
	cr_expect_str_eq(ini->plugin_path[0], "/a");
	cr_expect_str_eq(ini->plugin_path[1], "/tmp/b");
	cr_expect_str_eq(ini->plugin_path[2], "/c");
	cr_expect_null(ini->plugin_path[3]);
	cr_expect_str_eq(ini->stream, "");
	cr_expect_str_eq(ini->control, "ipc:///tmp/x");
	cr_expect_str_eq(ini->control_readonly, "");
	cr_expect_str_eq(ini->control_group, "adm");
	cr_expect(ini->journal.limits.bytes == UINT64_C(64) << 30 &&
		  ini->journal.limits.age_ms == INT64_C(90) * 86400000 &&
		  ini->journal.limits.rejects == 10 &&
		  ini->journal.limits.policy == JOURNAL_DROP_NEWEST &&
		  ini->journal.sync_interval_ms == 100);
	cr_expect_str_eq(ini->metrics.listen, "0.0.0.0:9466");
	cr_expect(ini->metrics.remote);
	ini_free(ini);
}

static const struct {
	const char *text;
	int line;
	bool warning;
	const char *expected;
} table[] = {
	{ "[General]\nlog_level=loud\n", 2, false,
	  "log_level is \"loud\": expected debug, info, warning or error" },
	{ "[General]\n\nauto_start=perhaps\n", 3, false,
	  "auto_start is \"perhaps\": expected yes or no" },
	{ "[General]\nrun_dir=\n", 2, false, "run_dir is \"\": expected a folder" },
	{ "[Stream]\nendpoint=5556\n", 2, false,
	  "endpoint is \"5556\": expected ipc:///a/path, or tcp://" },
	{ "[Stream]\nendpoint=tcp://*:5556\n", 2, false,
	  "without encryption only this machine may connect" },
	{ "[Control]\nendpoint=tcp://10.0.0.1:1\n", 2, false,
	  "endpoint is \"tcp://10.0.0.1:1\": expected ipc:///a/path" },
	{ "[Control]\nendpoint=tcp://127.0.0.1:5557\n", 2, false,
	  "endpoint is \"tcp://127.0.0.1:5557\": expected ipc:///a/path" },
	{ "[Control]\n\nendpoint=ipc://@name\n", 3, false,
	  "endpoint is \"ipc://@name\": expected ipc:///a/path" },
	{ "[Control]\nendpoint=ipc:///\n", 2, false,
	  "endpoint is \"ipc:///\": expected ipc:///a/path" },
	{ "[Control]\nendpoint=\n", 2, false, "endpoint is \"\": expected ipc:///a/path" },
	{ "[Control]\nreadonly=tcp://127.0.0.1:1\n", 2, false,
	  "readonly is \"tcp://127.0.0.1:1\": expected ipc:///a/path; empty: no such socket" },
	{ "[Control]\nendpoint=ipc:///tmp/x\nreadonly=ipc:///tmp/x\n", 0, false,
	  "readonly is \"ipc:///tmp/x\", as endpoint is: expected another path" },
	{ "[Control]\ngroup=\n", 2, false, "group is \"\": expected the name or the number" },
	{ "[Control]\ntcp=ipc:///tmp/x\n", 2, false,
	  "tcp is \"ipc:///tmp/x\": expected tcp:// with an address" },
	{ "[Control]\ntcp=tcp://10.0.0.1\n", 2, false, "tcp is \"tcp://10.0.0.1\": expected" },
	{ "[Control]\ntcp=tcp://:5557\n", 2, false, "tcp is \"tcp://:5557\": expected" },
	{ "[Control]\ntcp=tcp://*:65536\n", 2, false, "tcp is \"tcp://*:65536\": expected" },
	{ "[Control]\nkey=\n", 2, false, "key is \"\": expected a file" },
	{ "[Control]\ntcp=tcp://127.0.0.1:5557\n", 2, false,
	  "tcp is \"tcp://127.0.0.1:5557\" and key is missing: on a network, expected key" },
	{ "[Control]\nkey=/nowhere\ntcp=tcp://*:5557\n", 3, false, "and clients is missing" },
	{ "[Control]\nkey=/nowhere\n", 0, true, "key and clients are ignored: expected tcp, too" },
	{ "[Stream]\nkey=/nowhere\nendpoint=tcp://*:5556\n", 3, false,
	  "[Stream] has key and no clients: expected both or none" },
	{ "[Stream]\nendpoint=tcp://[::]:5556\n", 2, false,
	  "with key and clients any address will do" },
	{ "[Journal]\nmax_size=big\n", 2, false,
	  "max_size is \"big\": expected bytes, also with K, M or G: 1M to 64G" },
	{ "[Journal]\nmax_size=\n", 2, false, "max_size is \"\": expected bytes" },
	{ "[Journal]\nmax_size=M\n", 2, false, "max_size is \"M\": expected bytes" },
	{ "[Journal]\nmax_size=-5M\n", 2, false, "max_size is \"-5M\": expected bytes" },
	{ "[Journal]\nmax_size=-9e15G\n", 2, false, "max_size is \"-9e15G\": expected bytes" },
	{ "[Journal]\nmax_size=1023K\n", 2, false, "max_size is \"1023K\": expected bytes" },
	{ "[Journal]\nmax_size=65G\n", 2, false, "max_size is \"65G\": expected bytes" },
	{ "[Journal]\nmax_size=9e15G\n", 2, false, "max_size is \"9e15G\": expected bytes" },
	{ "[Journal]\nmax_age=2 years\n", 2, false,
	  "max_age is \"2 years\": expected 1 min or more, such as 90 d; or 0: no limit" },
	{ "[Journal]\nmax_age=59\n", 2, false, "max_age is \"59\": expected 1 min or more" },
	{ "[Journal]\npolicy=keep\n", 2, false,
	  "policy is \"keep\": expected drop-oldest or drop-newest" },
	{ "[Journal]\nrejects=9\n", 2, false, "rejects is \"9\": expected 10 to 100000" },
	{ "[Journal]\nsync_interval=61\n", 2, false,
	  "sync_interval is \"61\": expected 100 ms to 60 s" },
	{ "[Metrics]\nlisten=9466\n", 2, false,
	  "listen is \"9466\": expected an address and a port, such as 127.0.0.1:9466" },
	{ "[Metrics]\nlisten=here:9466\n", 2, false, "listen is \"here:9466\": expected" },
	{ "[Metrics]\n\nlisten=0.0.0.0:9466\n", 3, false,
	  "metrics are told to whoever asks, so expected an address of this machine alone" },
	{ "[Metrics]\nremote=no\nlisten=[::]:9466\n", 3, false, "or remote = yes" },
	{ "[Metrics]\nremote=perhaps\n", 2, false, "expected yes or no" },
	{ "[Journal]\nsize=1M\n", 2, true,
	  "size is not known in [Journal] and ignored: expected one of max_size" },
	{ "[General]\nlog_level\n", 2, false,
	  "this is no setting: expected [section], key = value" },
	{ "[General\n", 1, false, "this is no setting" },
	{ "[General]\nloglevel=info\n", 2, true,
	  "loglevel is not known in [General] and ignored: expected one of log_level" },
	{ "[Genral]\nlog_level=info\n", 2, true,
	  "in the section [Genral], which is not known, and ignored: expected one "
	  "of General" },
	{ "log_level=info\n", 1, true, "log_level is in the section []" },
};

Test(ini, bad_files)
{
	for (size_t i = 0; i < N_ELEMENTS(table); i++) {
		struct diags d = { 0 };
		struct ini *ini = load(table[i].text, &d);

		cr_expect_eq(ini == NULL, !table[i].warning, "%s", table[i].text);
		cr_assert_eq(d.n, 1, "%s", table[i].text);
		cr_expect_not_null(strstr(d.list[0].text, table[i].expected), "%s: %s",
				   table[i].text, d.list[0].text);
		cr_expect(d.list[0].line == table[i].line && d.list[0].warning == table[i].warning,
			  "%s: %d", table[i].text, d.list[0].line);
		ini_free(ini);
		diags_release(&d);
	}
}

static const struct {
	const char *text;
	uint64_t bytes;
} sizes[] = {
	{ "1048576", 1u << 20 },
	{ "1024k", 1u << 20 },
	{ "1.5e3 M", UINT64_C(1500) << 20 },
	{ "2g", UINT64_C(2) << 30 },
};

Test(ini, sizes)
{
	for (size_t i = 0; i < N_ELEMENTS(sizes); i++) {
		_cleanup_free_ char *text = NULL;
		struct diags d = { 0 };
		struct ini *ini;

		cr_assert(asprintf(&text, "[Journal]\nmax_size = %s\n", sizes[i].text) > 0);
		ini = load(text, &d);
		cr_assert_not_null(ini, "%s", sizes[i].text);
		cr_expect_eq(ini->journal.limits.bytes, sizes[i].bytes, "%s", sizes[i].text);
		ini_free(ini);
	}
}

Test(ini, long_line)
{
	struct diags d = { 0 };
	char text[600] = "[General]\nlog_dir=";

	memset(text + strlen(text), 'x', 400);
	(void)strncat(text, "\nauto_start=maybe\n", sizeof text - strlen(text) - 1);
	cr_expect_null(load(text, &d));
	cr_assert_eq(d.n, 2);
	cr_expect_not_null(strstr(d.list[0].text, "the line has 408 bytes: expected at most"));
	cr_expect_eq(d.list[1].line, 3);
	diags_release(&d);
}

Test(ini, no_file)
{
	struct diags d = { 0 };
	struct ini *ini = ini_load("/nonexistent/lector.ini", false, &d);

	cr_expect_not_null(ini);
	cr_expect_eq(d.n, 0);
	ini_free(ini);
	cr_expect_null(ini_load("/nonexistent/lector.ini", true, &d));
	cr_expect_eq(d.n_errors, 1);
	cr_expect_str_eq(d.list[0].text, "cannot be opened: No such file or directory");
	diags_release(&d);
}

Test(ini, too_large)
{
	static char text[(1 << 20) + 2];
	struct diags d = { 0 };

	memset(text, '\n', sizeof text - 1);
	cr_expect_null(load(text, &d));
	cr_assert_eq(d.n, 1);
	cr_expect_str_eq(d.list[0].text, "is too large: expected at most 1048576 bytes");
	diags_release(&d);
}

Test(ini, the_example_is_all_defaults)
{
	_cleanup_free_ char *path = NULL;
	struct diags d = { 0 };
	struct ini *ini;

	cr_assert(asprintf(&path, "%s/etc/lector.ini",
			   getenv("top_srcdir") ? getenv("top_srcdir") : ".") > 0);
	ini = ini_load(path, true, &d);
	cr_assert_not_null(ini);
	cr_expect(d.n == 0 && ini->auto_start);
	ini_free(ini);
}

#define KEY "abcdefghijklmnopqrstuvwxyz0123456789ABCD"

static char *file_of(const char *text)
{
	char *path = strdup("/tmp/tesla-ini-key-XXXXXX");
	int fd = path ? mkstemp(path) : -1;

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	(void)close(fd);
	return path;
}

/* With keys, any address will do; what is wrong with the files is said, with the line. */
Test(ini, curve)
{
	_cleanup_free_ char *key = file_of("public " KEY "\nsecret " KEY "\n");
	_cleanup_free_ char *clients = file_of(KEY " roof\n"), *bad = file_of(KEY "\n");
	_cleanup_free_ char *good = NULL, *wrong = NULL;
	struct diags d = { 0 };
	struct ini *ini;

	cr_assert(asprintf(&good,
			   "[Control]\ntcp=tcp://*:5557\nkey=%s\nclients=%s\n"
			   "[Stream]\nclients=%s\nkey=%s\nendpoint=tcp://10.0.0.1:5556\n",
			   key, clients, clients, key) > 0);
	ini = load(good, &d);
	cr_assert_not_null(ini, "%s", d.n ? d.list[0].text : "");
	cr_expect_eq(d.n, 0);
	cr_expect_str_eq(ini->control_tcp, "tcp://*:5557");
	cr_expect_str_eq(ini->control_key, key);
	cr_expect_str_eq(ini->control_clients, clients);
	cr_expect_str_eq(ini->stream_key, key);
	cr_expect_str_eq(ini->stream_clients, clients);
	cr_expect_str_eq(ini->stream_public, KEY);
	ini_free(ini);

	cr_assert(asprintf(&wrong, "[Control]\ntcp=tcp://*:5557\nkey=%s\nclients=%s\n", clients,
			   bad) > 0);
	cr_expect_null(load(wrong, &d));
	cr_assert_eq(d.n, 2);
	for (size_t i = 0; i < d.n; i++)
		cr_expect(d.list[i].line == 2 && !d.list[i].warning);
	cr_expect_not_null(strstr(d.list[0].text, "line 1: expected `public`"), "%s",
			   d.list[0].text);
	cr_expect_not_null(strstr(d.list[1].text, "line 1: expected a name"), "%s", d.list[1].text);
	diags_release(&d);
	(void)unlink(key);
	(void)unlink(clients);
	(void)unlink(bad);
}
