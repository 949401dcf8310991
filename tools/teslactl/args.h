/* SPDX-License-Identifier: Apache-2.0 */
/* The command line, and a line of the shell: options, a command, its words. */
#ifndef TESLACTL_ARGS_H
#define TESLACTL_ARGS_H

#include <argp.h>

#include "teslactl/commands.h"

struct option_row {
	struct argp_option argp;
	unsigned only;	     /* enum command_option; 0: every command takes it */
	enum word_kind word; /* what its value is, for the completion */
};
/* Ended by a row without name. */
extern const struct option_row option_rows[];

struct args {
	struct ctl ctl;
	char *complete; /* the line to complete, instead of a command; NULL: none */
	int failed;	/* the word behind the one that getopt does not know */
	unsigned help;	/* was asked for: of argp_help; 0: it was not */
	bool done;	/* help or version was printed: there is nothing to run */
};

/*
 * argv[0] is the program.  args->ctl has the defaults, and in `words` room for argc pointers; texts
 * are not copied.  CTL_USAGE: it was complained of.
 */
int args_parse(struct args *args, int argc, char **argv);

#endif
