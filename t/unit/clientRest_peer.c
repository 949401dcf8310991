/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clientRest and who is at the other end: a proxy, t/e2e/rest_server.py, which others' libraries
 * parse for, and one that has to show a certificate.
 */
#include "rest_rig.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* ---- through a proxy ---- */

#define WHY_SIZE sizeof((struct tesla_error *)NULL)->text

/* One request; *why is the verdict's text. */
static void post_through(const char *proxy, char *why)
{
	struct rig *r = calloc(1, sizeof *r);

	rig_open(r, "http", 1, &(struct setting){ "proxy", proxy }, 1);
	rig_fill(r, 1, END_MS);
	rig_deliver(r);
	(void)snprintf(why, WHY_SIZE, "%s", r->verdicts[0].why.text);
	rig_close(r);
	free(r);
}

Test(clientRest_peer, a_proxy_gets_its_login, .timeout = 30)
{
	static const struct {
		const char *login, *header;
	} rows[] = {
		{ "", NULL },
		{ "u:s3cret@", "\r\nProxy-Authorization: Basic dTpzM2NyZXQ=\r\n" },
		{ "u@", "\r\nProxy-Authorization: Basic dTo=\r\n" },
		/* decoded once: u:s%40:@ */
		{ "u:s%2540%3a%40@", "\r\nProxy-Authorization: Basic dTpzJTQwOkA=\r\n" },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct peer *p = calloc(1, sizeof *p);
		char proxy[80], why[WHY_SIZE];

		peer_start(p, &(struct reply){ HTTP("407 x", "0", ""), true }, 1);
		(void)snprintf(proxy, sizeof proxy, "http://%slocalhost:%u", rows[i].login,
			       p->port);
		post_through(proxy, why);
		peer_stop(p);
		cr_expect_not_null(strstr(why, "answered 407: see proxy"), "%s: %s", proxy, why);
		cr_expect_not_null(strstr(p->request, "POST http://localhost:1/ws/v2/history/"),
				   "%s", p->request);
		if (rows[i].header != NULL)
			cr_expect_not_null(strstr(p->request, rows[i].header), "%s: %s", proxy,
					   p->request);
		else
			cr_expect_null(strstr(p->request, "Proxy-Authorization"), "%s", p->request);
		free(p);
	}
}

/* For https the proxy is asked for a tunnel: its refusal is no answer of the server. */
Test(clientRest_peer, a_proxy_that_gives_no_tunnel_pauses, .timeout = 30)
{
	static const struct {
		const char *answer, *why;
		enum tesla_delivery delivery;
	} rows[] = {
		{ HTTP("407 x", "0", ""), "the proxy answered 407: see proxy", TESLA_REFUSED },
		{ HTTP("403 x", "2", "no"), "the proxy answered 403: see proxy", TESLA_REFUSED },
		{ HTTP("502 x", "0", ""), "502", TESLA_RETRY },
	};

	for (size_t i = 0; i < 2 * N_ELEMENTS(rows); i++) {
		bool v1 = i >= N_ELEMENTS(rows);
		size_t row = i % N_ELEMENTS(rows);
		struct peer *p = calloc(1, sizeof *p);
		struct rig *r = calloc(1, sizeof *r);
		char proxy[40];
		const struct setting settings[] = { { "proxy", proxy },
						    { "api", v1 ? "v1" : "v2" } };

		peer_start(p, &(struct reply){ rows[row].answer, true }, 1);
		(void)snprintf(proxy, sizeof proxy, "http://localhost:%u", p->port);
		rig_open(r, "https", 1, settings, 2);
		rig_fill(r, 1, END_MS);
		rig_deliver(r);
		rig_close(r);
		peer_stop(p);
		cr_expect_not_null(strstr(p->request, "CONNECT localhost:1 HTTP"), "%s",
				   p->request);
		cr_expect_eq(r->verdicts[0].delivery, rows[row].delivery);
		cr_expect_not_null(strstr(r->verdicts[0].why.text, rows[row].why), "%s",
				   r->verdicts[0].why.text);
		free(p);
		free(r);
	}
}

Test(clientRest_peer, no_message_has_a_secret, .timeout = 30)
{
	static const char *const proxies[] = { "http://u:s3cret@localhost:1",
					       "socks5://u:s3cret@localhost:1",
					       "https://u:s3cret@localhost:1",
					       "u:s3cret@localhost:1" };
	char why[WHY_SIZE];

	for (size_t i = 0; i < N_ELEMENTS(proxies); i++) {
		post_through(proxies[i], why);
		cr_expect_neq(why[0], '\0');
		cr_expect_null(strstr(why, "s3cret"), "%s", why);
	}
}

/* ---- against the independent server ---- */

struct server {
	pid_t pid;
	FILE *out;
	unsigned port;
};

static void server_start(struct server *s, const char *options)
{
	char command[600];
	int ends[2];

	(void)snprintf(command, sizeof command,
		       "exec /usr/bin/python3 '%s/t/e2e/rest_server.py' %s", getenv("top_srcdir"),
		       options);
	cr_assert_eq(pipe(ends), 0);
	s->pid = fork();
	cr_assert_geq(s->pid, 0);
	if (s->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves none behind */
		(void)dup2(ends[1], 1);
		(void)close(ends[0]);
		(void)close(ends[1]);
		(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	(void)close(ends[1]);
	s->out = fdopen(ends[0], "r");
	cr_assert_eq(fscanf(s->out, "ready %u", &s->port), 1, "%s", command);
}

static void server_stop(struct server *s)
{
	int status;

	(void)kill(s->pid, SIGTERM);
	cr_expect_eq(waitpid(s->pid, &status, 0), s->pid);
	cr_expect_eq(status, 0, "the server ended with %d", status);
	(void)fclose(s->out);
}

/* Until nothing is left to be tried, as the core does. */
static void deliver_all(struct rig *r, struct tesla_verdict *settled)
{
	size_t place[BATCH_MAX];

	for (size_t i = 0; i < BATCH_MAX; i++)
		place[i] = i;
	for (int round = 0; r->batch.n_items > 0 && round < 1000; round++) {
		size_t left = 0;

		rig_deliver(r);
		for (size_t i = 0; i < r->batch.n_items; i++) {
			settled[place[i]] = r->verdicts[i];
			if (r->verdicts[i].delivery != TESLA_RETRY)
				continue;
			place[left] = place[i];
			r->list[left++] = r->list[i];
		}
		r->batch.n_items = left;
	}
}

static const struct server_case {
	const char *name, *options;
	struct setting settings[4];
	int64_t first_end_ms;
	size_t n, rejected;
	const char *why; /* of those that are rejected */
} servers[] = {
	{ "v2", "--api v2", { { NULL } }, END_MS, 20, 0, NULL },
	{ "v2, answers lost", "--api v2 --lose 0.3 --seed 7", { { NULL } }, END_MS, 100, 0, NULL },
	{ "v2, one analyzer refused",
	  "--refuse-analyzer 13",
	  { { NULL } },
	  END_MS,
	  20,
	  1,
	  "answered 400: 1#analyzer refused" },
	{ "v2, 25 hours",
	  "--ignore-utc",
	  { { NULL } },
	  1792879200000 + QUARTER_MS,
	  100,
	  4,
	  "time not expressible in v2" },
	{ "v2, 25 hours, UTC heeded",
	  "--honour-utc",
	  { { NULL } },
	  1792879200000 + QUARTER_MS,
	  100,
	  0,
	  NULL },
	{ "v2, 25 hours, UTC heeded, answers lost",
	  "--lose 0.3 --seed 3",
	  { { NULL } },
	  1792879200000 + QUARTER_MS,
	  100,
	  0,
	  NULL },
	{ "v2, 23 hours", "--ignore-utc", { { NULL } }, 1774738800000 + QUARTER_MS, 92, 0, NULL },
	{ "v1", "--api v1 --token t", { { "api", "v1" }, { "token", "t" } }, END_MS, 100, 0, NULL },
	{ "v1, 25 hours",
	  "--api v1",
	  { { "api", "v1" } },
	  1792879200000 + QUARTER_MS,
	  100,
	  0,
	  NULL },
	{ "v1, JSON, answers lost",
	  "--lose 0.7 --seed 5",
	  { { "api", "v1" }, { "format", "json" } },
	  END_MS,
	  100,
	  0,
	  NULL },
	{ "v1, one refused",
	  "--refuse-analyzer 13",
	  { { "api", "v1" }, { "gzip", "no" } },
	  END_MS,
	  100,
	  1,
	  "analyzer refused" },
	{ "v1, one refuses its batch",
	  "--refuse-analyzer 13 --refuse-whole",
	  { { "api", "v1" } },
	  END_MS,
	  100,
	  1,
	  "answered 400: analyzer refused, and its batch with it" },
	{ "v1, small bodies only",
	  "--max-body 3000",
	  { { "api", "v1" }, { "format", "json" }, { "gzip", "no" } },
	  END_MS,
	  100,
	  0,
	  NULL },
	{ "v1, down at first", "--status 503 --for 3", { { "api", "v1" } }, END_MS, 10, 0, NULL },
};

static void check_server(const struct server_case *c)
{
	struct rig *r = calloc(1, sizeof *r);
	struct tesla_verdict settled[BATCH_MAX];
	size_t done = 0, rejected = 0;
	struct server s;

	server_start(&s, c->options);
	rig_open(r, "http", s.port, c->settings, N_ELEMENTS(c->settings));
	rig_fill(r, c->n, c->first_end_ms);
	if (strstr(c->options, "--refuse-analyzer 13") != NULL)
		r->records[7].item.analyzer = 13;
	deliver_all(r, settled);
	for (size_t i = 0; i < c->n; i++) {
		done += settled[i].delivery == TESLA_DONE;
		rejected += settled[i].delivery == TESLA_REJECT;
		if (settled[i].delivery == TESLA_REJECT && c->why != NULL)
			cr_expect_not_null(strstr(settled[i].why.text, c->why), "%s: %s", c->name,
					   settled[i].why.text);
	}
	cr_expect(done == c->n - c->rejected && rejected == c->rejected,
		  "%s: %zu done, %zu rejected", c->name, done, rejected);
	rig_close(r);
	server_stop(&s);
	free(r);
}

Test(clientRest_peer, an_independent_server, .timeout = 120)
{
	(void)setenv("TZ", "Europe/Madrid", 1);
	for (size_t i = 0; i < N_ELEMENTS(servers); i++)
		check_server(&servers[i]);
}

/* The good ones arrive, three are rejected with reasons. */
static void check_mixed(const struct setting *settings, size_t n)
{
	static struct tesla_record_element many[80000];
	struct rig *r = calloc(1, sizeof *r);
	struct server s;

	for (size_t i = 0; i < N_ELEMENTS(many); i++)
		many[i] = (struct tesla_record_element)GAUGE(1.0 / 3, TESLA_GOOD);
	server_start(&s, "--refuse-analyzer 13");
	rig_open(r, "http", s.port, settings, n);
	rig_fill(r, 10, END_MS);
	r->records[2].variables[0].elements =
		&(const struct tesla_record_element)GAUGE(NAN, TESLA_GOOD);
	r->records[2].variables[0].n_elements = 1;
	r->records[5].variables[0].elements = many;
	r->records[5].variables[0].n_elements = N_ELEMENTS(many);
	r->records[9].item.analyzer = 13;
	rig_deliver(r);
	cr_expect_eq(rig_count(r, TESLA_DONE), 7);
	cr_expect_str_eq(r->verdicts[2].why.text, "TPF: not a number");
	cr_expect_eq(strncmp(r->verdicts[5].why.text, "too long: ", 10), 0, "%s",
		     r->verdicts[5].why.text);
	cr_expect_not_null(strstr(r->verdicts[9].why.text, "analyzer refused"), "%s",
			   r->verdicts[9].why.text);
	cr_expect_eq(rig_count(r, TESLA_REJECT), 3);
	rig_close(r);
	server_stop(&s);
	free(r);
}

Test(clientRest_peer, one_bad_record_costs_no_good_ones, .timeout = 60)
{
	check_mixed(NULL, 0);
	check_mixed(v1_json, 1);
	check_mixed(v1_json, N_ELEMENTS(v1_json));
}

/* ---- TLS ---- */

static void certificate_make(const char *folder)
{
	char command[512];

	(void)snprintf(command, sizeof command,
		       "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
		       "-subj /CN=localhost -addext subjectAltName=DNS:localhost -days 2 "
		       "-keyout %s/key.pem -out %s/cert.pem 2>/dev/null",
		       folder, folder);
	cr_assert_eq(system(command), 0, "%s", command);
}

static void check_tls(const char *host_name, unsigned port, const struct setting *settings,
		      size_t n, enum tesla_delivery expected, const char *why)
{
	struct rig *r = calloc(1, sizeof *r);

	rig_open_at(r, "https", host_name, port, settings, n);
	rig_fill(r, 2, END_MS);
	rig_deliver(r);
	cr_expect_eq(r->verdicts[0].delivery, expected, "%s", r->verdicts[0].why.text);
	if (why != NULL)
		cr_expect_not_null(strcasestr(r->verdicts[0].why.text, why), "%s",
				   r->verdicts[0].why.text);
	rig_close(r);
	free(r);
}

static const void *capath, *proxy_capath; /* what libcurl was told of them last */

/* Between the plugin and libcurl, of which one cannot ask what it trusts. */
#undef curl_easy_setopt
CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
	CURLcode (*real)(CURL *, CURLoption, ...);
	va_list ap;
	void *value;

	*(void **)&real = dlsym(RTLD_NEXT, "curl_easy_setopt");
	va_start(ap, option);
	value = va_arg(ap, void *);
	va_end(ap);
	if (option == CURLOPT_CAPATH)
		capath = value;
	if (option == CURLOPT_PROXY_CAPATH)
		proxy_capath = value;
	return real(curl, option, value);
}

Test(clientRest_peer, ca_stands_in_place_of_the_system_s)
{
	const struct setting ca = { "ca", "/dev/null" };
	struct rig *r = calloc(1, sizeof *r);

	capath = proxy_capath = "the system's";
	rig_open(r, "https", 1, NULL, 0);
	rig_close(r);
	cr_expect_not_null(capath);
	rig_open(r, "https", 1, &ca, 1);
	rig_close(r);
	cr_expect_null(capath);
	cr_expect_null(proxy_capath);
	free(r);
}

Test(clientRest_peer, tls, .timeout = 60)
{
	char folder[] = "/tmp/tesla-rest-XXXXXX", cert[64], key[64], options[256];
	const struct setting settings[] = { { "ca", cert }, { "cert", cert }, { "key", key } };
	struct server s;

	cr_assert_not_null(mkdtemp(folder));
	certificate_make(folder);
	(void)snprintf(cert, sizeof cert, "%s/cert.pem", folder);
	(void)snprintf(key, sizeof key, "%s/key.pem", folder);
	(void)snprintf(options, sizeof options, "--cert %s --key %s", cert, key);
	server_start(&s, options);
	check_tls("localhost", s.port, NULL, 0, TESLA_RETRY, "certificate");
	check_tls("localhost", s.port, settings, 1, TESLA_DONE, NULL);
	check_tls("127.0.0.1", s.port, settings, 1, TESLA_RETRY, "127.0.0.1'");
	server_stop(&s);
	(void)snprintf(options, sizeof options, "--cert %s --key %s --client-ca %s", cert, key,
		       cert);
	server_start(&s, options);
	check_tls("localhost", s.port, settings, 1, TESLA_RETRY, NULL);
	check_tls("localhost", s.port, settings, 3, TESLA_DONE, NULL);
	server_stop(&s);
	(void)unlink(cert);
	(void)unlink(key);
	(void)rmdir(folder);
}
