/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin says of itself. */
#include "daemon/describe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/frame.h"

#define TIME_MS 10000
#define PARAMS_MAX 256u

extern char **environ;

const char *plugin_kind_name(enum tesla_kind kind)
{
	static const char *const names[] = { "plugin", "driver", "data", "exporter" };

	return names[kind];
}

__attribute__((format(printf, 2, 3))) static void fail(struct plugin *p, const char *fmt, ...)
{
	va_list ap;

	free(p->error);
	va_start(ap, fmt);
	if (vasprintf(&p->error, fmt, ap) < 0)
		p->error = NULL;
	va_end(ap);
	if (p->error == NULL)
		p->error = strdup("it cannot be used");
}

/* ---- the child ---- */

static int child_start(const char *host, const char *path, pid_t *pid, int *out)
{
	_cleanup_close_ int read_end = -1, write_end = -1;
	char describe[] = "--describe", parent[] = "--parent", pid_text[24];
	_cleanup_free_ char *program = strdup(host), *plugin = strdup(path);
	char *const args[] = { program, describe, plugin, parent, pid_text, NULL };
	posix_spawn_file_actions_t fa;
	int fds[2], r;

	if (program == NULL || plugin == NULL)
		return ENOMEM;
	(void)snprintf(pid_text, sizeof pid_text, "%d", (int)getpid());
	if (pipe2(fds, O_CLOEXEC) != 0)
		return errno;
	read_end = fds[0];
	write_end = fds[1];
	r = posix_spawn_file_actions_init(&fa);
	if (r != 0)
		return r;
	r = posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&fa, write_end, 1);
	if (r == 0)
		r = posix_spawn(pid, host, &fa, NULL, args, environ);
	(void)posix_spawn_file_actions_destroy(&fa);
	if (r == 0) {
		*out = read_end;
		read_end = -1;
	}
	return r;
}

/*
 * 1: a message is there; 0: its output ended without one; negative: as frame_reader_next,
 * -ETIMEDOUT or -ECANCELED.
 */
static int child_read(const int fds[2], struct frame_reader *r, struct mp_doc *doc,
		      struct tesla_error *err)
{
	int64_t end_us = clock_mono_us() + TIME_MS * 1000;

	for (;;) {
		int left_ms = (int)((end_us - clock_mono_us()) / 1000),
		    rc = frame_reader_next(r, doc, err);
		struct pollfd p[] = { { .fd = fds[0], .events = POLLIN },
				      { .fd = fds[1], .events = POLLIN } };
		size_t room = 0;
		uint8_t *to;
		ssize_t n;

		if (rc != 0)
			return rc;
		if (left_ms <= 0 || poll(p, 2, left_ms) == 0)
			return tesla_fail(err, -ETIMEDOUT, "no description came in %d s",
					  TIME_MS / 1000);
		if (p[1].revents != 0)
			return tesla_fail(err, -ECANCELED, "the daemon ends");
		if (p[0].revents == 0)
			continue;
		to = frame_reader_room(r, &room);
		n = to ? read(fds[0], to, room) : -1;
		if (n == 0)
			return 0;
		if (n > 0)
			frame_reader_add(r, (size_t)n);
		else if (to == NULL || errno != EINTR)
			return tesla_fail(err, -EIO, "its description cannot be read");
	}
}

/*
 * Nobody waits for a plugin's destructors, or for one that shuts its output and stays.  One that is
 * ending already, by itself or by a crash, keeps its status.
 */
static void child_end(struct plugin *p, pid_t pid, int rc, const struct tesla_error *err)
{
	int status = 0;

	(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc < 0)
		fail(p, "%s", err->text);
	else if (rc == 0 && WIFSIGNALED(status))
		fail(p, "loading it ends with signal %d (%s)", WTERMSIG(status),
		     strsignal(WTERMSIG(status)));
	else if (rc == 0)
		fail(p, "no description came, exit code %d", WEXITSTATUS(status));
}

/* ---- what it wrote ---- */

static char **texts(const msgpack_object *map, const char *key)
{
	size_t n;
	const msgpack_object *list = mp_array(map, key, &n);
	char **out = list && n <= PARAMS_MAX ? calloc(n + 1, sizeof *out) : NULL;

	for (size_t i = 0, at = 0; out != NULL && i < n; i++) {
		out[at] = mp_to_strdup(&list[i]);
		at += out[at] != NULL;
	}
	return out;
}

static int param_fill(const msgpack_object *o, struct tesla_param *row)
{
	int64_t type = mp_int(o, "type", 0);

	row->name = mp_strdup(o, "name");
	row->type = type > TESLA_T_END && type <= TESLA_T_MS ? (enum tesla_type)type : TESLA_T_END;
	row->flags = (uint32_t)mp_int(o, "flags", 0);
	row->dflt = mp_strdup(o, "default");
	row->min = mp_real(o, "min", 0);
	row->max = mp_real(o, "max", 0);
	row->unit = mp_strdup(o, "unit");
	row->help = mp_strdup(o, "help");
	row->choices = (const char *const *)texts(o, "choices");
	return row->name == NULL || row->type == TESLA_T_END ||
			       (row->type == TESLA_T_CHOICE && row->choices == NULL)
		       ? -EINVAL
		       : 0;
}

static void texts_free(char **list)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

/* A described row's texts are ours: the const of struct tesla_param is for tables in a plugin. */
static void row_free(const void *p)
{
	union {
		const void *in;
		void *out;
	} u = { .in = p };

	free(u.out);
}

static void params_free(struct tesla_param *rows)
{
	for (struct tesla_param *r = rows; r != NULL && r->name != NULL; r++) {
		for (size_t i = 0; r->choices != NULL && r->choices[i] != NULL; i++)
			row_free(r->choices[i]);
		row_free(r->choices);
		row_free(r->name);
		row_free(r->dflt);
		row_free(r->unit);
		row_free(r->help);
	}
	free(rows);
}

static void params_fill(const msgpack_object *o, struct plugin *p)
{
	size_t n;
	const msgpack_object *list = mp_array(o, "params", &n);

	if (n > PARAMS_MAX) {
		fail(p, "it has %zu parameters: at most %u are allowed", n, PARAMS_MAX);
		return;
	}
	p->params = calloc(n + 1, sizeof *p->params);
	if (p->params == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		if (param_fill(&list[i], &p->params[i]) == 0)
			continue;
		fail(p, "parameter %zu (%s) has no name, or no type that this version knows", i + 1,
		     p->params[i].name ? p->params[i].name : "?");
		p->params[i + 1].name = NULL;
		return;
	}
}

static void plugin_fill(const msgpack_object *o, struct plugin *p)
{
	_cleanup_free_ char *error = mp_strdup(o, "error");
	int64_t kind = mp_int(o, "kind", 0);

	p->version = mp_strdup(o, "version");
	p->abi = mp_strdup(o, "abi");
	p->help = mp_strdup(o, "help");
	if (error != NULL) {
		fail(p, "%s", error);
		return;
	}
	if (kind != (int64_t)p->kind) {
		fail(p, "%s is refused: it is a plugin of kind %s, expected %s", p->path,
		     kind >= TESLA_DRIVER && kind <= TESLA_EXPORTER
			     ? plugin_kind_name((enum tesla_kind)kind)
			     : "unknown",
		     plugin_kind_name(p->kind));
		return;
	}
	p->aliases = texts(o, "aliases");
	p->takes = (uint32_t)mp_int(o, "takes", 0);
	p->lines = (uint32_t)mp_int(o, "lines", 0);
	p->max_registers = (uint32_t)mp_int(o, "max_registers", 0);
	p->first_address = mp_int(o, "first_address", 0);
	p->last_address = mp_int(o, "last_address", 0);
	p->caps = (uint32_t)mp_int(o, "caps", 0);
	params_fill(o, p);
}

void describe(const char *host, struct plugin *p, int stop_fd)
{
	struct tesla_error err = { .code = 0 };
	_cleanup_close_ int out = -1;
	struct frame_reader reader;
	struct mp_doc doc;
	pid_t pid;
	int r = child_start(host, p->path, &pid, &out);

	if (r != 0) {
		fail(p, "%s cannot be started: %s", host, strerror(r));
		return;
	}
	frame_reader_init(&reader);
	r = child_read((const int[]){ out, stop_fd }, &reader, &doc, &err);
	if (r == 1) {
		plugin_fill(&doc.u.data, p);
		mp_doc_release(&doc);
	}
	frame_reader_release(&reader);
	child_end(p, pid, r, &err);
}

void plugin_release(struct plugin *p)
{
	free(p->name);
	free(p->path);
	free(p->stamp);
	free(p->error);
	free(p->version);
	free(p->abi);
	free(p->help);
	texts_free(p->aliases);
	params_free(p->params);
}
