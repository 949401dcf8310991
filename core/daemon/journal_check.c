/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before a journal is opened: children read it through, and rebuild it beside the damaged one.  The
 * new one takes the old one's name when it is whole and on disk; a kill in between loses nothing.
 */
#include "daemon/journal_check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/journal_aside.h"
#include "daemon/journal_internal.h"
#include "daemon/journal_scan.h"

#define KEPT 5 /* of those that were set aside */
#define LIMIT_MS 60000
#define LOOK_MS 100 /* is it still wanted? */

extern char **environ;

/* ---- a child ---- */

#define CRASHED (-1) /* no exit code: it died of what it read */

struct answer {
	int code;	  /* enum scan_exit, or CRASHED */
	long long number; /* of its line */
	char text[200];
};

static bool wanted(const struct journal_check *c)
{
	return c->cancel == NULL || !atomic_load(c->cancel);
}

/* What it writes until it ends.  -ETIMEDOUT, -ECANCELED: it has not ended. */
static int hear(const struct journal_check *c, int fd, int64_t limit_ms, char *line, size_t size)
{
	int64_t end_ms = clock_mono_us() / 1000 + limit_ms;
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char more[512];

		if (!wanted(c))
			return -ECANCELED;
		if (clock_mono_us() / 1000 >= end_ms)
			return -ETIMEDOUT;
		if (poll(&p, 1, LOOK_MS) <= 0)
			continue;
		n = read(fd, more, sizeof more);
		for (ssize_t i = 0; i < n; i++)
			if (len + 1 < size)
				line[len++] = more[i];
	}
	line[len] = '\0';
	return 0;
}

static const int stops[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };

static int start(const char *const *argv, pid_t *pid, int *out)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t not_its, all;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return errno;
	/* What stops the daemon goes to all of its group: it is no answer of the child's. */
	(void)sigemptyset(&not_its);
	for (size_t i = 0; i < N_ELEMENTS(stops); i++)
		(void)sigaddset(&not_its, stops[i]);
	(void)sigfillset(&all);
	(void)posix_spawnattr_init(&attr);
	(void)posix_spawnattr_setsigmask(&attr, &not_its);
	(void)posix_spawnattr_setsigdefault(&attr, &all);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	r = posix_spawn(pid, argv[0], &actions, &attr, (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attr);
	(void)close(fds[1]);
	if (r != 0)
		(void)close(fds[0]);
	else
		*out = fds[0];
	return r;
}

/* Reading a damaged file ends so; by any other signal somebody ended the child. */
static bool of_damage(int sig)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE };

	for (size_t i = 0; i < N_ELEMENTS(signals); i++)
		if (signals[i] == sig)
			return true;
	return false;
}

/* Only the child's own verdict, or a crash, says anything of the journal. */
static int understand(struct answer *a, const char *dir, const char *line, int status,
		      struct tesla_error *err)
{
	const char *by = WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "";
	char *end;

	a->number = strtoll(line, &end, 10);
	(void)snprintf(a->text, sizeof a->text, "%s", end + strspn(end, " "));
	a->text[strcspn(a->text, "\n")] = '\0';
	a->code = WIFSIGNALED(status) ? CRASHED : WEXITSTATUS(status);
	if (a->code == CRASHED && !of_damage(WTERMSIG(status)))
		return tesla_fail(err, -EAGAIN, "journal %s: whoever reads it was ended: %s", dir,
				  by);
	if (a->code == CRASHED)
		(void)snprintf(a->text, sizeof a->text, "whoever reads it dies of it: %s", by);
	else if (a->code == SCAN_NO_MEMORY)
		return tesla_fail(err, -ENOMEM, "journal %s: no memory to read it through", dir);
	else if (end == line || a->code > SCAN_FAILED)
		return tesla_fail(err, -EIO, "journal %s: whoever reads it fails (%d)", dir,
				  a->code);
	else if (a->code == SCAN_FAILED)
		return tesla_fail(err, a->number > 0 ? -(int)a->number : -EIO, "journal %s: %s",
				  dir, a->text);
	return 0;
}

static int unheard(const char *dir, int r, struct tesla_error *err)
{
	return tesla_fail(err, r, "journal %s: whoever reads it %s", dir,
			  r == -ECANCELED ? "was told to stop" : "does not come back");
}

/*
 * `program --journal MODE PARENT DIR [INTO]`; a millisecond more for each KiB.  0: the journal is
 * good, damaged, or the child died of it; -errno: that is not known.
 */
static int run(const struct journal_check *c, const char *mode, const char *dir, const char *into,
	       struct answer *a, struct tesla_error *err)
{
	_cleanup_free_ char *parent = NULL, *data = NULL;
	_cleanup_close_ int out = -1;
	struct stat st = { 0 };
	char line[400] = "";
	int status = 0, r;
	pid_t pid;

	if (asprintf(&parent, "%ld", (long)getpid()) < 0 || asprintf(&data, "%s/data.mdb", dir) < 0)
		return tesla_fail(err, -ENOMEM, "journal %s: no memory", dir);
	(void)stat(data, &st);
	r = start((const char *const[]){ c->program, "--journal", mode, parent, dir, into, NULL },
		  &pid, &out);
	if (r != 0)
		return tesla_fail(err, -r, "journal %s: %s cannot be started to %s it: %s", dir,
				  c->program, mode, strerror(r));
	r = hear(c, out, LIMIT_MS + (int64_t)(st.st_size / 1024), line, sizeof line);
	if (r != 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return r != 0 ? unheard(dir, r, err) : understand(a, dir, line, status, err);
}

/* ---- what is done about it ---- */

/* Should a child die of it every time: the last one keeps to what hangs together. */
static const char *const attempts[] = { "salvage", "salvage", "salvage-trees" };

/*
 * A new journal from what can be read, in `into`; nothing is there when all died of it.  -errno:
 * it is not known what can be read, so nothing must be given up.
 */
static int rebuild(const struct journal_check *c, const char *dir, const char *into,
		   uint64_t *carried, struct tesla_error *err)
{
	struct answer a = { .code = CRASHED }, whole = { .code = CRASHED };
	int r = 0;

	for (size_t i = 0; i < N_ELEMENTS(attempts) && r == 0 && a.code == CRASHED; i++) {
		aside_remove(into);
		r = run(c, attempts[i], dir, into, &a, err);
	}
	if (r == 0 && a.code == SCAN_GOOD)
		r = run(c, "check", into, NULL, &whole, err);
	if (r == 0 && a.code == SCAN_GOOD && whole.code == SCAN_GOOD) {
		*carried = (uint64_t)a.number;
		return 0;
	}
	aside_remove(into);
	if (r != 0 || a.code == CRASHED)
		return r;
	return tesla_fail(err, -EIO, "journal %s: what was carried over is not whole: %s", dir,
			  a.code == SCAN_GOOD ? whole.text : a.text);
}

static void say_why(const struct answer *a, size_t removed, struct tesla_error *err)
{
	char had[48] = "";

	if (a->code == SCAN_DAMAGED && a->number > 0)
		(void)snprintf(had, sizeof had, "; it had %lld records", a->number);
	(void)tesla_fail(err, 0, "%.130s%s%s", a->text, had,
			 removed > 0 ? "; the oldest of those set aside were removed" : "");
}

static int replace(const struct journal_check *c, const char *dir, const char *into,
		   const struct answer *why, char **set_aside, uint64_t *carried,
		   struct tesla_error *err)
{
	int r = rebuild(c, dir, into, carried, err);

	if (r == 0)
		r = aside_swap(dir, into, set_aside, err);
	if (r == 0)
		say_why(why, aside_prune(dir, *set_aside, KEPT, c->aside_bytes), err);
	return r;
}

static int look(const struct journal_check *c, const char *dir, const char *into, char **set_aside,
		uint64_t *carried, struct tesla_error *err)
{
	_cleanup_close_ int lock = -1;
	struct answer a = { 0 };
	int r;

	/* Killed between the two renames: the new one is whole. */
	if (access(dir, F_OK) != 0 && errno == ENOENT && rename(into, dir) != 0)
		return errno == ENOENT
			       ? 0
			       : tesla_fail(err, -errno, "journal %s: it cannot be renamed: %s",
					    into, strerror(errno));
	r = journal_lock(dir, &lock, err);
	if (r == 0)
		r = run(c, "check", dir, NULL, &a, err);
	if (r != 0 || a.code == SCAN_GOOD)
		return r;
	return replace(c, dir, into, &a, set_aside, carried, err);
}

int journal_prepare(const struct journal_check *c, char **set_aside, uint64_t *carried,
		    struct tesla_error *err)
{
	_cleanup_free_ char *plain = strdup(c->dir), *into = NULL;
	size_t len = strlen(c->dir);

	*set_aside = NULL;
	*carried = 0;
	while (plain != NULL && len > 1 && plain[len - 1] == '/')
		plain[--len] = '\0';
	if (plain == NULL || asprintf(&into, "%s.new", plain) < 0)
		return tesla_fail(err, -ENOMEM, "journal %s: no memory", c->dir);
	return look(c, plain, into, set_aside, carried, err);
}
