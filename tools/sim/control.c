/* SPDX-License-Identifier: Apache-2.0 */
/* Commands while it runs. */
#include "sim/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "sim/text.h"

#define COMMAND_MAX 65536 /* bytes of a line */

struct session { /* one who gives commands */
	union {
		uv_stream_t stream;
		uv_pipe_t pipe;
		uv_tty_t tty;
	} in;
	struct control *control;
	struct session *next, **prev;
	bool to_stdout;
	size_t len;
	char text[COMMAND_MAX];
};

struct control {
	uv_pipe_t listener; /* of a socket */
	struct sim *sim;
	void (*quit)(void *);
	void *arg;
	struct session *sessions;
};

/* ---- commands ---- */

static int do_fault_add(struct control *c, const char *args, yajl_gen g, struct tesla_error *err)
{
	(void)g;
	return faults_add(&c->sim->faults, args, err);
}

static int do_fault_clear(struct control *c, const char *args, yajl_gen g, struct tesla_error *err)
{
	(void)args;
	(void)g;
	(void)err;
	faults_clear(&c->sim->faults);
	return 0;
}

static int do_stats(struct control *c, const char *args, yajl_gen g, struct tesla_error *err)
{
	(void)args;
	(void)err;
	sim_stats(c->sim, g);
	return 0;
}

static int do_reset(struct control *c, const char *args, yajl_gen g, struct tesla_error *err)
{
	(void)args;
	(void)g;
	(void)err;
	sim_reset(c->sim);
	return 0;
}

static int do_quit(struct control *c, const char *args, yajl_gen g, struct tesla_error *err)
{
	(void)args;
	(void)g;
	(void)err;
	c->quit(c->arg);
	return 0;
}

static const struct command { /* either a function or a setting of meters */
	const char *name;
	int (*fn)(struct control *, const char *args, yajl_gen, struct tesla_error *);
	fleet_setter *set;
} commands[] = {
	{ "fault add", do_fault_add, NULL },
	{ "fault clear", do_fault_clear, NULL },
	{ "fix", NULL, fleet_fix },
	{ "raw", NULL, fleet_raw },
	{ "scale", NULL, fleet_scale },
	{ "identity", NULL, fleet_identity },
	{ "identity-by", NULL, fleet_identity_by },
	{ "stats", do_stats, NULL },
	{ "reset", do_reset, NULL },
	{ "quit", do_quit, NULL },
};

static int command_run(struct control *c, const char *line, yajl_gen g, struct tesla_error *err)
{
	for (size_t i = 0; i < N_ELEMENTS(commands); i++) {
		const struct command *cmd = &commands[i];
		size_t len = strlen(cmd->name);
		const char *args = line + len;

		if (strncmp(line, cmd->name, len) != 0 || (*args != '\0' && *args != ' '))
			continue;
		args += strspn(args, " ");
		return cmd->set ? sim_set(c->sim, cmd->set, args, err) : cmd->fn(c, args, g, err);
	}
	return tesla_fail(
		err, -EINVAL,
		"\"%s\": expected fault add, fault clear, fix, raw, scale, identity, identity-by, "
		"stats, reset or quit",
		line);
}

/* ---- sessions ---- */

static void session_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void session_close(struct session *s)
{
	if (uv_is_closing((uv_handle_t *)&s->in.stream))
		return;
	*s->prev = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	uv_close((uv_handle_t *)&s->in.stream, session_closed);
}

struct answer {
	uv_write_t req;
	char bytes[];
};

static void answer_sent(uv_write_t *req, int status)
{
	(void)status;
	free(req->data);
}

static void session_write(struct session *s, const unsigned char *text, size_t len)
{
	struct answer *a;
	uv_buf_t buf;

	if (s->to_stdout) {
		(void)fwrite(text, 1, len, stdout);
		(void)fputc('\n', stdout);
		(void)fflush(stdout);
		return;
	}
	a = malloc(sizeof *a + len + 1);
	if (a == NULL)
		return;
	memcpy(a->bytes, text, len);
	a->bytes[len] = '\n';
	a->req.data = a;
	buf = uv_buf_init(a->bytes, (unsigned)len + 1);
	if (uv_write(&a->req, &s->in.stream, &buf, 1, answer_sent) != 0)
		free(a);
}

static void session_command(struct session *s, const char *line)
{
	yajl_gen result = yajl_gen_alloc(NULL);
	struct tesla_error err = { 0 };
	const unsigned char *text;
	size_t len;
	int r;

	if (result == NULL)
		return;
	(void)yajl_gen_map_open(result);
	r = command_run(s->control, line, result, &err);
	json_bool(result, "ok", r == 0);
	if (r != 0)
		json_str(result, "error", err.text);
	(void)yajl_gen_map_close(result);
	if (yajl_gen_get_buf(result, &text, &len) == yajl_gen_status_ok)
		session_write(s, text, len);
	yajl_gen_free(result);
}

static void session_lines(struct session *s)
{
	char *line = s->text, *end;

	while ((end = memchr(line, '\n', s->len - (size_t)(line - s->text))) != NULL) {
		*end = '\0';
		if (end > line && end[-1] == '\r')
			end[-1] = '\0';
		session_command(s, line);
		line = end + 1;
		if (uv_is_closing((uv_handle_t *)&s->in.stream)) /* quit */
			return;
	}
	s->len -= (size_t)(line - s->text);
	memmove(s->text, line, s->len);
	if (s->len == sizeof s->text)
		session_close(s); /* no command is that long */
}

static void session_room(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
	struct session *s = handle->data;

	(void)hint;
	*buf = uv_buf_init(s->text + s->len, (unsigned)(sizeof s->text - s->len));
}

static void session_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct session *s = stream->data;

	(void)buf;
	if (n < 0) {
		session_close(s);
		return;
	}
	s->len += (size_t)n;
	session_lines(s);
}

static struct session *session_new(struct control *c)
{
	struct session *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->control = c;
	s->in.stream.data = s;
	return s;
}

static void session_begin(struct session *s)
{
	s->prev = &s->control->sessions;
	s->next = s->control->sessions;
	if (s->next != NULL)
		s->next->prev = &s->next;
	s->control->sessions = s;
	if (uv_read_start(&s->in.stream, session_room, session_read) != 0)
		session_close(s);
}

static void control_accept(uv_stream_t *server, int status)
{
	struct control *c = server->data;
	struct session *s = status == 0 ? session_new(c) : NULL;

	if (s == NULL)
		return;
	(void)uv_pipe_init(server->loop, &s->in.pipe, 0);
	if (uv_accept(server, &s->in.stream) == 0)
		session_begin(s);
	else
		uv_close((uv_handle_t *)&s->in.stream, session_closed);
}

/* ---- opening ---- */

static int control_stdin(struct control *c, struct tesla_error *err)
{
	uv_handle_type type = uv_guess_handle(STDIN_FILENO);
	struct session *s = session_new(c);
	int r;

	if (s == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	s->to_stdout = true;
	if (type == UV_TTY) {
		r = uv_tty_init(&c->sim->loop, &s->in.tty, STDIN_FILENO, 0);
	} else if (type == UV_NAMED_PIPE) {
		(void)uv_pipe_init(&c->sim->loop, &s->in.pipe, 0);
		r = uv_pipe_open(&s->in.pipe, STDIN_FILENO);
	} else {
		free(s);
		return tesla_fail(err, -EINVAL,
				  "--control -: standard input is no pipe and no terminal");
	}
	if (r == 0) {
		session_begin(s);
		return 0;
	}
	if (type == UV_TTY)
		free(s);
	else
		uv_close((uv_handle_t *)&s->in.stream, session_closed);
	return tesla_fail(err, r, "standard input: %s", uv_strerror(r));
}

static int control_socket(struct control *c, const char *path, struct tesla_error *err)
{
	int r = uv_pipe_bind(&c->listener, path);

	if (r == 0)
		r = uv_listen((uv_stream_t *)&c->listener, 16, control_accept);
	return r == 0 ? 0 : tesla_fail(err, r, "%s: %s", path, uv_strerror(r));
}

struct control *control_open(struct sim *sim, const char *where, void (*quit)(void *arg), void *arg,
			     struct tesla_error *err)
{
	struct control *c = calloc(1, sizeof *c);
	int r;

	if (c == NULL) {
		tesla_fail(err, -ENOMEM, "no memory");
		return NULL;
	}
	c->sim = sim;
	c->quit = quit;
	c->arg = arg;
	c->listener.data = c;
	(void)uv_pipe_init(&sim->loop, &c->listener, 0);
	r = strcmp(where, "-") == 0 ? control_stdin(c, err) : control_socket(c, where, err);
	if (r == 0)
		return c;
	control_close(c);
	return NULL;
}

static void control_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* libuv removes the socket's file. */
void control_close(struct control *c)
{
	if (c == NULL)
		return;
	while (c->sessions != NULL)
		session_close(c->sessions);
	uv_close((uv_handle_t *)&c->listener, control_closed);
}
