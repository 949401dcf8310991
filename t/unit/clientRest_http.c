/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clientRest on the wire: against a peer that answers byte for byte as a row says, and against
 * t/e2e/rest_server.py, which others' libraries parse for.
 */
#include "rest_fixture.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"

#define REQUEST_MAX 65536
#define REPLIES 4
#define BATCH_MAX 200

/* ---- the peer ---- */

struct reply {
	const char *bytes; /* NULL: silence until the other side leaves */
	bool hangup;	   /* afterwards */
};

struct peer {
	int listener;
	unsigned port;
	pthread_t thread;
	struct reply replies[REPLIES]; /* the last again and again */
	size_t n_requests, n_connections;
	char request[REQUEST_MAX]; /* the last one */
};

static bool request_is_whole(const char *request, size_t len)
{
	const char *length = strcasestr(request, "\r\nContent-Length: "),
		   *body = strstr(request, "\r\n\r\n");

	if (body != NULL && strncmp(request, "CONNECT ", 8) == 0)
		return true;
	return length != NULL && body != NULL &&
	       len >= (size_t)(body + 4 - request) + strtoul(length + 18, NULL, 10);
}

static bool request_read(struct peer *p, int fd)
{
	size_t len = 0;

	while (len < REQUEST_MAX - 1) {
		ssize_t n = recv(fd, p->request + len, REQUEST_MAX - 1 - len, 0);

		if (n <= 0)
			return false;
		len += (size_t)n;
		p->request[len] = '\0';
		if (request_is_whole(p->request, len))
			return true;
	}
	return false;
}

static void peer_serve(struct peer *p, int fd)
{
	while (request_read(p, fd)) {
		const struct reply *r =
			&p->replies[p->n_requests < REPLIES ? p->n_requests : REPLIES - 1];
		char rest[16];

		p->n_requests++;
		if (r->bytes == NULL) {
			(void)!recv(fd, rest, sizeof rest, 0);
			return;
		}
		(void)!send(fd, r->bytes, strlen(r->bytes), MSG_NOSIGNAL);
		if (r->hangup)
			return;
	}
}

static void *peer_run(void *arg)
{
	struct peer *p = arg;
	int fd;

	while ((fd = accept(p->listener, NULL, NULL)) >= 0) {
		p->n_connections++;
		peer_serve(p, fd);
		(void)close(fd);
	}
	return NULL;
}

static void peer_start(struct peer *p, const struct reply *replies, size_t n)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;

	*p = (struct peer){ .listener = socket(AF_INET, SOCK_STREAM, 0) };
	for (size_t i = 0; i < REPLIES; i++)
		p->replies[i] = replies[i < n ? i : n - 1];
	cr_assert_eq(bind(p->listener, (struct sockaddr *)&a, sizeof a), 0);
	cr_assert_eq(listen(p->listener, 8), 0);
	cr_assert_eq(getsockname(p->listener, (struct sockaddr *)&a, &len), 0);
	p->port = ntohs(a.sin_port);
	cr_assert_eq(pthread_create(&p->thread, NULL, peer_run, p), 0);
}

/* After the exporter is closed. */
static void peer_stop(struct peer *p)
{
	(void)shutdown(p->listener, SHUT_RDWR);
	(void)pthread_join(p->thread, NULL);
	(void)close(p->listener);
}

/* ---- an exporter, and a batch ---- */

static int n_warnings; /* of this test's process */

static void host_log(const struct tesla_host *host, int level, const char *fmt, ...)
{
	(void)host, (void)fmt;
	n_warnings += level == 4;
}

static int64_t host_now(const struct tesla_host *host)
{
	(void)host;
	return clock_mono_us();
}

static const struct tesla_host host = { sizeof host, host_log, host_now };

struct rig {
	void *self;
	char target[128];
	struct made_record records[BATCH_MAX];
	const struct tesla_item *list[BATCH_MAX];
	struct tesla_batch batch;
	struct tesla_verdict verdicts[BATCH_MAX];
};

static void rig_open_at(struct rig *r, const char *scheme, const char *host_name, unsigned port,
			const struct setting *settings, size_t n)
{
	struct tesla_error err = { 0 };
	struct setting all[8] = { { "target", r->target } };
	struct conf conf;

	(void)snprintf(r->target, sizeof r->target, "%s://%s:%u/ws/v2/", scheme, host_name, port);
	for (size_t i = 0; i < n; i++)
		all[i + 1] = settings[i];
	conf_make(&conf, all, n + 1);
	cr_assert_eq(tesla_plugin.exporter->open(&conf, &host, &r->self, &err), 0, "%s", err.text);
	r->batch = (struct tesla_batch){ .size = sizeof r->batch, .node = "4", .items = r->list };
}

static void rig_open(struct rig *r, const char *scheme, unsigned port,
		     const struct setting *settings, size_t n)
{
	rig_open_at(r, scheme, "localhost", port, settings, n);
}

/* Records of one analyzer, a quarter of an hour apart. */
static void rig_fill(struct rig *r, size_t n, int64_t first_end_ms)
{
	cr_assert_leq(n, BATCH_MAX);
	for (size_t i = 0; i < n; i++) {
		record_make(&r->records[i], plain_rows, 1);
		r->records[i].item.t_ms = first_end_ms + (int64_t)i * QUARTER_MS;
		r->records[i].item.start_ms = r->records[i].item.t_ms - QUARTER_MS;
		r->list[i] = &r->records[i].item;
	}
	r->batch.n_items = n;
}

static void rig_deliver(struct rig *r)
{
	struct tesla_error err = { 0 };

	memset(r->verdicts, 0, sizeof r->verdicts);
	cr_expect_eq(tesla_plugin.exporter->deliver(r->self, &r->batch, r->verdicts, &err), 0, "%s",
		     err.text);
}

static void rig_close(struct rig *r)
{
	tesla_plugin.exporter->close(r->self);
}

static size_t rig_count(const struct rig *r, enum tesla_delivery d)
{
	size_t n = 0;

	for (size_t i = 0; i < r->batch.n_items; i++)
		n += r->verdicts[i].delivery == d;
	return n;
}

/* ---- what a status means ---- */

static const struct setting v1_json[] = { { "api", "v1" }, { "format", "json" }, { "gzip", "no" } };

#define HTTP(STATUS, BODY_LEN, BODY) \
	"HTTP/1.1 " STATUS "\r\nContent-Length: " BODY_LEN "\r\n\r\n" BODY
#define FORM(STATUS, TYPE, BODY_LEN, BODY) \
	"HTTP/1.1 " STATUS "\r\nContent-Type: " TYPE "\r\nContent-Length: " BODY_LEN "\r\n\r\n" BODY
#define REJECTED "{\"results\":[{\"status\":\"rejected\",\"reason\":\"no\"}]}" /* 49 bytes */
#define STORED "{\"results\":[{\"status\":\"stored\"}]}"		       /* 33 bytes */

static const struct status_case {
	const char *answer;
	enum tesla_delivery v2, v1;
	const char *why; /* part of it */
	bool hangup;
} statuses[] = {
	{ HTTP("201 Created", "11", "\"#Saved:17\""), TESLA_DONE, TESLA_RETRY, "", false },
	{ HTTP("200 OK", "33", STORED), TESLA_RETRY, TESLA_DONE, "", false },
	{ HTTP("201 Created", "33", STORED), TESLA_DONE, TESLA_DONE, "", false },
	{ HTTP("204 No Content", "0", ""), TESLA_RETRY, TESLA_RETRY, "answered 204", false },
	{ HTTP("409 Conflict", "5", "#dupl"), TESLA_DONE, TESLA_RETRY, "", false },
	{ HTTP("400 Bad Request", "12", "1#no\x01h\xc3\xb3ra\nx"), TESLA_REJECT, TESLA_RETRY,
	  "answered 400: 1#no?h??ra", false },
	{ HTTP("400 Bad Request", "5", "#nope"), TESLA_REJECT, TESLA_RETRY, "400: #nope", false },
	{ HTTP("400 Bad Request", "6", "<html>"), TESLA_RETRY, TESLA_RETRY, "400: <html>", false },
	{ HTTP("400 Bad Request", "5", "2#bad"), TESLA_RETRY, TESLA_RETRY, "400: 2#bad", false },
	{ HTTP("400 Bad Request", "1", "1"), TESLA_RETRY, TESLA_RETRY, "400: 1", false },
	{ HTTP("400 Bad Request", "0", ""), TESLA_RETRY, TESLA_RETRY,
	  "answered 400: no record was taken: see target, proxy and gzip", false },
	{ FORM("400 x", "text/html; charset=utf-8", "3", "hm?"), TESLA_RETRY, TESLA_RETRY,
	  "answered 400 (text/html): hm?: no record was taken", false },
	{ FORM("400 x", "application/json; x", "49", REJECTED), TESLA_RETRY, TESLA_REJECT, "",
	  false },
	{ FORM("422 x", "application/json", "49", REJECTED), TESLA_RETRY, TESLA_REJECT, "", false },
	{ FORM("400 x", "text/plain", "49", REJECTED), TESLA_RETRY, TESLA_RETRY, "400", false },
	{ FORM("400 x", "application/json", "2", "{}"), TESLA_RETRY, TESLA_RETRY, "400", false },
	{ HTTP("404 Not Found", "4", "#no!"), TESLA_RETRY, TESLA_RETRY, "404: #no!", false },
	{ HTTP("404 Not Found", "3", "no!"), TESLA_RETRY, TESLA_RETRY, "404: no!: see target",
	  false },
	{ HTTP("413 Too Large", "0", ""), TESLA_RETRY, TESLA_RETRY,
	  "answered 413: no record was taken: see target", false },
	{ HTTP("422 Unprocessable", "2", "no"), TESLA_RETRY, TESLA_RETRY, "422: no: no", false },
	{ HTTP("422 Unprocessable", "6", "<html>"), TESLA_RETRY, TESLA_RETRY, "422: <html>",
	  false },
	{ HTTP("402 Pay", "3", "#no"), TESLA_RETRY, TESLA_RETRY, "#no: see target and proxy",
	  false },
	{ HTTP("406 Not Acceptable", "0", ""), TESLA_RETRY, TESLA_RETRY, "406: see api and format",
	  false },
	{ HTTP("410 Gone", "3", "#no"), TESLA_RETRY, TESLA_RETRY, "410: #no: see target", false },
	{ HTTP("411 Length", "0", ""), TESLA_RETRY, TESLA_RETRY, "411: see target", false },
	{ HTTP("415 Unsupported", "0", ""), TESLA_RETRY, TESLA_RETRY,
	  "415: see api, gzip and format", false },
	{ HTTP("426 Upgrade", "0", ""), TESLA_RETRY, TESLA_RETRY, "426: see target", false },
	{ HTTP("431 Head", "0", ""), TESLA_RETRY, TESLA_RETRY, "431: see target", false },
	{ HTTP("499 Odd", "0", ""), TESLA_RETRY, TESLA_RETRY, "499: see target", false },
	{ HTTP("401 Unauthorized", "0", ""), TESLA_REFUSED, TESLA_REFUSED,
	  "401: see token, user and password", false },
	{ HTTP("403 Forbidden", "2", "no"), TESLA_REFUSED, TESLA_REFUSED, "403: no: see", false },
	{ HTTP("407 Proxy", "0", ""), TESLA_REFUSED, TESLA_REFUSED, "see proxy", false },
	{ HTTP("408 Timeout", "0", ""), TESLA_RETRY, TESLA_RETRY, "408", false },
	{ HTTP("425 Too Early", "0", ""), TESLA_RETRY, TESLA_RETRY, "425", false },
	{ HTTP("429 Too Many", "0", ""), TESLA_RETRY, TESLA_RETRY, "429", false },
	{ HTTP("500 Error", "0", ""), TESLA_RETRY, TESLA_RETRY, "500", false },
	{ HTTP("502 Bad Gateway", "0", ""), TESLA_RETRY, TESLA_RETRY, "502", false },
	{ HTTP("503 Unavailable", "0", ""), TESLA_RETRY, TESLA_RETRY, "503", false },
	{ HTTP("507 Full", "0", ""), TESLA_RETRY, TESLA_RETRY, "507", false },
	{ "HTTP/1.1 301 Moved\r\nLocation: https://else/ws/\r\nContent-Length: 0\r\n\r\n",
	  TESLA_RETRY, TESLA_RETRY, "answered 301 to https://else/ws/: set target", false },
	{ "HTTP/1.1 308 Moved\r\nContent-Length: 0\r\n\r\n", TESLA_RETRY, TESLA_RETRY,
	  "answered 308: set target", false },
	/* halves */
	{ HTTP("201 Created", "11", "\"#Sav"), TESLA_RETRY, TESLA_RETRY, "closed", true },
	{ HTTP("200 OK", "33", "{\"results\":[{\"sta"), TESLA_RETRY, TESLA_RETRY, "closed", true },
	{ "HTTP/1.1 200 OK\r\n\r\n{\"results\":[{\"sta", TESLA_RETRY, TESLA_RETRY, "", true },
	{ "HTTP/1.1 201 Cre", TESLA_RETRY, TESLA_RETRY, "", true },
	{ HTTP("409 Conflict", "11", "#"), TESLA_RETRY, TESLA_RETRY, "closed", true },
	{ HTTP("400 Bad", "11", "#"), TESLA_RETRY, TESLA_RETRY, "closed", true },
	{ "", TESLA_RETRY, TESLA_RETRY, "mpty reply", true },
	{ "SSH-2.0-OpenSSH_9.2\r\n", TESLA_RETRY, TESLA_RETRY, "", true },
	{ NULL, TESLA_RETRY, TESLA_RETRY, "imed out", false },
};

/* The first record's verdict is `expected`; none is done behind one to be tried again. */
static void check_status(const struct status_case *c, const struct setting *settings, size_t n,
			 enum tesla_delivery expected)
{
	const struct reply reply = { c->answer, c->hangup };
	struct setting all[4] = { { "timeout", "0.5" } };
	struct rig *r = calloc(1, sizeof *r);
	struct peer *p = calloc(1, sizeof *p);

	peer_start(p, &reply, 1);
	for (size_t i = 0; i < n; i++)
		all[i + 1] = settings[i];
	rig_open(r, "http", p->port, all, n + 1);
	rig_fill(r, n > 0 ? 1 : 2, END_MS);
	rig_deliver(r);
	cr_expect_eq(r->verdicts[0].delivery, expected, "v%d %s: %d %s", n > 0 ? 1 : 2, c->answer,
		     r->verdicts[0].delivery, r->verdicts[0].why.text);
	if (expected != TESLA_DONE)
		cr_expect_not_null(strstr(r->verdicts[0].why.text, c->why), "%s: %s", c->answer,
				   r->verdicts[0].why.text);
	if (expected == TESLA_RETRY || expected == TESLA_REFUSED)
		cr_expect_eq(r->verdicts[1].delivery, TESLA_RETRY);
	rig_close(r);
	peer_stop(p);
	if (expected == TESLA_DONE && n == 0)
		cr_expect(p->n_requests == 2 && p->n_connections == 1,
			  "%zu requests, %zu connections", p->n_requests, p->n_connections);
	free(p);
	free(r);
}

Test(clientRest_http, statuses, .timeout = 60)
{
	for (size_t i = 0; i < N_ELEMENTS(statuses); i++) {
		check_status(&statuses[i], NULL, 0, statuses[i].v2);
		check_status(&statuses[i], v1_json, N_ELEMENTS(v1_json), statuses[i].v1);
	}
}

/* Halves find the record that an answer is about; where it is about none they are so many more. */
Test(clientRest_http, only_what_is_about_records_is_halved, .timeout = 30)
{
	static const struct {
		const char *answer;
		size_t n_requests;
		enum tesla_delivery all;
	} rows[] = {
		{ HTTP("400 x", "0", ""), 7, TESLA_RETRY },
		{ HTTP("413 x", "0", ""), 7, TESLA_RETRY },
		{ HTTP("413 x", "6", "<html>"), 7, TESLA_RETRY },
		{ HTTP("422 x", "0", ""), 7, TESLA_RETRY },
		{ HTTP("400 x", "6", "<html>"), 1, TESLA_RETRY },
		{ HTTP("422 x", "6", "<html>"), 1, TESLA_RETRY },
		{ HTTP("409 x", "0", ""), 1, TESLA_RETRY },
		{ HTTP("415 x", "0", ""), 1, TESLA_RETRY },
		{ HTTP("404 x", "1", "#"), 1, TESLA_RETRY },
		{ HTTP("407 x", "0", ""), 1, TESLA_REFUSED },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct rig *r = calloc(1, sizeof *r);
		struct peer *p = calloc(1, sizeof *p);

		peer_start(p, &(struct reply){ rows[i].answer, false }, 1);
		rig_open(r, "http", p->port, v1_json, N_ELEMENTS(v1_json));
		rig_fill(r, 4, END_MS);
		rig_deliver(r);
		rig_close(r);
		peer_stop(p);
		cr_expect_eq(p->n_requests, rows[i].n_requests, "%s: %zu", rows[i].answer,
			     p->n_requests);
		cr_expect_eq(rig_count(r, rows[i].all), 4, "%s", rows[i].answer);
		free(p);
		free(r);
	}
}

/*
 * A server that takes one record, or answers as documented, has said of the other what it said; of
 * one that takes none nothing is known.
 */
Test(clientRest_http, a_record_is_given_up_when_the_server_is_proven, .timeout = 30)
{
	static const struct {
		const struct setting *settings;
		const char *answers[3];
		enum tesla_delivery first, second;
	} rows[] = {
		{ NULL,
		  { HTTP("413 x", "0", ""), HTTP("201 x", "0", "") },
		  TESLA_REJECT,
		  TESLA_DONE },
		{ NULL,
		  { HTTP("422 x", "2", "no"), HTTP("409 x", "0", "") },
		  TESLA_REJECT,
		  TESLA_DONE },
		{ NULL,
		  { HTTP("422 x", "2", "no"), HTTP("400 x", "2", "1#") },
		  TESLA_REJECT,
		  TESLA_REJECT },
		{ NULL,
		  { HTTP("201 x", "0", ""), HTTP("413 x", "0", "") },
		  TESLA_DONE,
		  TESLA_REJECT },
		{ NULL,
		  { HTTP("413 x", "0", ""), HTTP("500 x", "0", "") },
		  TESLA_RETRY,
		  TESLA_RETRY },
		{ NULL,
		  { HTTP("413 x", "0", ""), HTTP("413 x", "0", "") },
		  TESLA_RETRY,
		  TESLA_RETRY },
		{ v1_json,
		  { HTTP("400 x", "2", "no"), HTTP("400 x", "2", "no"),
		    HTTP("200 x", "33", STORED) },
		  TESLA_REJECT,
		  TESLA_DONE },
		{ v1_json,
		  { HTTP("413 x", "0", ""), HTTP("200 x", "33", STORED), HTTP("413 x", "0", "") },
		  TESLA_DONE,
		  TESLA_REJECT },
		{ v1_json,
		  { HTTP("422 x", "0", ""), HTTP("422 x", "0", ""),
		    FORM("422 x", "application/json", "49", REJECTED) },
		  TESLA_REJECT,
		  TESLA_REJECT },
		{ v1_json,
		  { HTTP("400 x", "2", "no"), HTTP("400 x", "2", "no"), HTTP("503 x", "0", "") },
		  TESLA_RETRY,
		  TESLA_RETRY },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		const struct reply replies[] = { { rows[i].answers[0], false },
						 { rows[i].answers[1], false },
						 { rows[i].answers[2], false } };
		struct rig *r = calloc(1, sizeof *r);
		struct peer *p = calloc(1, sizeof *p);

		peer_start(p, replies, rows[i].settings ? 3 : 2);
		rig_open(r, "http", p->port, rows[i].settings,
			 rows[i].settings ? N_ELEMENTS(v1_json) : 0);
		rig_fill(r, 2, END_MS);
		rig_deliver(r);
		rig_close(r);
		peer_stop(p);
		cr_expect_eq(r->verdicts[0].delivery, rows[i].first, "row %zu: %d %s", i,
			     r->verdicts[0].delivery, r->verdicts[0].why.text);
		cr_expect_eq(r->verdicts[1].delivery, rows[i].second, "row %zu: %d %s", i,
			     r->verdicts[1].delivery, r->verdicts[1].why.text);
		free(p);
		free(r);
	}
}

/* Of one analyzer: its records wait, in order; the other's are delivered. */
Test(clientRest_http, who_is_not_registered_waits_alone, .timeout = 30)
{
	const struct reply replies[] = { { HTTP("404 x", "4", "#no!"), false },
					 { HTTP("201 x", "0", ""), false } };
	struct rig *r = calloc(1, sizeof *r);
	struct peer *p = calloc(1, sizeof *p);

	peer_start(p, replies, 2);
	rig_open(r, "http", p->port, NULL, 0);
	rig_fill(r, 5, END_MS);
	r->records[0].item.analyzer = r->records[2].item.analyzer = 13;
	r->records[4].item.analyzer = 13;
	rig_deliver(r);
	rig_close(r);
	peer_stop(p);
	cr_expect_eq(p->n_requests, 3);
	for (size_t i = 0; i < 5; i++)
		cr_expect_eq(r->verdicts[i].delivery, i % 2 ? TESLA_DONE : TESLA_RETRY, "%zu", i);
	cr_expect_str_eq(r->verdicts[0].why.text,
			 "not registered at the server: answered 404: #no!");
	free(p);
	free(r);
}

/* The hour that is repeated, its second pass: whose record does the server have? */
Test(clientRest_http, a_conflict_names_the_instant, .timeout = 30)
{
	static const struct {
		const char *answer;
		enum tesla_delivery delivery;
	} rows[] = {
		{ HTTP("409 x", "21", "#2026-10-25T01:00:00Z"), TESLA_DONE },
		{ HTTP("409 x", "33", "#there is one of 2026-10-25T01:00:00Z"), TESLA_REJECT },
		{ HTTP("409 x", "37", "#there is one of 2026-10-25T01:00:00Z"), TESLA_DONE },
		{ HTTP("409 x", "37", "<p>DATA_UTC=2026-10-25T01:00:00Z</p>\n"), TESLA_REJECT },
		{ HTTP("409 x", "38", "\n#there is one of 2026-10-25T01:00:00Z"), TESLA_REJECT },
		{ HTTP("409 x", "21", "#2026-10-25T00:00:00Z"), TESLA_REJECT },
		{ HTTP("409 x", "0", ""), TESLA_REJECT },
	};

	(void)setenv("TZ", "Europe/Madrid", 1);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct rig *r = calloc(1, sizeof *r);
		struct peer *p = calloc(1, sizeof *p);

		peer_start(p, &(struct reply){ rows[i].answer, true }, 1);
		rig_open(r, "http", p->port, NULL, 0);
		rig_fill(r, 1, 1792890000000);
		rig_deliver(r);
		rig_close(r);
		peer_stop(p);
		cr_expect_eq(r->verdicts[0].delivery, rows[i].delivery, "%s: %d %s", rows[i].answer,
			     r->verdicts[0].delivery, r->verdicts[0].why.text);
		free(p);
		free(r);
	}
}

Test(clientRest_http, nobody_listens)
{
	struct rig *r = calloc(1, sizeof *r);

	rig_open(r, "http", 1, NULL, 0);
	rig_fill(r, 1, END_MS);
	rig_deliver(r);
	cr_expect_eq(r->verdicts[0].delivery, TESLA_RETRY);
	cr_expect_not_null(strstr(r->verdicts[0].why.text,
				  "http://localhost:1/ws/v2/history/save/4/1/: Failed to connect"),
			   "%s", r->verdicts[0].why.text);
	rig_close(r);
	free(r);
}

Test(clientRest_http, an_answer_is_bounded)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n";
	struct rig *r = calloc(1, sizeof *r);
	struct peer *p = calloc(1, sizeof *p);
	char *answer = malloc(sizeof head + 1048577);

	memcpy(answer, head, sizeof head);
	memset(answer + sizeof head - 1, ' ', 1048577);
	answer[sizeof head - 1 + 1048577] = '\0';
	peer_start(p, &(struct reply){ answer, false }, 1);
	rig_open(r, "http", p->port, v1_json, N_ELEMENTS(v1_json));
	rig_fill(r, 1, END_MS);
	rig_deliver(r);
	cr_expect_eq(r->verdicts[0].delivery, TESLA_RETRY);
	cr_expect_not_null(strstr(r->verdicts[0].why.text, "the answer is longer than 1 MiB"), "%s",
			   r->verdicts[0].why.text);
	rig_close(r);
	peer_stop(p);
	free(answer);
	free(p);
	free(r);
}

/* ---- Retry-After ---- */

static int64_t retry_after(const char *value, const char *status)
{
	struct rig *r = calloc(1, sizeof *r);
	struct peer *p = calloc(1, sizeof *p);
	char answer[256];
	int64_t ms;

	(void)snprintf(answer, sizeof answer,
		       "HTTP/1.1 %s\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", status,
		       value);
	peer_start(p, &(struct reply){ answer, false }, 1);
	rig_open(r, "http", p->port, NULL, 0);
	rig_fill(r, 1, END_MS);
	rig_deliver(r);
	ms = r->verdicts[0].retry_ms;
	rig_close(r);
	peer_stop(p);
	free(p);
	free(r);
	return ms;
}

Test(clientRest_http, retry_after, .timeout = 30)
{
	static const struct {
		const char *status, *value;
		int64_t ms;
	} rows[] = {
		{ "503 x", "7", 7000 },
		{ "429 x", "120", 120000 },
		{ "503 x", "0", 0 },
		{ "503 x", "-5", 0 },
		{ "503 x", "soon", 0 },
		{ "503 x", "", 0 },
		{ "503 x", "999999999999999999999", 0 }, /* libcurl takes it for no number */
		{ "503 x", "9223372036854775807", 24 * 3600 * 1000 },
		{ "503 x", "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
		{ "503 x", "Fri, 31 Dec 2999 23:59:59 GMT", 24 * 3600 * 1000 },
		{ "422 x", "7", 7000 },
		{ "400 x", "7", 7000 },
	};
	time_t then = time(NULL) + 60;
	char date[64];
	struct tm tm;
	int64_t ms;

	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		cr_expect_eq(retry_after(rows[i].value, rows[i].status), rows[i].ms,
			     "Retry-After: %s", rows[i].value);
	(void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&then, &tm));
	ms = retry_after(date, "503 x");
	cr_expect(ms > 50000 && ms <= 60000, "Retry-After: %s: %lld", date, (long long)ms);
}

/* ---- what is sent ---- */

static void check_request(const struct setting *settings, size_t n, const char *const *parts)
{
	struct rig *r = calloc(1, sizeof *r);
	struct peer *p = calloc(1, sizeof *p);

	peer_start(p, &(struct reply){ HTTP("201 Created", "33", STORED), false }, 1);
	rig_open(r, "http", p->port, settings, n);
	rig_fill(r, 1, END_MS);
	r->batch.node = "roof/4 \xc3\xa9?";
	rig_deliver(r);
	rig_close(r);
	peer_stop(p);
	for (; *parts != NULL; parts++)
		if (**parts == '!')
			cr_expect_null(strcasestr(p->request, *parts + 1), "%s in %s", *parts,
				       p->request);
		else
			cr_expect_not_null(strstr(p->request, *parts), "%s not in %s", *parts,
					   p->request);
	free(p);
	free(r);
}

Test(clientRest_http, requests)
{
	static const char *const v2[] = {
		"POST /ws/v2/history/save/roof%2F4%20%C3%A9%3F/1/ HTTP/1.1\r\n",
		"Content-Type: application/x-www-form-urlencoded\r\n",
		"User-Agent: tesla/" PACKAGE_VERSION "\r\n",
		"\r\n\r\nDATA_HORA=30%2F10%2F2026+10%3A15%3A00&LECTURA="
		"%7B%22TPF%22%3A%5B230.5%2C231%5D%7D&MODEL=PM710&DATA_UTC=2026-10-30T09%3A15%3A00Z",
		"!Expect:",
		"!Authorization:",
		NULL
	};
	static const char *const v1[] = { "POST /ws/v2/records HTTP/1.1\r\n",
					  "Content-Type: application/json\r\n",
					  "Authorization: Bearer s3cret\r\n",
					  "\r\n\r\n{\"node\":\"roof/4 \xc3\xa9?\",\"records\":[{",
					  "!Content-Encoding:",
					  NULL };
	static const char *const basic[] = { "Authorization: Basic NDpz\r\n", NULL }; /* 4:s */
	static const char *const packed[] = { "Content-Type: application/msgpack\r\n",
					      "Content-Encoding: gzip\r\n", "\r\n\r\n\x1f\x8b",
					      NULL };
	static const struct setting token[] = { { "api", "v1" },
						{ "format", "json" },
						{ "gzip", "no" },
						{ "token", "s3cret" } },
				    user[] = { { "user", "4" }, { "password", "s" } };

	(void)setenv("TZ", "Europe/Madrid", 1);
	check_request(NULL, 0, v2);
	cr_expect_eq(n_warnings, 0);
	check_request(token, N_ELEMENTS(token), v1);
	check_request(user, N_ELEMENTS(user), basic);
	cr_expect_eq(n_warnings, 2, "secrets went over http: without a warning");
	check_request(v1_json, 1, packed);
}

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

Test(clientRest_http, a_proxy_gets_its_login, .timeout = 30)
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
Test(clientRest_http, a_proxy_that_gives_no_tunnel_pauses, .timeout = 30)
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

Test(clientRest_http, no_message_has_a_secret, .timeout = 30)
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

/* ---- time ---- */

Test(clientRest_http, no_request_without_time_for_it)
{
	struct rig *r = calloc(1, sizeof *r);
	struct peer *p = calloc(1, sizeof *p);
	int64_t began;

	peer_start(p, &(struct reply){ NULL, false }, 1);
	rig_open(r, "http", p->port, &(struct setting){ "timeout", "0.3" }, 1);
	rig_fill(r, 3, END_MS);
	r->batch.deadline_us = clock_mono_us() + 200000;
	rig_deliver(r);
	cr_expect_eq(p->n_requests, 0);
	cr_expect_eq(r->verdicts[0].why.text[0], '\0');
	began = clock_mono_us();
	r->batch.deadline_us = began + 1000000;
	rig_deliver(r);
	cr_expect_lt(clock_mono_us(), r->batch.deadline_us);
	rig_close(r);
	peer_stop(p);
	cr_expect_eq(p->n_requests, 1);
	free(p);
	free(r);
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

Test(clientRest_http, an_independent_server, .timeout = 120)
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

Test(clientRest_http, one_bad_record_costs_no_good_ones, .timeout = 60)
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

Test(clientRest_http, ca_stands_in_place_of_the_system_s)
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

Test(clientRest_http, tls, .timeout = 60)
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
