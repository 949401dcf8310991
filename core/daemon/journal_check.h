/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal is read through before it is used: LMDB may crash on a broken file, or hand out wrong
 * bytes.  That is done by a child of its own, so that a crash is no more than an answer.
 */
#ifndef DAEMON_JOURNAL_CHECK_H
#define DAEMON_JOURNAL_CHECK_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/log.h"

struct journal_check {
	const char *program, *dir; /* teslad, and the journal's folder */
	uint64_t aside_bytes; /* at most, of those set aside; the last one stays all the same */
	const atomic_bool *cancel; /* true: a child is ended, -ECANCELED.  NULL: never */
};

/*
 * Makes `dir` fit for journal_open: has a child read it through; when it is damaged, has another
 * carry over what can be read into a new one, and sets the old one aside as
 * <dir>.damaged-<UTC time>[-n], of which the newest five are kept.  Blocks: for a thread of the
 * pool.  *set_aside: the name, for free(), and *err says what was wrong; NULL: nothing was.
 * *carried: records that were.  -errno: that is not known now, or not possible (no room, a read
 * error, a child that was ended or is too slow); `dir` is as it was, and may be tried again.
 */
int journal_prepare(const struct journal_check *c, char **set_aside, uint64_t *carried,
		    struct tesla_error *err);

/*
 * The children: `teslad --journal check PARENT DIR`, `teslad --journal salvage PARENT DIR NEW`
 * (or salvage-trees).
 * Returns the exit code.
 */
int journal_child(int argc, char **argv);

#endif
