/* SPDX-License-Identifier: Apache-2.0 */
/* A teslad of our own. */
#include "teslactl/scan_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <tesla/client.h>
#include <unistd.h>

#include "base/cleanup.h"

#define DIR_MAX 80
#define PATH_SIZE (DIR_MAX + 32)
#define READY_MS 20000
#define RELOAD_MS 60000
#define OWN_INTERVAL_S 3600 /* of analyzers that nobody reads */

extern char **environ;

struct scan_daemon {
	char dir[DIR_MAX];
	pid_t pid; /* 0: none */
	struct tesla_client *client;
};

/* ---- its files ---- */

static FILE *file_new(const struct scan_daemon *d, const char *name)
{
	char path[PATH_SIZE];

	(void)snprintf(path, sizeof path, "%s/%s", d->dir, name);
	return fopen(path, "we");
}

static void meters_out(struct config_out *o, const struct config_device *line,
		       const struct catalogue *models)
{
	const struct model *registers = catalogue_any(models, false),
			   *commands = catalogue_any(models, true);
	struct config_meter m = { .device = line->id, .interval_s = OWN_INTERVAL_S };

	if (registers != NULL) {
		m.id = m.address = SCAN_REGISTERS;
		m.driver = "modBusComm";
		m.data = "mapData";
		m.model = &registers->pub;
		config_out_meter(o, &m);
	}
	if (commands != NULL && strcmp(line->type, "tcp") != 0) {
		m.id = m.address = SCAN_COMMANDS;
		m.driver = "cvmk";
		m.data = "cvmData";
		m.model = &commands->pub;
		config_out_meter(o, &m);
	}
}

static int config_write(const struct scan_daemon *d, const struct config_device *line,
			const struct catalogue *models, struct tesla_error *err)
{
	struct config_out *o = config_out_new("scan", "teslactl");
	FILE *out = file_new(d, "config.xml");
	int r = o == NULL || out == NULL ? -ENOMEM : 0;

	if (r == 0) {
		config_out_device(o, line);
		meters_out(o, line, models);
		r = config_out_print(o, out);
	}
	if (out != NULL && fclose(out) != 0)
		r = -EIO;
	config_out_free(o);
	return r == 0 ? 0 : tesla_fail(err, r, "%s: config.xml cannot be written", d->dir);
}

static int ini_write(const struct scan_daemon *d, struct tesla_error *err)
{
	FILE *out = file_new(d, "lector.ini");

	if (out != NULL) {
		(void)fprintf(out,
			      "[General]\nauto_start = no\nrun_dir = %s/run\nstate_dir = "
			      "%s/state\n[Stream]\nendpoint =\n[Control]\nendpoint = "
			      "ipc://%s/control\nreadonly =\n",
			      d->dir, d->dir, d->dir);
		if (fclose(out) == 0)
			return 0;
	}
	return tesla_fail(err, -EIO, "%s: lector.ini cannot be written", d->dir);
}

static int remove_one(const char *path, const struct stat *st, int what, struct FTW *ftw)
{
	(void)st, (void)what, (void)ftw;
	(void)remove(path);
	return 0;
}

/* ---- the process ---- */

static const char *program(void)
{
	const char *named = getenv("TESLA_DAEMON");

	return named != NULL ? named : DAEMON_PROGRAM;
}

static int spawn(struct scan_daemon *d, struct tesla_error *err)
{
	char name[] = "teslad", c[] = "-c", i[] = "-i", p[] = "--parent", pid[24],
	     config[PATH_SIZE], ini[PATH_SIZE], log[PATH_SIZE];
	char *args[] = { name, c, config, i, ini, p, pid, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, defaults;
	int r;

	(void)snprintf(pid, sizeof pid, "%d", (int)getpid());
	(void)snprintf(config, sizeof config, "%s/config.xml", d->dir);
	(void)snprintf(ini, sizeof ini, "%s/lector.ini", d->dir);
	(void)snprintf(log, sizeof log, "%s/log", d->dir);
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_addopen(&files, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	(void)posix_spawn_file_actions_adddup2(&files, 1, 2);
	(void)posix_spawnattr_init(&attr);
	(void)sigemptyset(&defaults);
	(void)sigemptyset(&none); /* ours are blocked, to come as reads */
	(void)posix_spawnattr_setsigmask(&attr, &none);
	(void)sigaddset(&defaults, SIGPIPE);
	(void)posix_spawnattr_setsigdefault(&attr, &defaults);
	/* An interrupt from the terminal is for us: we end it. */
	(void)posix_spawnattr_setpgroup(&attr, 0);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						      POSIX_SPAWN_SETPGROUP);
	r = posix_spawn(&d->pid, program(), &files, &attr, args, environ);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&files);
	if (r == 0)
		return 0;
	d->pid = 0;
	return tesla_fail(err, -r, "%s cannot be started: %s", program(), strerror(r));
}

/* Its log says why it ended: the last error, else the last line. */
static int ended(struct scan_daemon *d, struct tesla_error *err)
{
	char path[PATH_SIZE], line[300] = "", last[300] = "";
	FILE *in;

	(void)waitpid(d->pid, NULL, 0);
	d->pid = 0;
	(void)snprintf(path, sizeof path, "%s/log", d->dir);
	in = fopen(path, "re");
	while (in != NULL && fgets(line, sizeof line, in) != NULL)
		if (strstr(line, "error: ") != NULL || strstr(last, "error: ") == NULL)
			(void)snprintf(last, sizeof last, "%s", line);
	if (in != NULL)
		(void)fclose(in);
	last[strcspn(last, "\n")] = '\0';
	return tesla_fail(err, -ESRCH, "teslad for the scan ended: %s", last);
}

/* Something happened in its folder, such as a line in its log: does it listen now? */
static bool listens(struct scan_daemon *d, int watch, struct tesla_error *err)
{
	char events[4096], endpoint[PATH_SIZE];

	(void)!read(watch, events, sizeof events);
	(void)snprintf(endpoint, sizeof endpoint, "ipc://%s/control", d->dir);
	return tesla_connect(endpoint, &d->client, err) == 0;
}

/* Until it listens, or ends. */
static int ready(struct scan_daemon *d, int watch, struct tesla_error *err)
{
	struct pollfd p[] = { { .fd = watch, .events = POLLIN },
			      { .fd = pidfd_open(d->pid, 0), .events = POLLIN } };
	int n;

	do
		n = poll(p, N_ELEMENTS(p), READY_MS);
	while ((n > 0 && p[1].revents == 0 && !listens(d, watch, err)) ||
	       (n < 0 && errno == EINTR));
	if (p[1].fd >= 0)
		(void)close(p[1].fd);
	if (n > 0 && p[1].revents != 0)
		return ended(d, err);
	if (n <= 0)
		return tesla_fail(err, -ETIMEDOUT, "teslad for the scan is not ready after %d s",
				  READY_MS / 1000);
	return 0;
}

static int begin(struct scan_daemon *d, const struct config_device *line,
		 const struct catalogue *models, struct tesla_error *err)
{
	int r = config_write(d, line, models, err), watch;

	if (r == 0)
		r = ini_write(d, err);
	if (r != 0)
		return r;
	watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch < 0 || inotify_add_watch(watch, d->dir, IN_CREATE | IN_MODIFY) < 0)
		r = tesla_fail(err, -errno, "%s cannot be watched: %s", d->dir, strerror(errno));
	if (r == 0)
		r = spawn(d, err);
	if (r == 0)
		r = ready(d, watch, err);
	if (watch >= 0)
		(void)close(watch);
	return r;
}

/* A socket's name has no more than 107 bytes. */
static void dir_name(char dir[DIR_MAX])
{
	const char *tmp = getenv("TMPDIR");

	if (tmp == NULL || *tmp != '/' ||
	    snprintf(dir, DIR_MAX, "%s/teslactl-XXXXXX", tmp) >= DIR_MAX)
		(void)snprintf(dir, DIR_MAX, "/tmp/teslactl-XXXXXX");
}

int scan_daemon_start(const struct config_device *line, const struct catalogue *models,
		      struct scan_daemon **ret, struct tesla_error *err)
{
	struct scan_daemon *d = calloc(1, sizeof *d);
	int r;

	if (d == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for a scan");
	dir_name(d->dir);
	if (mkdtemp(d->dir) == NULL) {
		r = tesla_fail(err, -errno, "%s: %s", d->dir, strerror(errno));
		free(d);
		return r;
	}
	r = begin(d, line, models, err);
	if (r == 0)
		*ret = d;
	else
		scan_daemon_stop(d);
	return r;
}

int scan_daemon_change(struct scan_daemon *d, const struct config_device *line,
		       const struct catalogue *models, struct tesla_error *err)
{
	_cleanup_free_ uint8_t *reply = NULL;
	size_t len;
	int r = config_write(d, line, models, err);

	return r != 0 ? r
		      : tesla_request(d->client, "reload", NULL, 0, RELOAD_MS, &reply, &len, err);
}

struct tesla_client *scan_daemon_client(const struct scan_daemon *d)
{
	return d->client;
}

void scan_daemon_stop(struct scan_daemon *d)
{
	if (d == NULL)
		return;
	tesla_disconnect(d->client);
	if (d->pid > 0) {
		(void)kill(d->pid, SIGTERM);
		while (waitpid(d->pid, NULL, 0) < 0 && errno == EINTR) {
		}
	}
	(void)nftw(d->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(d);
}
