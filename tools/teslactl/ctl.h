/* SPDX-License-Identifier: Apache-2.0 */
/* What all commands of teslactl share: what was asked for, and how to ask the daemon. */
#ifndef TESLACTL_CTL_H
#define TESLACTL_CTL_H

#include <tesla/client.h>

#include "base/mp.h"
#include "teslactl/rows.h"

enum ctl_exit {
	CTL_QUIT = -1, /* the shell ends */
	CTL_GOOD = 0,
	CTL_NO = 1, /* the daemon says no, or the configuration is wrong */
	CTL_USAGE = 2,
	CTL_NO_DAEMON = 3, /* it cannot be reached, or does not answer */
	CTL_NOTHING = 4,   /* watch ended without a value */
};

struct command;

struct ctl {
	const char *endpoint;	  /* NULL: the default */
	const char *key, *server; /* files: our keys, and with them the daemon's; or NULL */
	bool json;
	bool in_shell;
	int timeout_ms;	    /* 0: what the command needs */
	int64_t seconds_ms; /* watch, top and trace end after so long; 0: never by itself */
	const struct command *command;
	char **words; /* the command's arguments */
	size_t n_words;
	int64_t line;	      /* of the words, for trace */
	struct filter filter; /* of the words: which analyzer, which variables */
	const char *choice;   /* of the words: the one of a few, such as a log level */
	const char *to;	      /* --to of journal */
	const char *capture;  /* --capture of trace */
	const char *addresses, *baud, *parity; /* of scan: lists, or NULL */
	bool rtu;			       /* --rtu of scan */
	const char *expect;		       /* --expect of probe */
	bool yes;			       /* --yes of journal: do not ask */
	bool plugins, accept;		       /* --plugins of reload, --accept of identify */
};

struct answer {
	uint8_t *bytes;
	struct mp_doc doc;
};

/*
 * Says what is wrong on standard error, and with --json as an object on standard output too.
 * Returns `code`.
 */
int ctl_say(const struct ctl *ctl, int code, const char *text);
/* What is no failure, on standard error only. */
__attribute__((format(printf, 1, 2))) void ctl_tell(const char *fmt, ...);
/* The same of an error of ours, or of an answer that makes no sense; returns CTL_NO. */
int ctl_complain(const struct ctl *ctl, const struct tesla_error *err);
/*
 * One command, one answer; CTL_GOOD: release it with answer_release.  Else it was complained of.
 * args: a MessagePack map of more keys, or NULL.
 */
int ctl_request(const struct ctl *ctl, const char *command, const struct buf *args,
		struct answer *ret);
int ctl_ask(const struct ctl *ctl, const char *command, struct answer *ret);
/* The same without a complaint: *text says why not; free() it.  For any thread. */
int ctl_try(const struct ctl *ctl, const char *command, const struct buf *args, struct answer *ret,
	    char **text);
/* A request of libtesla's gave *err: complains of it as ctl_request does, and returns the code. */
int ctl_refused(const struct ctl *ctl, const struct tesla_client *c, const char *command,
		const struct tesla_error *err);
void answer_release(struct answer *a);

#endif
