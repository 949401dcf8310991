/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords from whoever runs a command: never from the command line, which others can see. */
#ifndef CENTRAL_ASK_H
#define CENTRAL_ASK_H

#include "central/password.h"

#define ASK_TEXT (PASSWORD_MAX + 1)

/*
 * On a terminal: asks twice, without an echo.  Otherwise a line of standard input.  -EINVAL: not
 * the same twice, or no good; -EINTR; -EIO: there is none.  Wipe it.
 */
int ask_password(const char *what, char password[ASK_TEXT], struct tesla_error *err);

#endif
