/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tesla-host: runs plugins for teslad, which loads none.  Started by teslad only, but for
 * --describe. This thread talks to the core and never calls a plugin once the lines run.
 */
#include <argp.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/stdio_fill.h"
#include "host/confine.h"
#include "host/describe.h"
#include "host/exporter.h"
#include "host/run.h"

#define CORE_FD 3
#define BLAME_FD 4
#define SEND_TIMEOUT_S 5 /* a core that reads nothing for so long is lost */

const char *argp_program_version = "tesla-host (" PACKAGE_NAME ") " PACKAGE_VERSION;

enum role { ROLE_NONE, ROLE_DRIVER, ROLE_EXPORTER, ROLE_DESCRIBE };
struct options {
	enum role role;
	const char *describe;
	long parent;
};

static const struct argp_option options[] = {
	{ "driver", 'd', NULL, 0, "serve lines (started by teslad)", 0 },
	{ "exporter", 'e', NULL, 0, "serve an exporter (started by teslad)", 0 },
	{ "parent", 'p', "PID", 0, "the process to die with", 0 },
	{ "describe", 'D', "PLUGIN", 0, "say what a plugin is, as one message on standard output",
	  0 },
	{ 0 }
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'd':
		o->role = ROLE_DRIVER;
		return 0;
	case 'e':
		o->role = ROLE_EXPORTER;
		return 0;
	case 'D':
		o->role = ROLE_DESCRIBE;
		o->describe = arg;
		return 0;
	case 'p':
		o->parent = strtol(arg, NULL, 10);
		return 0;
	case ARGP_KEY_END:
		if (o->role == ROLE_NONE)
			argp_error(state, "one of --driver, --exporter and --describe is needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void pong(struct host *h, int64_t i)
{
	struct blame b;
	struct frame f;
	char text[160];
	bool overdue = blame_find(h->page, true, clock_mono_us(), &b) && b.signal == 0;
	msgpack_packer *pk = report_begin(&h->report, &f, "pong", overdue ? 3 : 2);

	mp_key_int(pk, "i", i);
	if (overdue) {
		(void)snprintf(text, sizeof text,
			       "%s does not return from %s (line %lld, analyzer %lld)", b.plugin,
			       b.call, (long long)b.line, (long long)b.analyzer);
		mp_key_str(pk, "overdue", text);
	}
	report_end(&h->report, &f);
}

static int go(struct host *h, bool dry, struct tesla_error *err)
{
	struct frame f;
	int r;

	if (h->running)
		return tesla_fail(err, -EPROTO, "the core sent go twice");
	if (dry)
		return run_dry(h, err);
	r = live_go(h, err);
	(void)malloc_trim(0); /* what the messages and models took for a moment */
	if (r == 0) {
		(void)report_begin(&h->report, &f, "ready", 1);
		report_end(&h->report, &f);
	}
	return r;
}

/* 1: leave. */
static int take_message(struct host *h, const msgpack_object *m, struct tesla_error *err)
{
	if (mp_is(m, "m", "ping")) {
		pong(h, mp_int(m, "i", 0));
		return 0;
	}
	if (mp_is(m, "m", "stop"))
		return 1;
	if (mp_is(m, "m", "go"))
		return go(h, mp_bool(m, "dry", false), err);
	return setup_message(h, m, err);
}

/* Waits for the core, and sees to lines that have ended meanwhile. */
static int core_wait(struct host *h, struct tesla_error *err)
{
	struct pollfd p[] = { { .fd = CORE_FD, .events = POLLIN },
			      { .fd = queue_fd(&h->ended), .events = POLLIN } };
	int r = 0;

	while (r == 0 && p[0].revents == 0) {
		if (poll(p, N_ELEMENTS(p), -1) < 0 && errno != EINTR)
			return tesla_fail(err, -errno, "waiting for the core: %s", strerror(errno));
		if (p[1].revents != 0)
			r = live_ended(h, err);
	}
	return r;
}

/* Until the core says stop, or is gone.  Negative: it sent what makes no sense. */
static int serve(struct host *h, struct frame_reader *in, struct tesla_error *err)
{
	for (;;) {
		struct mp_doc doc;
		int r = frame_reader_next(in, &doc, err);

		if (r > 0) {
			r = take_message(h, &doc.u.data, err);
			mp_doc_release(&doc);
			if (r != 0)
				return r;
			continue;
		}
		if (r == 0)
			r = core_wait(h, err);
		if (r < 0)
			return r;
		size_t room;
		uint8_t *at = frame_reader_room(in, &room);

		if (at == NULL)
			return tesla_fail(err, -ENOMEM, "no memory for a message");
		ssize_t n = read(CORE_FD, at, room);

		if (n == 0)
			return 1;
		if (n < 0 && errno != EINTR)
			return tesla_fail(err, -errno, "reading from the core: %s",
					  strerror(errno));
		frame_reader_add(in, n > 0 ? (size_t)n : 0);
	}
}

static int driver_main(struct blame_page *page)
{
	struct host h = { .page = page };
	struct frame_reader in;
	struct tesla_error err;
	int r;

	frame_reader_init(&in);
	report_init(&h.report, CORE_FD, LOG_LEVEL_INFO);
	h.slot = blame_claim(page);
	r = h.slot == NULL ? tesla_fail(&err, -EPROTO, "the shared page is full")
			   : host_init(&h, &err);
	if (r == 0)
		r = serve(&h, &in, &err);
	if (r < 0)
		log_msg(&h.report.log, LOG_LEVEL_ERROR, "%s", err.text);
	frame_reader_release(&in);
	/* Threads of lines may be inside a driver: they end with the process, not before. */
	_exit(r < 0 ? BLAME_EXIT_LOST : 0);
}

/* A host leaves nothing behind: it dies with the core, also when that died before this line. */
static bool parent_alive(long parent)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == (pid_t)parent;
}

static int hosted_main(const struct options *o)
{
	const struct timeval timeout = { .tv_sec = SEND_TIMEOUT_S };
	struct blame_page *page = blame_attach(BLAME_FD);

	if (page == NULL ||
	    setsockopt(CORE_FD, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) != 0) {
		(void)fprintf(stderr,
			      "tesla-host: started without teslad's descriptors 3 and 4: %s\n",
			      strerror(errno));
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);	/* Ctrl+C in a terminal is the core's to act on, */
	(void)signal(SIGTERM, SIG_IGN); /* and so is the end of a unit or of the system */
	(void)setenv("UV_THREADPOOL_SIZE", "16",
		     0);		 /* a name server that hangs delays 16 names, not 4 */
	(void)unsetenv("NOTIFY_SOCKET"); /* the core's own */
	(void)setenv("RES_OPTIONS", "timeout:2 attempts:2", 0);
	(void)mallopt(M_ARENA_MAX, 2); /* a thread per line must not mean an arena per line */
	return o->role == ROLE_DRIVER ? driver_main(page) : exporter_run(CORE_FD, page);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse_option,
		NULL,	 "Runs plugins for teslad.  Not for use by hand, but for --describe.",
		NULL,	 NULL,
		NULL
	};
	struct options o = { 0 };

	stdio_fill();
	if (argp_parse(&argp, argc, argv, 0, NULL, &o) != 0)
		return 2;
	if (o.parent != 0 && !parent_alive(o.parent))
		return 0;
	/* Whoever started us may have left files open: they are no business of a plugin's. */
	closefrom(o.role == ROLE_DESCRIBE ? STDERR_FILENO + 1 : BLAME_FD + 1);
	if (o.role == ROLE_DESCRIBE) {
		confine_describe(o.describe);
		_exit(describe_main(o.describe, STDOUT_FILENO));
	}
	return hosted_main(&o);
}
