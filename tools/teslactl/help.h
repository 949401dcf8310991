/* SPDX-License-Identifier: Apache-2.0 */
/* The help, made of the tables of commands and options. */
#ifndef TESLACTL_HELP_H
#define TESLACTL_HELP_H

#include "teslactl/args.h"

#define HELP_OPTIONS 32
#define HELP_FLAGS (ARGP_HELP_STD_HELP & ~(unsigned)ARGP_HELP_EXIT_OK)

/* For argp: options and help, without a parser; `list` must live as long. */
struct argp help_argp(struct argp_option list[HELP_OPTIONS]);
/* Of one command, with its options. */
void help_command(const struct command *c);
/* The command `help`. */
int help_run(const struct ctl *ctl);

#endif
