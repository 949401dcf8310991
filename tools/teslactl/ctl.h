/* SPDX-License-Identifier: Apache-2.0 */
/* What all commands of teslactl share: what was asked for, and how to ask the daemon. */
#ifndef TESLACTL_CTL_H
#define TESLACTL_CTL_H

#include <tesla/client.h>

#include "base/mp.h"
#include "teslactl/rows.h"

enum ctl_exit {
	CTL_GOOD = 0,
	CTL_NO = 1, /* the daemon says no, or the configuration is wrong */
	CTL_USAGE = 2,
	CTL_NO_DAEMON = 3, /* it cannot be reached, or does not answer */
	CTL_NOTHING = 4,   /* watch ended without a value */
};

struct ctl {
	const char *endpoint;	  /* NULL: the default */
	const char *key, *server; /* files: our keys, and with them the daemon's; or NULL */
	bool json;
	int timeout_ms;
	int64_t seconds_ms; /* watch ends after so long; 0: never by itself */
	char **words;	    /* the command's arguments */
	size_t n_words;
	struct filter filter; /* what to watch: of the words */
	const char *to;	      /* --to of journal */
	bool yes;	      /* --yes of journal: do not ask */
};

struct answer {
	uint8_t *bytes;
	struct mp_doc doc;
};

/* Prints "teslactl: ..." to standard error; returns CTL_NO. */
int ctl_complain(const struct tesla_error *err);
/* One command, one answer; CTL_GOOD: release it with answer_release.  Else it was complained of. */
int ctl_ask(const struct ctl *ctl, const char *command, struct answer *ret);
/* The same with more keys: `args` is a MessagePack map, or NULL. */
int ctl_request(const struct ctl *ctl, const char *command, const struct buf *args,
		struct answer *ret);
void answer_release(struct answer *a);

#endif
