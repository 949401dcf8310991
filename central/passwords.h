/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwords that are to be hashed or compared: in libuv's pool, one at a time, since each takes
 * 32 MiB and a processor; the others wait.
 */
#ifndef CENTRAL_PASSWORDS_H
#define CENTRAL_PASSWORDS_H

#include <sys/queue.h>

#include "central/password.h"
#include "central/pool.h"

struct passwords;

struct passwords *passwords_new(struct app *app); /* NULL: no memory */
void passwords_free(struct passwords *p);
uint64_t passwords_refused(const struct passwords *p); /* as too many waited */

struct password_job {
	TAILQ_ENTRY(password_job) waiting; /* passwords.c's */
	struct pool_job pool;
	struct passwords *queue;
	/* The caller's.  `password` is wiped before `done`, which may free the job. */
	char *password;
	const char *compare; /* with this hash; NULL: with that of nobody */
	bool hashes;	     /* instead: `hash` is made */
	bool first;	     /* before those that are not */
	void (*done)(struct password_job *job);
	void *arg;
	/* What came of it. */
	bool same;
	char hash[PASSWORD_HASH];
	int result;
	struct tesla_error error;
};

/* There is room for one, some of it only for those that are first; false is counted as refused. */
bool passwords_room(struct passwords *p, bool first);
/* False: too many wait. */
bool passwords_submit(struct passwords *p, struct password_job *job);

#endif
