/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand at the cursor: commands, options, and what the daemon has. */
#ifndef TESLACTL_COMPLETE_H
#define TESLACTL_COMPLETE_H

#include "teslactl/args.h"

/* What the line says so far of the word at its end; of the tables alone. */
struct place {
	const struct command *command;
	bool lost;			/* after what is no command */
	bool options;			/* a name of an option is begun */
	const struct option_row *value; /* the value of this one is */
	/* One or two operands it may be for: an analyzer that may be left out, and the next. */
	const struct operand *operands[2];
	int64_t analyzer;		     /* that was named before; 0: none */
	const char *endpoint, *key, *server; /* likewise; NULL: none */
	int timeout_ms;			     /* likewise; 0: none */
	const char *begun;		     /* the word so far */
	size_t start;			     /* where it begins in the line */
};
/* words: those before the cursor's, without the program; begun: the cursor's. */
void place_find(struct place *p, char **words, size_t n, const char *begun, bool in_shell);

struct candidates {
	char **list; /* sorted, each once */
	size_t n;
	size_t start; /* the byte of the line where what they replace begins */
};
/*
 * For a line up to the cursor; with ctl->in_shell it begins with the command, else with the
 * program.  Asks the daemon, and takes it for silent after a moment.
 */
void complete_line(const struct ctl *ctl, const char *line, struct candidates *ret);
void candidates_release(struct candidates *c);
/* How much all of them begin with, in bytes. */
size_t candidates_common(const struct candidates *c);

/* For bash: one a line. */
int complete_print(const struct ctl *ctl, const char *line);

#endif
