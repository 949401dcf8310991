/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that are typed, by libedit. */
#include "teslactl/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "base/cleanup.h"
#include "teslactl/complete.h"

#define HISTORY_LINES 1000

struct prompt {
	const struct ctl *ctl;
	EditLine *el;
	History *history;
	char *path; /* of the history; NULL: it is not kept */
	char *line;
	struct sigaction before; /* of SIGINT */
};

/* ---- history ---- */

/* Of who types, not of the daemon: so it is not where teslad keeps its own. */
static char *history_folder(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int n = -1;

	if (state != NULL && *state == '/')
		n = asprintf(&path, "%s/tesla", state);
	else if (home != NULL && *home == '/')
		n = asprintf(&path, "%s/.local/state/tesla", home);
	return n < 0 ? NULL : path;
}

/* Every folder on the way, for nobody else. */
static void folders_make(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0700);
		*slash = '/';
	}
	(void)mkdir(path, 0700);
}

static void history_open(struct prompt *p)
{
	_cleanup_free_ char *folder = history_folder();
	HistEvent ev;

	p->history = history_init();
	if (p->history == NULL)
		return;
	(void)history(p->history, &ev, H_SETSIZE, HISTORY_LINES);
	(void)history(p->history, &ev, H_SETUNIQUE, 1);
	if (folder == NULL)
		return;
	folders_make(folder);
	if (asprintf(&p->path, "%s/teslactl_history", folder) < 0)
		p->path = NULL;
	/* It is appended to, so it is cut when it has got long. */
	if (p->path != NULL && history(p->history, &ev, H_LOAD, p->path) > 2 * HISTORY_LINES)
		(void)history(p->history, &ev, H_SAVE, p->path);
}

/* At once, and at the end: another shell may do the same, and this one may be killed. */
static void history_keep(struct prompt *p, const char *line)
{
	_cleanup_close_ int fd = -1;
	HistEvent ev;
	FILE *f;

	if (p->history == NULL || line[strspn(line, " \t\n")] == '\0')
		return;
	(void)history(p->history, &ev, H_ENTER, line);
	fd = p->path ? open(p->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
	f = fd >= 0 ? fdopen(fd, "a") : NULL;
	if (f == NULL)
		return;
	fd = -1;
	(void)fseek(f, 0, SEEK_END); /* an empty file gets its first line */
	(void)history(p->history, &ev, H_NSAVE_FP, (size_t)0, f);
	(void)fclose(f);
}

/* ---- completion ---- */

static int columns(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void candidates_show(const struct candidates *c)
{
	size_t width = 0, per_line;

	for (size_t i = 0; i < c->n; i++)
		width = strlen(c->list[i]) > width ? strlen(c->list[i]) : width;
	per_line = (size_t)columns() / (width + 2);
	per_line = per_line > 0 ? per_line : 1;
	(void)puts("");
	for (size_t i = 0; i < c->n; i++)
		(void)printf("%-*s%s", (int)width, c->list[i],
			     (i + 1) % per_line == 0 || i + 1 == c->n ? "\n" : "  ");
	(void)fflush(stdout);
}

static bool is_folder(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && text[len - 1] == '/';
}

/* What is sure is put in; when nothing is, the choice is shown. */
static unsigned char candidates_use(EditLine *el, const struct candidates *c, size_t begun)
{
	size_t common = candidates_common(c);
	_cleanup_free_ char *text = NULL;

	if (c->n == 0)
		return CC_ERROR;
	if (c->n > 1 && common <= begun) {
		candidates_show(c);
		return CC_REDISPLAY;
	}
	if (asprintf(&text, "%.*s%s", (int)(common - begun), c->list[0] + begun,
		     c->n == 1 && !is_folder(c->list[0]) ? " " : "") < 0)
		return CC_ERROR;
	(void)el_insertstr(el, text);
	return CC_REFRESH;
}

static unsigned char on_tab(EditLine *el, wint_t key)
{
	const LineInfo *info = el_line(el);
	_cleanup_free_ char *line = NULL;
	struct candidates c;
	struct prompt *p;
	unsigned char result;

	(void)key;
	if (el_get(el, EL_CLIENTDATA, (void **)&p) != 0)
		return CC_ERROR;
	line = strndup(info->buffer, (size_t)(info->cursor - info->buffer));
	if (line == NULL)
		return CC_ERROR;
	complete_line(p->ctl, line, &c);
	result = candidates_use(el, &c, strlen(line) - c.start);
	candidates_release(&c);
	return result;
}

/* ---- the line ---- */

/*
 * Ctrl+C and Ctrl+Z as keys.  As a signal, what comes just before libedit waits for a key is lost
 * (seen).
 */
static unsigned char on_drop(EditLine *el, wint_t key)
{
	const LineInfo *info = el_line(el);
	int n = (int)(info->lastchar - info->buffer);

	(void)key;
	(void)el_cursor(el, (int)(info->lastchar - info->cursor));
	el_deletestr(el, n);
	(void)puts("^C");
	(void)el_insertstr(el, "\n");
	return CC_NEWLINE;
}

static unsigned char on_suspend(EditLine *el, wint_t key)
{
	(void)el;
	(void)key;
	(void)raise(SIGTSTP); /* libedit leaves the terminal as it was, and comes back */
	return CC_REFRESH;
}

static char *prompt_text(EditLine *el)
{
	(void)el;
	return (char *)(uintptr_t) "teslactl> ";
}

/* While a command runs Ctrl+C ends the waiting for an answer; it does not end the shell. */
static void on_interrupt(int sig)
{
	(void)sig;
}

struct prompt *prompt_open(const struct ctl *ctl)
{
	struct prompt *p = calloc(1, sizeof *p);
	struct sigaction interrupt = { .sa_handler = on_interrupt };

	if (p == NULL)
		return NULL;
	p->ctl = ctl;
	p->el = el_init("teslactl", stdin, stdout, stderr);
	if (p->el == NULL) {
		free(p);
		return NULL;
	}
	(void)sigaction(SIGINT, &interrupt, &p->before);
	history_open(p);
	(void)el_set(p->el, EL_CLIENTDATA, p);
	(void)el_set(p->el, EL_PROMPT, prompt_text);
	(void)el_set(p->el, EL_SIGNAL, 1);
	(void)el_set(p->el, EL_EDITOR, "emacs");
	if (p->history != NULL)
		(void)el_set(p->el, EL_HIST, history, p->history);
	/* Wide, as libedit keeps copies of what is not, and forgets them. */
	(void)el_wset(p->el, EL_ADDFN, L"complete", L"Completes the word", on_tab);
	(void)el_set(p->el, EL_BIND, "^I", "complete", NULL);
	(void)el_set(p->el, EL_SETTY, "-d", "-isig", NULL);
	(void)el_wset(p->el, EL_ADDFN, L"drop", L"Drops the line", on_drop);
	(void)el_wset(p->el, EL_ADDFN, L"suspend", L"Stops the shell", on_suspend);
	(void)el_set(p->el, EL_BIND, "^C", "drop", NULL);
	(void)el_set(p->el, EL_BIND, "^Z", "suspend", NULL);
	(void)el_set(p->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
	(void)el_source(p->el, NULL);
	return p;
}

void prompt_close(struct prompt *p)
{
	if (p == NULL)
		return;
	el_end(p->el);
	if (p->history != NULL)
		history_end(p->history);
	(void)sigaction(SIGINT, &p->before, NULL);
	free(p->path);
	free(p->line);
	free(p);
}

const char *prompt_line(struct prompt *p)
{
	const char *got;
	int n;

	do {
		/* Before the prompt is there: what is typed at once is for the editor. */
		(void)el_set(p->el, EL_PREP_TERM, 1);
		errno = 0;
		got = el_gets(p->el, &n);
		if (got == NULL && errno == EINTR) {
			(void)puts("");
			(void)fflush(stdout);
		}
	} while (got == NULL && errno == EINTR);
	free(p->line);
	p->line = got != NULL && n > 0 ? strndup(got, (size_t)n) : NULL;
	if (p->line == NULL)
		return NULL;
	history_keep(p, p->line);
	p->line[strcspn(p->line, "\n")] = '\0';
	return p->line;
}
