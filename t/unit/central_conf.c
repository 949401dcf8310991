/* SPDX-License-Identifier: Apache-2.0 */
/* central.ini: defaults, what is refused, and that the file that is shipped tells the truth. */
#include "central/conf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"

static const struct {
	const char *text;
	const char *why; /* NULL: it is good */
} cases[] = {
	{ "", NULL },
	{ "[Server]\nlisten = [::1]:81\n", NULL },
	{ "[Server]\nlisten = 0.0.0.0:80\nplain = true\n", NULL },
	{ "[Server]\nlisten = 0.0.0.0:80\ncert = a\nkey = b\n", NULL },
	{ "[Server]\nlisten = 0.0.0.0:80\n", "which other machines get to" },
	{ "[Server]\nlisten = [::]:80\n", "which other machines get to" },
	{ "[Server]\nlisten = here\n", "expected an address and a port" },
	{ "[Server]\ncert = a\n", "has cert and no key" },
	{ "[Server]\nkey = a\n", "has key and no cert" },
	{ "[Server]\nlog_level = loud\n", "log_level" },
	{ "[Control]\nkey = a\n", NULL },
	{ "[Limits]\nconnections = 1\n", "connections" },
	{ "[Limits]\nbody = 8\nbodies = 4\n", "bodies is less than body" },
	{ "[Limits]\nrequest_time = 0.1\n", "request_time" },
	{ "[Retention]\nraw = 90 d\nminutes = none\n", NULL },
	{ "[Retention]\nraw = none\n",
	  "[Retention] raw is \"none\": expected a time such as 90 d," },
	{ "[Retention PM710]\ndays = 0\n", "[Retention PM710] days is \"0\": expected a time" },
	{ "[Retention a-model-whose-name-is-longer-than-inih-reads]\nraw = 1 d\n",
	  "expected at most 48 bytes" },
	{ "junk\n", "this is no setting" },
};

static struct conf *load(const char *text, struct diags *d)
{
	char path[] = "/tmp/central-conf-XXXXXX";
	int fd = mkstemp(path);
	struct conf *c;

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	(void)close(fd);
	c = conf_load(path, true, d);
	(void)unlink(path);
	return c;
}

Test(central_conf, cases)
{
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct diags d = { 0 };
		struct conf *c = load(cases[i].text, &d);

		cr_expect((c == NULL) == (cases[i].why != NULL), "%s", cases[i].text);
		if (cases[i].why != NULL)
			cr_expect(d.n > 0 && strstr(d.list[0].text, cases[i].why) != NULL, "%s: %s",
				  cases[i].text, d.n > 0 ? d.list[0].text : "");
		diags_release(&d);
		conf_free(c);
	}
}

Test(central_conf, defaults)
{
	struct diags d = { 0 };
	struct conf *c = conf_load("/nonexistent/central.ini", false, &d);

	cr_assert_not_null(c);
	cr_expect(c->where.loopback && c->log_level == LOG_LEVEL_INFO && !c->plain);
	cr_expect(c->connections == 1000 && c->request_time_ms == 30000);
	conf_free(c);
	cr_expect_null(conf_load("/nonexistent/central.ini", true, &d));
	diags_release(&d);
}

Test(central_conf, retention)
{
	struct diags d = { 0 };
	struct conf *c = load("[Retention PM710]\nraw = 30 d\n[Retention CVM k]\nhours = none\n"
			      "[retention]\nraw = 90\nhours = 1000 d\n[Retention PM710]\n"
			      "minutes = 1 d\nfoo = 1\n",
			      &d);
	static const struct {
		const char *model;
		int64_t raw, minutes, hours; /* days; 0: for ever */
	} want[] = {
		{ "PM710", 30, 1, 1000 },
		{ "CVM k", 90, 0, -1 },
		{ "pm710", 90, 0, 1000 },
	};

	cr_assert_not_null(c);
	cr_expect(d.n == 1 && strstr(d.list[0].text, "foo is not known in [Retention PM710]"));
	for (size_t i = 0; i < N_ELEMENTS(want); i++) {
		const struct store_policy *p = conf_retention(c, want[i].model);
		const int64_t day = 86400000;

		cr_expect(p->raw_ms == want[i].raw * day && p->zone == NULL);
		cr_expect(p->level_ms[STORE_MINUTE] ==
			  (want[i].minutes == 0 ? STORE_FOR_EVER : want[i].minutes * day));
		cr_expect(p->level_ms[STORE_HOUR] == (want[i].hours < 0 ? 0 : want[i].hours * day));
		cr_expect(p->level_ms[STORE_DAY] == STORE_FOR_EVER);
	}
	diags_release(&d);
	conf_free(c);
}

/* Every "# key = value" of the file, without its mark, is known and is the default. */
Test(central_conf, the_file_tells_the_truth)
{
	const char *top = getenv("top_srcdir") ? getenv("top_srcdir") : ".";
	_cleanup_free_ char *path = NULL, *text = NULL;
	struct conf *plain, *shown;
	struct tesla_error err;
	struct diags d = { 0 };
	size_t len;

	cr_assert(asprintf(&path, "%s/etc/central.ini", top) > 0);
	cr_assert_eq(file_read(path, 1 << 20, &text, &len, &err), 0, "%s", err.text);
	for (char *p = text; (p = strstr(p, "\n# ")) != NULL; p++)
		if (strcspn(p + 3, "\n") > strcspn(p + 3, "=") &&
		    strchr("abcdefghijklmnopqrstuvwxyz", p[3]))
			memcpy(p + 1, "  ", 2);
	plain = conf_load("/nonexistent/central.ini", false, &d);
	shown = load(text, &d);
	cr_assert(plain != NULL && shown != NULL);
	cr_expect_eq(d.n, 0, "%s", d.n > 0 ? d.list[0].text : "");
	cr_expect_str_eq(shown->listen, plain->listen);
	cr_expect(shown->connections == plain->connections &&
		  shown->connections_per_address == plain->connections_per_address &&
		  shown->requests_per_second == plain->requests_per_second &&
		  shown->body_mib == plain->body_mib && shown->bodies_mib == plain->bodies_mib &&
		  shown->request_time_ms == plain->request_time_ms &&
		  shown->group_jobs == plain->group_jobs && shown->read_jobs == plain->read_jobs);
	cr_expect(shown->streams == plain->streams &&
		  shown->streams_per_user == plain->streams_per_user &&
		  shown->nodes_followed == plain->nodes_followed);
	cr_expect(memcmp(&shown->retention, &plain->retention, sizeof plain->retention) == 0);
	conf_free(plain);
	conf_free(shown);
	diags_release(&d);
}
