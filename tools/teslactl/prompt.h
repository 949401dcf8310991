/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that are typed, by libedit: editing, history, completion. */
#ifndef TESLACTL_PROMPT_H
#define TESLACTL_PROMPT_H

#include "teslactl/ctl.h"

struct prompt;

/* ctl: for the completion; lives as long.  NULL: this terminal cannot do it. */
struct prompt *prompt_open(const struct ctl *ctl);
void prompt_close(struct prompt *p);
/* The next line without its end, valid until the next call; NULL: the end of the input. */
const char *prompt_line(struct prompt *p);

#endif
