/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of the control socket. */
#include "daemon/commands.h"

#include <signal.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "daemon/access.h"
#include "daemon/definitions.h"
#include "daemon/journal_commands.h"
#include "daemon/metrics.h"
#include "daemon/status.h"

#define CHECK_TEXT_MAX (1u << 20)
#define CHECK_SECONDS 60u

/* ---- check: teslad -t as a child, so that nothing that runs is touched ---- */

struct check_child {
	struct daemon *daemon;
	struct control_peer peer;
	uv_process_t process;
	uv_pipe_t out;
	uv_timer_t timer;
	unsigned open_handles, seconds;
	bool spawned, exited, eof;
	int64_t exit_status;
	struct buf text;
	char chunk[16384];
};

static void check_answer(struct check_child *k)
{
	struct buf reply;
	msgpack_packer pk;

	buf_init(&reply, 2 * CHECK_TEXT_MAX);
	mp_writer(&pk, &reply);
	(void)msgpack_pack_map(&pk, 3);
	mp_key_bool(&pk, "ok", true);
	mp_key_int(&pk, "exit", k->exit_status);
	mp_str(&pk, "text");
	(void)msgpack_pack_str(&pk, k->text.pub.len);
	(void)msgpack_pack_str_body(&pk, k->text.pub.bytes, k->text.pub.len);
	control_reply(k->daemon->control, &k->peer, &reply);
	buf_release(&reply);
}

static void on_check_closed(uv_handle_t *handle)
{
	struct check_child *k = handle->data;

	if (--k->open_handles > 0)
		return;
	k->daemon->n_checks--;
	buf_release(&k->text);
	free(k);
}

static void check_close(struct check_child *k)
{
	if (k->spawned)
		uv_close((uv_handle_t *)&k->process, on_check_closed);
	uv_close((uv_handle_t *)&k->out, on_check_closed);
	uv_close((uv_handle_t *)&k->timer, on_check_closed);
}

static void check_end(struct check_child *k)
{
	if (!k->exited || !k->eof || uv_is_closing((uv_handle_t *)&k->timer))
		return;
	if (!k->daemon->stopping)
		check_answer(k);
	check_close(k);
}

static void on_check_exit(uv_process_t *process, int64_t status, int sig)
{
	struct check_child *k = process->data;

	k->exited = true;
	k->exit_status = sig != 0 ? 128 + sig : status;
	check_end(k);
}

/* Once a second. */
static void on_check_time(uv_timer_t *timer)
{
	struct check_child *k = timer->data;

	k->seconds++;
	if (k->exited)
		k->eof = true; /* whoever still holds the pipe has had its time */
	else if (k->daemon->stopping || k->seconds >= CHECK_SECONDS)
		(void)uv_process_kill(&k->process, SIGKILL);
	check_end(k);
}

static void on_check_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *b)
{
	struct check_child *k = handle->data;

	(void)suggested;
	*b = uv_buf_init(k->chunk, sizeof k->chunk);
}

static void on_check_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct check_child *k = stream->data;

	if (n > 0) /* what is beyond the bound is left out */
		(void)buf_append(&k->text, b->base, (size_t)n);
	if (n >= 0)
		return;
	(void)uv_read_stop(stream);
	k->eof = true;
	check_end(k);
}

static int check_spawn(struct check_child *k)
{
	const struct check_files *files = &k->daemon->files;
	_cleanup_free_ char *config = strdup(files->config), *ini = strdup(files->ini);
	char self[] = "/proc/self/exe", t[] = "-t", c[] = "-c", i[] = "-i", p[] = "--parent",
	     pid[24];
	char *args[] = { self, t, p, pid, c, config, files->ini_must_exist ? i : NULL, ini, NULL };
	uv_stdio_container_t stdio[3] = {
		{ .flags = UV_IGNORE },
		{ .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		  .data.stream = (uv_stream_t *)&k->out },
		{ .flags = UV_INHERIT_FD, .data.fd = 2 },
	};
	const uv_process_options_t options = { .file = self,
					       .args = args,
					       .exit_cb = on_check_exit,
					       .stdio = stdio,
					       .stdio_count = N_ELEMENTS(stdio) };

	(void)snprintf(pid, sizeof pid, "%d", (int)getpid());
	if (config == NULL || ini == NULL)
		return UV_ENOMEM;
	k->spawned = true; /* from here there is a handle, whether it starts or not */
	k->open_handles++;
	return uv_spawn(&k->daemon->loop, &k->process, &options);
}

static bool cmd_check(struct daemon *d, const struct control_peer *peer,
		      const msgpack_object *request, struct buf *reply)
{
	struct check_child *k = d->n_checks < DAEMON_CHECKS_MAX ? calloc(1, sizeof *k) : NULL;
	int r;

	(void)request;
	if (k == NULL) {
		control_error(reply, "%u checks are under way already: try again", d->n_checks);
		return true;
	}
	*k = (struct check_child){ .daemon = d, .peer = *peer, .open_handles = 2 };
	buf_init(&k->text, CHECK_TEXT_MAX);
	(void)uv_pipe_init(&d->loop, &k->out, 0);
	(void)uv_timer_init(&d->loop, &k->timer);
	k->process.data = k->out.data = k->timer.data = k;
	d->n_checks++;
	r = check_spawn(k);
	if (r == 0) {
		(void)uv_read_start((uv_stream_t *)&k->out, on_check_alloc, on_check_read);
		(void)uv_timer_start(&k->timer, on_check_time, 1000, 1000);
		return false;
	}
	control_error(reply, "the check cannot be started: %s", uv_strerror(r));
	check_close(k);
	return true;
}

/* ---- reload ---- */

static bool cmd_reload(struct daemon *d, const struct control_peer *peer,
		       const msgpack_object *request, struct buf *reply)
{
	if (reload_ask(d->reload, peer, mp_bool(request, "plugins", false)))
		return false;
	control_error(reply, "too many wait for a reload already: try again");
	return true;
}

/* ---- shutdown ---- */

static bool cmd_shutdown(struct daemon *d, const struct control_peer *peer,
			 const msgpack_object *request, struct buf *reply)
{
	msgpack_packer pk;

	(void)peer, (void)request;
	mp_writer(&pk, reply);
	(void)msgpack_pack_map(&pk, 1);
	mp_key_bool(&pk, "ok", true);
	daemon_stop(d);
	return true;
}

/* ---- log-level ---- */

/* Until the next reload.  Hosts of exporters keep theirs until they start again. */
static bool cmd_log_level(struct daemon *d, const struct control_peer *peer,
			  const msgpack_object *request, struct buf *reply)
{
	const msgpack_object *o = mp_get(request, "level");
	_cleanup_free_ char *level = mp_strdup(request, "level");
	msgpack_packer pk;
	int to;

	(void)peer;
	if (o != NULL && o->type != MSGPACK_OBJECT_NIL) {
		if (level == NULL || log_level_parse(level, &to) != 0) {
			control_error(reply, "level: expected debug, info, warning or error");
			return true;
		}
		d->log.level = to;
		fleet_set_level(&d->fleet, to);
	}
	mp_writer(&pk, reply);
	(void)msgpack_pack_map(&pk, 2);
	mp_key_bool(&pk, "ok", true);
	mp_key_str(&pk, "level", log_level_name(d->log.level));
	return true;
}

/* ---- all of them ---- */

/* Whether read-only access has it is said in access.c: it has not, unless it stands there. */
static const struct command {
	const char *name;
	void (*pack)(const struct daemon *, msgpack_packer *); /* tells something, or: */
	bool (*run)(struct daemon *, const struct control_peer *, const msgpack_object *,
		    struct buf *); /* as control_request */
} commands[] = {
	{ "status", status_pack, NULL },
	{ "snapshot", NULL, cmd_snapshot },
	{ "plan", plan_pack, NULL },
	{ "plugins", plugins_pack, NULL },
	{ "reload", NULL, cmd_reload },
	{ "start", NULL, meter_start },
	{ "pause", NULL, meter_pause },
	{ "resume", NULL, meter_resume },
	{ "read-now", NULL, meter_read_now },
	{ "identify", NULL, meter_identify },
	{ "look", NULL, meter_look },
	{ "trace", NULL, traces_command },
	{ "set-variables", NULL, meter_set_variables },
	{ "metrics", NULL, metrics_command },
	{ "definitions", NULL, cmd_definitions },
	{ "device-status", NULL, cmd_device_status },
	{ "config", NULL, cmd_config },
	{ "log-level", NULL, cmd_log_level },
	{ "check", NULL, cmd_check },
	{ "journal", NULL, journal_command },
	{ "shutdown", NULL, cmd_shutdown },
};

static void unknown(const msgpack_object *request, struct buf *reply)
{
	_cleanup_free_ char *cmd = mp_strdup(request, "cmd"), *list = NULL;
	size_t size;
	FILE *out = open_memstream(&list, &size);

	for (size_t i = 0; out != NULL && i < N_ELEMENTS(commands); i++)
		(void)fprintf(out, "%s%s",
			      i == 0			      ? ""
			      : i + 1 == N_ELEMENTS(commands) ? " or "
							      : ", ",
			      commands[i].name);
	if (out != NULL)
		(void)fclose(out);
	if (cmd != NULL)
		control_error(reply, "unknown command %.40s: expected %s", cmd,
			      list ? list : "another");
	else
		control_error(reply, "expected a map with cmd, the name of a command");
}

/* Of what changes something the log says whose doing it was; a scan looks a thousand times. */
static bool allowed(const struct daemon *d, const struct command *command,
		    const msgpack_object *request, const struct control_peer *peer,
		    struct buf *reply)
{
	_cleanup_free_ char *op = mp_strdup(request, "op");

	if (access_reads(request))
		return true;
	if (!peer->readonly) {
		log_msg(&d->log, command->run == meter_look ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
			"control: %s%s%.20s by %s", command->name, op ? " " : "", op ? op : "",
			peer->who);
		return true;
	}
	control_refused(d->control, peer, "%s, which read-only access has not", command->name);
	control_error(reply, "%s is refused: this access is read-only", command->name);
	return false;
}

bool commands_answer(void *arg, const msgpack_object *request, const struct control_peer *peer,
		     struct buf *reply)
{
	struct daemon *d = arg;
	const struct command *c = commands;
	msgpack_packer pk;

	while (c < commands + N_ELEMENTS(commands) && !mp_is(request, "cmd", c->name))
		c++;
	if (c == commands + N_ELEMENTS(commands)) {
		unknown(request, reply);
		return true;
	}
	if (!allowed(d, c, request, peer, reply))
		return true;
	if (c->run != NULL)
		return c->run(d, peer, request, reply);
	mp_writer(&pk, reply);
	c->pack(d, &pk);
	return true;
}
