/* SPDX-License-Identifier: Apache-2.0 */
/* One life of one host process. */
#include "daemon/host.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/spill.h"

#define TICK_MS 500
#define START_TICKS 20 /* until the first sign of life: 10 s for exec, linking, plugins */
#define PONG_TICKS 3   /* pings without an answer: 1.5 s */
#define STOP_TICKS 4   /* from stop to kill: 2 s */
#define EOF_TICKS 2    /* a dead host's bytes are read to their end, but not for ever */
#define N_HANDLES 4    /* process, pipe, timer, spill: to be closed before the end */

struct host {
	const struct host_calls *calls;
	void *arg;
	uv_process_t process;
	uv_pipe_t pipe;
	uv_timer_t timer;
	uv_write_t write;
	struct buf out, sending; /* waiting, and with libuv */
	bool writing, alive, exited, eof, stopping, closing;
	unsigned unanswered, stop_ticks, exit_ticks, open_handles;
	int64_t pings, started_us, ended_us;
	char *reason;
	bool overdue; /* killed because of a call that does not end */
	int64_t exit_status;
	int exit_signal;
	struct blame_page *page;
	struct frame_reader in;
	struct spill spill;
	bool confined; /* it has told; */
	char *lacks;   /* what could not be, or NULL */
};

/* ---- the end ---- */

static void host_free(struct host *h)
{
	blame_destroy(h->page);
	frame_reader_release(&h->in);
	buf_release(&h->out);
	buf_release(&h->sending);
	free(h->reason);
	free(h->lacks);
	free(h);
}

__attribute__((format(printf, 2, 3))) static void reason_set(struct host *h, const char *fmt, ...)
{
	va_list ap;

	if (h->reason != NULL)
		return;
	va_start(ap, fmt);
	if (vasprintf(&h->reason, fmt, ap) < 0)
		h->reason = NULL;
	va_end(ap);
}

static void blame_describe(struct host *h, const struct blame *b)
{
	char *text, where[64] = "";

	if (b->analyzer != 0)
		(void)snprintf(where, sizeof where, ", analyzer %lld", (long long)b->analyzer);
	else if (b->line != 0)
		(void)snprintf(where, sizeof where, ", line %lld", (long long)b->line);
	if (asprintf(&text, "%s, in %s of %s%s", h->reason ? h->reason : "ended", b->call,
		     b->plugin, where) < 0)
		return;
	free(h->reason);
	h->reason = text;
}

/*
 * A crash and a call that hangs are the plugin's; so is a host that ended by itself while one
 * plugin was at work (exit() in a plugin).  A kill from outside is nobody's, but the text says
 * what was under way.
 */
static void end_judge(struct host *h, struct host_end *end)
{
	bool found = blame_find(h->page, h->overdue, h->ended_us, &end->blame);

	if (h->exit_signal != 0)
		reason_set(h, "signal %d (%s)", h->exit_signal, strsignal(h->exit_signal));
	else
		reason_set(h, "exit code %lld", (long long)h->exit_status);
	end->blamed = found && (end->blame.signal != 0 || h->overdue ||
				(h->exit_signal == 0 && h->exit_status != BLAME_EXIT_LOST));
	if (found && !h->stopping)
		blame_describe(h, &end->blame);
	end->asked = h->stopping;
	end->up_us = h->ended_us - h->started_us;
	end->reason = h->reason ? h->reason : "ended";
}

static void on_closed(uv_handle_t *handle)
{
	struct host *h = handle->data;
	struct host_end end = { .reason = NULL };

	if (--h->open_handles > 0)
		return;
	end_judge(h, &end);
	h->calls->ended(h->arg, &end);
	host_free(h);
}

static void host_close(struct host *h)
{
	if (h->closing)
		return;
	h->closing = true;
	uv_close((uv_handle_t *)&h->process, on_closed);
	uv_close((uv_handle_t *)&h->pipe, on_closed);
	uv_close((uv_handle_t *)&h->timer, on_closed);
	spill_close(&h->spill, on_closed);
}

static void on_exit_cb(uv_process_t *process, int64_t status, int sig)
{
	struct host *h = process->data;

	h->exited = true;
	h->exit_status = status;
	h->exit_signal = sig;
	h->ended_us = clock_mono_us();
	if (h->eof)
		host_close(h);
}

void host_kill(struct host *h, const char *fmt, ...)
{
	va_list ap;

	if (h->reason == NULL) {
		va_start(ap, fmt);
		if (vasprintf(&h->reason, fmt, ap) < 0)
			h->reason = NULL;
		va_end(ap);
	}
	if (!h->exited)
		(void)uv_process_kill(&h->process, SIGKILL);
}

/* ---- what it says ---- */

static int on_pong(struct host *h, const msgpack_object *msg)
{
	_cleanup_free_ char *overdue = mp_strdup(msg, "overdue");
	int64_t i = mp_int(msg, "i", -1);

	if (i > 0 && i <= h->pings && h->pings - i < h->unanswered)
		h->unanswered = (unsigned)(h->pings - i);
	if (overdue != NULL) {
		h->overdue = true;
		host_kill(h, "a call takes more than twice its time: %s", overdue);
	}
	return 0;
}

static int on_message(struct host *h, const msgpack_object *msg, struct tesla_error *err)
{
	if (!h->alive) {
		h->alive = true;
		h->unanswered = 0;
	}
	if (mp_is(msg, "m", "pong"))
		return on_pong(h, msg);
	if (mp_is(msg, "m", "confined")) {
		h->confined = true;
		free(h->lacks);
		h->lacks = mp_strdup(msg, "lacks");
		return 0;
	}
	return h->calls->message(h->arg, msg, err);
}

static void take_frames(struct host *h)
{
	struct tesla_error err = { .code = 0 };
	struct mp_doc doc;
	int r;

	while ((r = frame_reader_next(&h->in, &doc, &err)) == 1) {
		r = on_message(h, &doc.u.data, &err);
		mp_doc_release(&doc);
		if (r < 0)
			break;
	}
	if (r >= 0)
		return;
	(void)uv_read_stop((uv_stream_t *)&h->pipe);
	h->eof = true;
	host_kill(h, "it broke the form of messages: %s", err.text);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct host *h = handle->data;
	size_t room = 0;
	uint8_t *p = frame_reader_room(&h->in, &room);

	(void)suggested;
	*buf = uv_buf_init((char *)p, p ? (unsigned)room : 0);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct host *h = stream->data;

	(void)buf;
	if (n > 0) {
		frame_reader_add(&h->in, (size_t)n);
		take_frames(h);
	} else if (n < 0) {
		(void)uv_read_stop(stream);
		h->eof = true;
	}
	if (h->eof && h->exited)
		host_close(h);
}

/* ---- what it is told ---- */

static void write_next(struct host *h);

static void on_written(uv_write_t *req, int status)
{
	struct host *h = req->data;

	h->writing = false;
	buf_clear(&h->sending);
	if (status == 0 && !h->closing)
		write_next(h);
}

static void write_next(struct host *h)
{
	struct buf swap = h->sending;
	uv_buf_t b;

	if (h->writing || h->out.pub.len == 0)
		return;
	h->sending = h->out;
	h->out = swap;
	b = uv_buf_init((char *)h->sending.pub.bytes, (unsigned)h->sending.pub.len);
	h->write.data = h;
	h->writing = uv_write(&h->write, (uv_stream_t *)&h->pipe, &b, 1, on_written) == 0;
	if (!h->writing) /* it is going: the exit says why */
		buf_clear(&h->sending);
}

int host_send(struct host *h, const struct buf *frames, size_t max)
{
	if (h->closing || h->exited)
		return -EPIPE;
	if (h->out.pub.len + (h->writing ? h->sending.pub.len : 0) + frames->pub.len > max ||
	    buf_append(&h->out, frames->pub.bytes, frames->pub.len) != 0)
		return -ENOBUFS;
	write_next(h);
	return 0;
}

static void send_word(struct host *h, const char *m, int64_t i)
{
	struct buf b;
	struct frame f;

	buf_init(&b, 256);
	frame_begin(&f, &b);
	(void)msgpack_pack_map(&f.pk, i ? 2 : 1);
	mp_key_str(&f.pk, "m", m);
	if (i != 0)
		mp_key_int(&f.pk, "i", i);
	if (frame_end(&f) == 0)
		(void)host_send(h, &b, HOST_QUEUE_MAX);
	buf_release(&b);
}

void host_stop(struct host *h)
{
	if (h->stopping)
		return;
	h->stopping = true;
	send_word(h, "stop", 0);
}

/* Pings are counted, not seconds: after a pause of the core itself nobody is killed for it. */
static void on_tick(uv_timer_t *timer)
{
	struct host *h = timer->data;

	if (h->exited) {
		if (++h->exit_ticks >= EOF_TICKS) /* somebody else holds the socket */
			host_close(h);
		return;
	}
	if (h->stopping && ++h->stop_ticks >= STOP_TICKS)
		host_kill(h, "it did not leave when asked");
	if (h->unanswered >= (h->alive ? PONG_TICKS : START_TICKS))
		host_kill(h, "no sign of life for %g s", h->unanswered * TICK_MS / 1000.0);
	h->unanswered++;
	send_word(h, "ping", ++h->pings);
}

/* ---- the start ---- */

/* uv_spawn does not write to its arguments, but says so nowhere in its types. */
static char *unconst(const char *text)
{
	union {
		const char *in;
		char *out;
	} u = { .in = text };

	return u.out;
}

static int host_spawn(struct host *h, const char *program, const char *mode, int blame_fd,
		      int spill_fd)
{
	char parent[24];
	char *args[] = { unconst(program), unconst(mode), unconst("--parent"), parent, NULL };
	uv_stdio_container_t stdio[5] = {
		{ .flags = UV_IGNORE },
		{ .flags = UV_INHERIT_FD, .data.fd = spill_fd },
		{ .flags = UV_INHERIT_FD, .data.fd = spill_fd },
		{ .flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE,
		  .data.stream = (uv_stream_t *)&h->pipe },
		{ .flags = UV_INHERIT_FD, .data.fd = blame_fd },
	};
	const uv_process_options_t options = { .file = program,
					       .args = args,
					       .exit_cb = on_exit_cb,
					       .stdio = stdio,
					       .stdio_count = N_ELEMENTS(stdio) };

	(void)snprintf(parent, sizeof parent, "%d", (int)getpid());
	return uv_spawn(h->timer.loop, &h->process, &options);
}

static void on_never_started(uv_handle_t *handle)
{
	struct host *h = handle->data;

	if (--h->open_handles == 0)
		host_free(h);
}

static void on_spilled(void *arg, const char *line)
{
	struct host *h = arg;

	h->calls->said(h->arg, line);
}

static struct host *host_new(uv_loop_t *loop, const struct host_calls *calls, void *arg)
{
	struct host *h = calloc(1, sizeof *h);

	if (h == NULL)
		return NULL;
	h->calls = calls;
	h->arg = arg;
	h->open_handles = N_HANDLES;
	h->started_us = h->ended_us = clock_mono_us();
	(void)uv_timer_init(loop, &h->timer);
	(void)uv_pipe_init(loop, &h->pipe, 0);
	h->process.data = h->pipe.data = h->timer.data = h;
	spill_init(&h->spill, loop, on_spilled, h);
	buf_init(&h->out, HOST_QUEUE_MAX);
	buf_init(&h->sending, HOST_QUEUE_MAX);
	frame_reader_init(&h->in);
	return h;
}

struct host *host_start(uv_loop_t *loop, const char *program, const char *mode,
			const struct host_calls *calls, void *arg, struct tesla_error *err)
{
	_cleanup_close_ int blame_fd = -1, spill_fd = -1;
	struct host *h = host_new(loop, calls, arg);
	bool spawned;
	int r;

	if (h == NULL) {
		(void)tesla_fail(err, -ENOMEM, "no memory for a host");
		return NULL;
	}
	h->page = blame_create(&blame_fd);
	r = h->page ? spill_open(&h->spill, &spill_fd) : -errno;
	spawned = r == 0;
	if (r == 0)
		r = host_spawn(h, program, mode, blame_fd, spill_fd);
	if (r == 0) { /* neither can fail on handles that are new and connected */
		(void)uv_read_start((uv_stream_t *)&h->pipe, on_alloc, on_read);
		(void)uv_timer_start(&h->timer, on_tick, TICK_MS, TICK_MS);
		return h;
	}
	(void)tesla_fail(err, r, "%s cannot be started: %s", program, uv_strerror(r));
	if (!spawned) /* uv_spawn was not reached, so there is no process handle */
		h->open_handles--;
	else
		uv_close((uv_handle_t *)&h->process, on_never_started);
	h->closing = true;
	uv_close((uv_handle_t *)&h->pipe, on_never_started);
	uv_close((uv_handle_t *)&h->timer, on_never_started);
	spill_close(&h->spill, on_never_started);
	return NULL;
}

int host_pid(const struct host *h)
{
	return uv_process_get_pid(&h->process);
}

bool host_confined(const struct host *h, const char **lacks)
{
	*lacks = h->lacks;
	return h->confined;
}
