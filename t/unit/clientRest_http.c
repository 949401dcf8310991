/* SPDX-License-Identifier: Apache-2.0 */
/* clientRest on the wire: against a peer that answers byte for byte as a row says. */
#include "rest_rig.h"

#include <time.h>

/* ---- what a status means ---- */

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
