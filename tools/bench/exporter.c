/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/blame.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/frame.h"

#define ELEMENTS 2 /* of a reading: what the ten variables have on average */

static const char *const names[EXPORTER_VARIABLES] = {
	"CEA", "CER", "PAT", "PRT", "FPT", "FRE", "IPF", "TPF", "PAF", "THDV",
};

/* ---- the process ---- */

/* In the child: the pair becomes 3 and the page 4, whatever they were. */
__attribute__((noreturn)) static void become_host(const char *host, const int fds[2], pid_t parent)
{
	char pid[24];
	int pair = fcntl(fds[0], F_DUPFD_CLOEXEC, 10), page = fcntl(fds[1], F_DUPFD_CLOEXEC, 10);

	(void)snprintf(pid, sizeof pid, "%d", (int)parent);
	if (dup2(pair, 3) == 3 && dup2(page, 4) == 4)
		(void)execl(host, host, "--exporter", "--parent", pid, (char *)NULL);
	perror(host);
	_exit(127);
}

static int host_start(struct exporter *x, const char *host)
{
	_cleanup_close_ int page = -1;
	int pair[2];
	pid_t parent = getpid();

	if (blame_create(&page) == NULL ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	x->pid = fork();
	if (x->pid == 0)
		become_host(host, (const int[]){ pair[1], page }, parent);
	(void)close(pair[1]);
	x->fd = pair[0];
	return x->pid > 0 ? 0 : -errno;
}

/* ---- messages ---- */

static int frame_send(struct exporter *x, struct frame *f)
{
	size_t done = 0;

	if (frame_end(f) != 0)
		return -EMSGSIZE;
	while (done < x->frame.pub.len) {
		ssize_t n = send(x->fd, x->frame.pub.bytes + done, x->frame.pub.len - done,
				 MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	buf_clear(&x->frame);
	return 0;
}

static msgpack_packer *message_begin(struct exporter *x, struct frame *f, const char *m, size_t n)
{
	frame_begin(f, &x->frame);
	(void)msgpack_pack_map(&f->pk, n);
	mp_key_str(&f->pk, "m", m);
	return &f->pk;
}

static int say_plugin(struct exporter *x, const char *plugin, const char *endpoint)
{
	struct frame f;
	msgpack_packer *pk = message_begin(x, &f, "hello", 4);
	int r;

	mp_key_int(pk, "level", 4);
	mp_key_str(pk, "node", "1");
	mp_key_int(pk, "epoch_ms", clock_wall_us() / 1000);
	r = frame_send(x, &f);
	if (r != 0)
		return r;
	pk = message_begin(x, &f, "plugin", 4);
	mp_key_int(pk, "kind", TESLA_EXPORTER);
	mp_key_str(pk, "name", "zmqPublish");
	mp_key_str(pk, "path", plugin);
	r = frame_send(x, &f);
	if (r != 0)
		return r;
	pk = message_begin(x, &f, "exporter", 2);
	mp_str(pk, "params");
	(void)msgpack_pack_map(pk, 1);
	mp_key_str(pk, "endpoint", endpoint);
	return frame_send(x, &f);
}

static int say_variables(struct exporter *x)
{
	struct frame f;
	msgpack_packer *pk = message_begin(x, &f, "variables", 2);
	int r;

	mp_str(pk, "variables");
	(void)msgpack_pack_array(pk, (size_t)x->sweeps * EXPORTER_VARIABLES);
	for (unsigned a = 1; a <= x->sweeps; a++) {
		for (int v = 0; v < EXPORTER_VARIABLES; v++) {
			(void)msgpack_pack_array(pk, 3);
			(void)msgpack_pack_unsigned_int(pk, a);
			mp_str(pk, names[v]);
			mp_str(pk, "V");
		}
	}
	r = frame_send(x, &f);
	if (r != 0)
		return r;
	(void)message_begin(x, &f, "go", 1);
	return frame_send(x, &f);
}

int exporter_start(struct exporter *x, const char *host, const char *plugin, const char *endpoint)
{
	int r = host_start(x, host);

	buf_init(&x->frame, 2 * FRAME_MAX);
	if (r == 0)
		r = say_plugin(x, plugin, endpoint);
	return r == 0 ? say_variables(x) : r;
}

static void pack_sweep(struct exporter *x, msgpack_packer *pk, unsigned a)
{
	(void)msgpack_pack_array(pk, 10);
	(void)msgpack_pack_int(pk, TESLA_SWEEP);
	(void)msgpack_pack_unsigned_int(pk, a + 1);
	(void)msgpack_pack_int64(pk, clock_wall_us());
	(void)msgpack_pack_int(pk, 120);
	(void)msgpack_pack_uint64(pk, x->n);
	(void)msgpack_pack_int(pk, 0);
	for (int i = 0; i < 3; i++) /* error, state, reason */
		(void)msgpack_pack_nil(pk);
	(void)msgpack_pack_array(pk, EXPORTER_VARIABLES);
	for (unsigned v = 0; v < EXPORTER_VARIABLES; v++) {
		(void)msgpack_pack_array(pk, 4);
		(void)msgpack_pack_unsigned_int(pk, a * EXPORTER_VARIABLES + v);
		(void)msgpack_pack_uint64(pk, x->n);
		(void)msgpack_pack_array(pk, ELEMENTS);
		for (int i = 0; i < ELEMENTS; i++)
			(void)msgpack_pack_double(pk, 230.1 + i);
		(void)msgpack_pack_nil(pk);
	}
}

int exporter_burst(struct exporter *x)
{
	struct frame f;

	x->n++;
	frame_begin(&f, &x->frame);
	(void)msgpack_pack_array(&f.pk, x->sweeps + 1);
	mp_str(&f.pk, "b");
	for (unsigned a = 0; a < x->sweeps; a++)
		pack_sweep(x, &f.pk, a);
	return frame_send(x, &f);
}
