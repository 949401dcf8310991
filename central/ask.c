/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords from a terminal or standard input. */
#include "central/ask.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define CONTROL_C '\003'

/* A byte at a time: what is behind the line is not ours, and stdio would keep a copy. */
static int read_line(char text[ASK_TEXT], struct tesla_error *err)
{
	size_t len = 0;
	bool too_long = false;
	char c = '\0';
	ssize_t n;

	while ((n = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n' && c != CONTROL_C) {
		if (c == '\0')
			return tesla_fail(err, -EINVAL, "a password has no NUL");
		if (len < ASK_TEXT - 1)
			text[len++] = c;
		else
			too_long = true;
	}
	text[len] = '\0';
	if (n < 0)
		return tesla_fail(err, -errno, "standard input: %s", strerror(errno));
	if (n == 1 && c == CONTROL_C)
		return tesla_fail(err, -EINTR, "given up");
	if (n == 0 && len == 0)
		return tesla_fail(err, -EIO, "no password came");
	return too_long ? tesla_fail(err, -EINVAL, "a password has at most %u bytes", PASSWORD_MAX)
			: 0;
}

/*
 * Without an echo, and with control-C as a byte as any other: a signal would leave the terminal
 * without one.
 */
static int read_hidden(const char *prompt, char text[ASK_TEXT], struct tesla_error *err)
{
	struct termios before, hidden;
	int r;

	if (tcgetattr(STDIN_FILENO, &before) != 0)
		return tesla_fail(err, -errno, "terminal: %s", strerror(errno));
	hidden = before;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	hidden.c_cc[VEOL] = CONTROL_C; /* read at once */
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) != 0)
		return tesla_fail(err, -errno, "terminal: %s", strerror(errno));
	(void)fputs(prompt, stderr); /* not before: somebody may type at once */
	r = read_line(text, err);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	(void)fputc('\n', stderr);
	return r;
}

static int ask_twice(const char *what, char password[ASK_TEXT], struct tesla_error *err)
{
	char prompt[400], again[ASK_TEXT] = "";
	int r;

	(void)snprintf(prompt, sizeof prompt, "Password of %s: ", what);
	r = read_hidden(prompt, password, err);
	if (r == 0)
		r = password_check(password, err);
	if (r == 0)
		r = read_hidden("Once more: ", again, err);
	if (r == 0 && strcmp(password, again) != 0)
		r = tesla_fail(err, -EINVAL, "these are two passwords: nothing is changed");
	sodium_memzero(again, sizeof again);
	return r;
}

int ask_password(const char *what, char password[ASK_TEXT], struct tesla_error *err)
{
	int r;

	password[0] = '\0';
	r = isatty(STDIN_FILENO) ? ask_twice(what, password, err) : read_line(password, err);
	if (r == 0)
		r = password_check(password, err);
	if (r != 0)
		sodium_memzero(password, ASK_TEXT);
	return r;
}
