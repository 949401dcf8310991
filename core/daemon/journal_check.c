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

extern char **environ;

/* ---- a child ---- */

struct answer {
	int code;	  /* enum scan_exit; -1: it crashed or hung */
	long long number; /* of its line */
	char text[244];
};

/* What it writes until it ends; false: it was too slow. */
static bool hear(int fd, int64_t limit_ms, char *line, size_t size)
{
	int64_t end_ms = clock_mono_us() / 1000 + limit_ms, left_ms;
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char more[512];

		left_ms = end_ms - clock_mono_us() / 1000;
		if (left_ms <= 0)
			return false;
		if (poll(&p, 1, (int)(left_ms < 60000 ? left_ms : 60000)) <= 0)
			continue;
		n = read(fd, more, sizeof more);
		for (ssize_t i = 0; i < n; i++)
			if (len + 1 < size)
				line[len++] = more[i];
	}
	line[len] = '\0';
	return true;
}

static int start(const char *const *argv, pid_t *pid, int *out)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return errno;
	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	(void)posix_spawnattr_init(&attr);
	(void)posix_spawnattr_setsigmask(&attr, &none);
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

static void understand(struct answer *a, const char *line, int status)
{
	char *end;

	a->number = strtoll(line, &end, 10);
	(void)snprintf(a->text, sizeof a->text, "%s", end + strspn(end, " "));
	a->text[strcspn(a->text, "\n")] = '\0';
	if (WIFSIGNALED(status)) {
		a->code = -1;
		(void)snprintf(a->text, sizeof a->text, "whoever reads it dies of %s",
			       strsignal(WTERMSIG(status)));
		return;
	}
	/* Another exit code, or no line, is a crash that somebody else made into an exit. */
	a->code = end == line || WEXITSTATUS(status) > SCAN_FAILED ? -1 : WEXITSTATUS(status);
	if (a->code == -1)
		(void)snprintf(a->text, sizeof a->text, "whoever reads it fails (%d)",
			       WEXITSTATUS(status));
}

/* `program --journal MODE PARENT DIR [INTO]`; a millisecond more for each KiB. */
static int run(const char *program, const char *mode, const char *dir, const char *into,
	       struct answer *a, struct tesla_error *err)
{
	_cleanup_free_ char *parent = NULL, *data = NULL;
	_cleanup_close_ int out = -1;
	struct stat st = { 0 };
	char line[400] = "";
	int status = 0, r;
	bool slow;
	pid_t pid;

	if (asprintf(&parent, "%ld", (long)getpid()) < 0 || asprintf(&data, "%s/data.mdb", dir) < 0)
		return tesla_fail(err, -ENOMEM, "journal %s: no memory", dir);
	(void)stat(data, &st);
	r = start((const char *const[]){ program, "--journal", mode, parent, dir, into, NULL },
		  &pid, &out);
	if (r != 0)
		return tesla_fail(err, -r, "journal %s: %s cannot be started to %s it: %s", dir,
				  program, mode, strerror(r));
	slow = !hear(out, LIMIT_MS + (int64_t)(st.st_size / 1024), line, sizeof line);
	if (slow)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	understand(a, line, status);
	if (slow)
		(void)snprintf(a->text, sizeof a->text, "whoever reads it does not come back");
	if (a->code == SCAN_FAILED)
		return tesla_fail(err, a->number > 0 ? -(int)a->number : -EIO, "journal %s: %s",
				  dir, a->text);
	return 0;
}

/* ---- what is done about it ---- */

/* A new journal from what can be read, in `into`; nothing is there when nothing could be. */
static int rebuild(const char *program, const char *dir, const char *into, uint64_t *carried,
		   struct tesla_error *err)
{
	struct answer a = { 0 }, whole = { 0 };
	int r;

	aside_remove(into);
	r = run(program, "salvage", dir, into, &a, err);
	if (r == 0 && a.code == SCAN_GOOD)
		r = run(program, "check", into, NULL, &whole, err);
	if (r == 0 && a.code == SCAN_GOOD && whole.code == SCAN_GOOD)
		*carried = (uint64_t)a.number;
	else
		aside_remove(into);
	return r;
}

static int replace(const char *program, const char *dir, const char *into, const char *why,
		   char **set_aside, uint64_t *carried, struct tesla_error *err)
{
	char *name = NULL;
	size_t removed = 0;
	int r = rebuild(program, dir, into, carried, err);

	if (r == 0)
		r = aside_swap(dir, into, &name, err);
	if (r != 0)
		return r;
	removed = aside_prune(dir, name, KEPT);
	*set_aside = name;
	(void)tesla_fail(err, 0, "%s%s", why,
			 removed > 0 ? "; the oldest of those set aside were removed" : "");
	return 0;
}

static int look(const char *program, const char *dir, const char *into, char **set_aside,
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
		r = run(program, "check", dir, NULL, &a, err);
	if (r != 0 || a.code == SCAN_GOOD)
		return r;
	return replace(program, dir, into, a.text, set_aside, carried, err);
}

int journal_prepare(const char *program, const char *dir, char **set_aside, uint64_t *carried,
		    struct tesla_error *err)
{
	_cleanup_free_ char *plain = strdup(dir), *into = NULL;
	size_t len = strlen(dir);

	*set_aside = NULL;
	*carried = 0;
	while (plain != NULL && len > 1 && plain[len - 1] == '/')
		plain[--len] = '\0';
	if (plain == NULL || asprintf(&into, "%s.new", plain) < 0)
		return tesla_fail(err, -ENOMEM, "journal %s: no memory", dir);
	return look(program, plain, into, set_aside, carried, err);
}
