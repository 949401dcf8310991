/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands: one table.  The parser, the help, the shell, the completion and, by a test, the
 * manual page are made of it.
 */
#ifndef TESLACTL_COMMANDS_H
#define TESLACTL_COMMANDS_H

#include "teslactl/ctl.h"

enum word_kind {
	WORD_NONE,
	WORD_ANALYZER,
	WORD_VARIABLE,
	WORD_EXPORTER,
	WORD_CHOICE,
	WORD_COMMAND,
	WORD_FILE,
	WORD_LINE,
	WORD_TEXT,
};

struct operand {
	enum word_kind kind;
	/* Under which key the request has it; NULL: the command itself looks at the words. */
	const char *key;
	const char *choices; /* what else it may be, or for a WORD_CHOICE all: split by spaces */
	bool required, many; /* many: the last one, as often as one likes */
};

/* Options that not every command takes. */
enum command_option {
	OPTION_SECONDS = 1,
	OPTION_TO = 2,
	OPTION_YES = 4,
	OPTION_PLUGINS = 8,
	OPTION_ACCEPT = 16,
	OPTION_CAPTURE = 32,
	OPTION_SCAN = 64,
	OPTION_EXPECT = 128,
};

enum command_place { ANYWHERE, IN_SHELL, OUT_OF_SHELL };

#define COMMAND_OPERANDS 3

struct command {
	const char *name, *args, *help; /* args: "" or as in the help; help: the first line first */
	const char *aliases; /* in the shell: words of the predecessor, split by spaces */
	unsigned options;
	struct operand operands[COMMAND_OPERANDS];
	int timeout_ms;	       /* 0: the usual; some answers come when the work is done */
	const char *refused;   /* what it means that the daemon said no; NULL: nothing more */
	enum command_place in; /* where it can be used */
	/* What the answer means for people: prints it, and returns an exit code. */
	int (*show)(const struct ctl *ctl, const msgpack_object *answer);
	/* The answer as JSON, when that is not the whole answer; NULL: it is. */
	int (*json)(const struct ctl *ctl, const msgpack_object *answer, struct tesla_error *err);
	int (*code)(const msgpack_object *answer); /* the exit code beyond that; NULL: 0 */
	int (*run)(const struct ctl *ctl);	   /* instead of one request and `show` */
};

/* Ended by a row without name. */
extern const struct command commands[];
/* By its name, and in the shell by what the predecessor called it too, in any case. */
const struct command *command_find(const char *name, bool in_shell);
/* NULL: it can be used here; else why not. */
const char *command_misplaced(const struct command *c, bool in_shell);
/* The operand that word i of `words` is for; NULL: there are too many words. */
const struct operand *command_operand(const struct command *c, char *const *words, size_t i);
/* The next of words that are split by spaces: its length; 0: there is none. */
size_t word_next(const char **at);
int command_run(const struct ctl *ctl);

#endif
