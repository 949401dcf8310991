/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver and an exporter that try what they must not, from their constructor on, and log what
 * came of it.  TRESPASS_OUT is a folder that is none of theirs, with a file `secret` in it;
 * TRESPASS_TTY a serial device, TRESPASS_EXEC a program.  The driver answers zeros.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <tesla/plugin.h>
#include <time.h>
#include <unistd.h>

static int opened(int fd)
{
	int r = fd >= 0 ? 0 : errno;

	if (fd >= 0)
		(void)close(fd);
	return r;
}

static int outside(const char *name, int flags)
{
	const char *folder = getenv("TRESPASS_OUT");
	char path[512];

	(void)snprintf(path, sizeof path, "%s/%s", folder ? folder : "/nowhere", name);
	return opened(open(path, flags | O_CLOEXEC, 0666));
}

__attribute__((constructor)) static void early(void)
{
	(void)outside("made-while-loading", O_WRONLY | O_CREAT);
}

static int try_inet(void)
{
	return opened(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int try_unix(void)
{
	return opened(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int try_packet(void)
{
	return opened(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int try_tty(void)
{
	const char *tty = getenv("TRESPASS_TTY");

	return opened(open(tty ? tty : "/nowhere", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
}

static int try_read(void)
{
	return outside("secret", O_RDONLY);
}

static int try_write(void)
{
	return outside("secret", O_WRONLY);
}

static int try_make(void)
{
	return outside("made", O_WRONLY | O_CREAT);
}

static int try_etc(void)
{
	return opened(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int try_kill(void)
{
	return kill(getppid(), 0) == 0 ? 0 : errno;
}

static int try_exec(void)
{
	char *const args[] = { (char[]){ "true" }, NULL };

	const char *program = getenv("TRESPASS_EXEC");

	(void)execv(program ? program : "/nowhere", args);
	return errno;
}

static const struct {
	const char *what;
	int (*try)(void);
} attempts[] = {
	{ "inet", try_inet }, { "unix", try_unix },   { "packet", try_packet }, { "tty", try_tty },
	{ "read", try_read }, { "write", try_write }, { "make", try_make },	{ "etc", try_etc },
	{ "kill", try_kill }, { "exec", try_exec },
};

static void trespass(const struct tesla_host *host)
{
	char text[400] = "";
	size_t at = 0;

	for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
		int r = attempts[i].try();

		at += (size_t)snprintf(text + at, sizeof text - at, " %s=%s", attempts[i].what,
				       r ? strerrorname_np(r) : "ok");
	}
	host->log(host, 6, "trespass:%s.", text);
}

#ifdef TRESPASS_DRIVER

static int driver_open(const void *conf, struct tesla_line *line, const struct tesla_host *host,
		       void **self, struct tesla_error *err)
{
	(void)conf, (void)err;
	trespass(host);
	*self = line;
	return 0;
}

static int driver_read(void *self, unsigned address, const struct tesla_block *block,
		       int64_t timeout_ms, struct tesla_reply *reply, struct tesla_error *err)
{
	static const uint8_t zeros[2 * UINT8_MAX];
	struct timespec t;

	(void)self, (void)address, (void)timeout_ms, (void)err;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	reply->sent_us = reply->received_us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
	reply->status = TESLA_REPLY_OK;
	return reply->data->append(reply->data, zeros, 2u * block->count);
}

static void driver_close(void *self)
{
	(void)self;
}

static const struct tesla_driver driver = {
	.size = sizeof driver,
	.takes = TESLA_TAKES_REGISTERS,
	.lines = TESLA_ON(TESLA_LINE_SERIAL) | TESLA_ON(TESLA_LINE_TCP),
	.max_registers = 125,
	.open = driver_open,
	.read = driver_read,
	.close = driver_close,
};

TESLA_DRIVER_PLUGIN("trespass-driver", "1", &driver, .help = "A driver of the tests.");

#else

struct conf {
	const char *target;
};

static int exporter_open(const void *conf, const struct tesla_host *host, void **self,
			 struct tesla_error *err)
{
	const struct conf *c = conf;
	char path[512];
	int r;

	(void)err;
	(void)fprintf(stderr, "a library complains\n");
	(void)snprintf(path, sizeof path, "%s/own", c->target);
	r = opened(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
	host->log(host, 6, "trespass: own=%s", r ? strerrorname_np(r) : "ok");
	trespass(host);
	*self = NULL;
	return 0;
}

static int exporter_deliver(void *self, const struct tesla_batch *batch,
			    struct tesla_verdict *verdicts, struct tesla_error *err)
{
	(void)self, (void)batch, (void)verdicts, (void)err;
	return 0;
}

static void exporter_close(void *self)
{
	(void)self;
}

static const struct tesla_param params[] = {
	TESLA_P_STR("target", struct conf, target, .flags = TESLA_REQUIRED, .help = "A folder."),
	TESLA_P_END
};

static const struct tesla_exporter exporter = {
	.size = sizeof exporter,
	.caps = TESLA_LIVE,
	.open = exporter_open,
	.deliver = exporter_deliver,
	.close = exporter_close,
};

TESLA_EXPORTER_PLUGIN("trespass-exporter", "1", &exporter, .help = "An exporter of the tests.",
		      .params = params, .conf_size = sizeof(struct conf));

#endif
