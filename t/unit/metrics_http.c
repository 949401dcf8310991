/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics over HTTP, on a real socket: the server in a loop on the test's thread, clients that
 * block on another.  What a client does wrong costs it its connection, and nobody else anything.
 */
#include "daemon/metrics_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define DEADLINE_MS 300

struct world {
	struct address where;
	struct metrics_http *http;
	uv_async_t over;
	void (*client)(struct world *w);
	unsigned made; /* texts; of the loop's thread, read when it is over */
	bool no_room, not_ready;
};

static void on_text(void *arg, enum metrics_format format, struct buf *out)
{
	struct world *w = arg;
	char text[64];

	w->made++;
	if (w->no_room)
		out->failed = true;
	(void)snprintf(text, sizeof text, "format %d\n", (int)format);
	(void)buf_append(out, text, strlen(text));
}

static void on_ready(void *arg, struct buf *out)
{
	struct world *w = arg;

	if (w->not_ready)
		(void)buf_append(out, "the journal is not open\n", 24);
}

static void on_over(uv_async_t *async)
{
	struct world *w = async->data;

	metrics_http_stop(w->http);
	uv_close((uv_handle_t *)async, NULL);
}

static void *client_main(void *arg)
{
	struct world *w = arg;

	w->client(w);
	(void)uv_async_send(&w->over);
	return NULL;
}

/* A port that was free a moment ago. */
static void free_port(struct address *a)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof in;
	char text[40];

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&in, sizeof in) == 0 &&
		  getsockname(fd, (struct sockaddr *)&in, &len) == 0);
	(void)snprintf(text, sizeof text, "127.0.0.1:%u", ntohs(in.sin_port));
	cr_assert_eq(address_parse(text, a), 0);
}

static void serve(struct world *w, void (*client)(struct world *))
{
	const struct metrics_http_conf conf = {
		.text = on_text, .ready = on_ready, .arg = w, .deadline_ms = DEADLINE_MS
	};
	struct tesla_error err = { .text = "" };
	uv_loop_t loop;
	pthread_t thread;

	(void)signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	free_port(&w->where);
	w->client = client;
	cr_assert_eq(uv_loop_init(&loop), 0);
	(void)uv_async_init(&loop, &w->over, on_over);
	w->over.data = w;
	w->http = metrics_http_start(&loop, &w->where, &conf, &err);
	cr_assert_not_null(w->http, "%s", err.text);
	cr_assert_eq(pthread_create(&thread, NULL, client_main, w), 0);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	(void)pthread_join(thread, NULL);
	cr_assert_eq(uv_loop_close(&loop), 0, "a handle is left");
}

/* ---- clients ---- */

static int dial(const struct world *w)
{
	const struct timeval patience = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert(fd >= 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	cr_assert_eq(connect(fd, (const struct sockaddr *)&w->where.where, w->where.len), 0, "%s",
		     strerror(errno));
	return fd;
}

static void tell(int fd, const char *text)
{
	(void)send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* All until the server closes; false: it did not. */
static bool hear(int fd, char *text, size_t size)
{
	size_t n = 0;
	ssize_t r;

	while ((r = recv(fd, text + n, size - 1 - n, 0)) > 0)
		n += (size_t)r;
	text[n] = '\0';
	return r == 0 || errno == ECONNRESET;
}

static void ask(const struct world *w, const char *request, char *answer, size_t size)
{
	_cleanup_close_ int fd = dial(w);

	tell(fd, request);
	cr_expect(hear(fd, answer, size), "not closed: %.60s", request);
}

#define END "Host: x\r\nConnection: close\r\n\r\n"

static const struct {
	const char *request, *status, *has; /* has: somewhere in the answer */
} rows[] = {
	{ "GET /metrics HTTP/1.1\r\n" END, "200", "\r\n\r\nformat 0\n" },
	{ "GET /metrics HTTP/1.1\r\n" END, "200", "text/plain; version=0.0.4; charset=utf-8\r\n" },
	{ "GET /metrics?a=b HTTP/1.1\r\nAccept: text/plain\r\n" END, "200", "format 0\n" },
	{ "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0\r\n" END,
	  "200", "application/openmetrics-text; version=1.0.0; charset=utf-8\r\n" },
	{ "GET /metrics HTTP/1.0\r\n\r\n", "200", "format 0\n" },
	{ "HEAD /metrics HTTP/1.1\r\n" END, "200", "Content-Length: 9\r\n" },
	{ "GET /healthz HTTP/1.1\r\n" END, "200", "\r\n\r\nok\n" },
	{ "GET /readyz HTTP/1.1\r\n" END, "200", "\r\n\r\nready\n" },
	{ "GET / HTTP/1.1\r\n" END, "404", "expected /metrics, /healthz or /readyz" },
	{ "GET /metrics/ HTTP/1.1\r\n" END, "404", "expected" },
	{ "GET /../../etc/passwd HTTP/1.1\r\n" END, "404", "expected" },
	{ "DELETE /metrics HTTP/1.1\r\n" END, "405", "Allow: GET, HEAD\r\n" },
	{ "POST /metrics HTTP/1.1\r\nContent-Length: 5\r\n" END "hello", "405",
	  "Allow: GET, HEAD" },
	{ "POST /metrics HTTP/1.1\r\nContent-Length: 1000000000\r\n" END "hello", "405", "Allow" },
	{ "POST /readyz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" END "zz\r\n", "405", "Allow" },
	{ "GET /metrics HTTP/1.1\r\nContent-Length: 5\r\n" END "hello", "200", "format 0\n" },
	{ "GET /metrics HTTP/1.1\r\n\r\n", "400", "" }, /* without Host */
};

static void ask_all(struct world *w)
{
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		char answer[4096];

		ask(w, rows[i].request, answer, sizeof answer);
		cr_expect(strncmp(answer, "HTTP/1.", 7) == 0 &&
				  strncmp(answer + 9, rows[i].status, 3) == 0 &&
				  strstr(answer, rows[i].has) != NULL,
			  "%s: %s", rows[i].request, answer);
	}
}

Test(metrics_http, answers)
{
	struct world w = { .made = 0 };

	serve(&w, ask_all);
	cr_expect(w.made >= 2, "one of each format");
	cr_expect(w.made <= 8, "made %u times: a young text was to be given again", w.made);
}

static void ask_both(struct world *w)
{
	char answer[4096];

	ask(w, "GET /readyz HTTP/1.1\r\n" END, answer, sizeof answer);
	cr_expect(strncmp(answer + 9, "503", 3) == 0 && strstr(answer, "\r\n\r\nthe journal is"),
		  "%s", answer);
	ask(w, "GET /healthz HTTP/1.1\r\n" END, answer, sizeof answer);
	cr_expect(strncmp(answer + 9, "200", 3) == 0, "%s", answer);
	ask(w, "GET /metrics HTTP/1.1\r\n" END, answer, sizeof answer);
	cr_expect(strncmp(answer + 9, "500", 3) == 0, "%s", answer);
}

Test(metrics_http, what_goes_wrong_is_said)
{
	struct world w = { .no_room = true, .not_ready = true };

	serve(&w, ask_both);
}

/* Two requests at once on a connection that stays, and a third one later. */
static void keep_alive(struct world *w)
{
	_cleanup_close_ int fd = dial(w);
	char answer[4096];
	const char *second;

	tell(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
		 "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
	tell(fd, "GET /metrics HTTP/1.1\r\n" END);
	cr_expect(hear(fd, answer, sizeof answer));
	second = strstr(answer, "ok\n");
	second = second ? strstr(second, "ready\n") : NULL;
	cr_expect(second != NULL && strstr(second, "format 0\n") != NULL, "%s", answer);
}

Test(metrics_http, a_connection_takes_many_requests)
{
	struct world w = { .made = 0 };

	serve(&w, keep_alive);
}

/* ---- those who mean no good ---- */

static void huge_header(struct world *w)
{
	static char request[3 * METRICS_HTTP_REQUEST_MAX];
	char answer[4096];

	(void)snprintf(request, sizeof request, "GET /metrics HTTP/1.1\r\nX: ");
	memset(request + strlen(request), 'x', sizeof request - 100);
	ask(w, request, answer, sizeof answer);
	cr_expect(*answer == '\0' || answer[9] == '4', "%s", answer);
	memset(request, 'x', sizeof request - 1); /* no request at all */
	ask(w, request, answer, sizeof answer);
	ask(w, "\r\n\r\n\r\n\x16\x03\x01\x02\r\n\r\n", answer, sizeof answer);
	ask(w, "GET /metrics HTTP/1.1\r\n" END, answer, sizeof answer);
	cr_expect(strncmp(answer + 9, "200", 3) == 0, "%s", answer);
}

Test(metrics_http, huge_requests_and_junk)
{
	struct world w = { .made = 0 };

	serve(&w, huge_header);
}

/* A byte now and then would keep it open for ever, if only idle time counted. */
static void trickle(struct world *w)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: ";
	_cleanup_close_ int fd = dial(w);
	int64_t began_us = clock_mono_us();
	const struct timeval soon = { .tv_usec = 20000 };
	char c;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
	for (size_t i = 0;; i++) {
		ssize_t n = send(fd, i < strlen(request) ? &request[i] : "x", 1, MSG_NOSIGNAL);

		if (n < 0 || recv(fd, &c, 1, 0) == 0 || errno == ECONNRESET)
			break;
		cr_assert(clock_mono_us() - began_us < 20000000, "still open after 20 s");
	}
	cr_expect(clock_mono_us() - began_us >= (DEADLINE_MS - 20) * 1000, "cut too soon");
}

Test(metrics_http, who_trickles_is_cut)
{
	struct world w = { .made = 0 };

	serve(&w, trickle);
}

/* More than are served: the last ones are answered once the first ones are cut. */
static void idle_crowd(struct world *w)
{
	enum { CROWD = METRICS_HTTP_CONNECTIONS + 20 };
	int fds[CROWD];
	char answer[4096], c;
	bool cut = true;

	for (int i = 0; i < CROWD; i++)
		fds[i] = dial(w);
	ask(w, "GET /metrics HTTP/1.1\r\n" END, answer, sizeof answer);
	cr_expect(strncmp(answer + 9, "200", 3) == 0, "%s", answer);
	for (int i = 0; i < CROWD; i++) {
		errno = 0;
		cut = cut && recv(fds[i], &c, 1, 0) <= 0 && errno != EAGAIN;
		(void)close(fds[i]);
	}
	cr_expect(cut, "some are left open");
}

Test(metrics_http, a_crowd_of_idle_connections)
{
	struct world w = { .made = 0 };

	serve(&w, idle_crowd);
}

/* Ends while connections are open and a request is half said. */
static void leave_open(struct world *w)
{
	tell(dial(w), "GET /metrics HTTP/1.1\r\nHo");
	(void)dial(w);
}

Test(metrics_http, ends_with_open_connections)
{
	struct world w = { .made = 0 };

	serve(&w, leave_open);
}

Test(metrics_http, an_address_that_is_taken)
{
	const struct metrics_http_conf conf = { .deadline_ms = DEADLINE_MS };
	struct address a;
	struct tesla_error err;
	uv_loop_t loop;
	int fd;

	free_port(&a);
	fd = address_listen(&a, 1);
	cr_assert(fd >= 0);
	cr_assert_eq(uv_loop_init(&loop), 0);
	cr_expect_null(metrics_http_start(&loop, &a, &conf, &err));
	cr_expect_str_eq(err.text, "Address already in use");
	cr_expect_eq(uv_loop_close(&loop), 0);
	(void)close(fd);
}

/* ---- addresses ---- */

static const struct {
	const char *text;
	bool good, loopback;
} addresses[] = {
	{ "127.0.0.1:9466", true, true },
	{ "127.9.8.7:1", true, true },
	{ "localhost:65535", true, true },
	{ "[::1]:9466", true, true },
	{ "0.0.0.0:9466", true, false },
	{ "192.168.1.7:9466", true, false },
	{ "[::]:9466", true, false },
	{ "[::ffff:127.0.0.1]:9466", true, false },
	{ "[2001:db8::1]:9466", true, false },
	{ "", false, false },
	{ "9466", false, false },
	{ ":9466", false, false },
	{ "127.0.0.1", false, false },
	{ "127.0.0.1:", false, false },
	{ "127.0.0.1:0", false, false },
	{ "127.0.0.1:65536", false, false },
	{ "127.0.0.1:-1", false, false },
	{ "127.0.0.1:80x", false, false },
	{ "127.1:80", false, false },
	{ "::1:9466", false, false },
	{ "[::1]", false, false },
	{ "[::1:9466", false, false },
	{ "[]:9466", false, false },
	{ "]:9466", false, false },
	{ "node.example:9466", false, false },
};

Test(metrics_http, addresses)
{
	for (size_t i = 0; i < N_ELEMENTS(addresses); i++) {
		struct address a;
		int r = address_parse(addresses[i].text, &a);

		cr_expect_eq(r, addresses[i].good ? 0 : -EINVAL, "%s", addresses[i].text);
		if (r == 0)
			cr_expect_eq(a.loopback, addresses[i].loopback, "%s", addresses[i].text);
	}
}
