/* SPDX-License-Identifier: Apache-2.0 */
/* What a child of journal_prepare does with a journal, and how it says what came of it. */
#ifndef DAEMON_JOURNAL_SCAN_H
#define DAEMON_JOURNAL_SCAN_H

#include <stdbool.h>
#include <tesla/plugin.h>

/* Exit codes; a line on standard output follows: a number (records, or errno), and a sentence. */
enum scan_exit { SCAN_GOOD, SCAN_DAMAGED, SCAN_FAILED, SCAN_NO_MEMORY };

/*
 * Reads all of it; 0, or -EUCLEAN: *err says what is damaged, or another -errno: that is not known.
 * *records: how many it says it has.
 */
int journal_scan(const char *dir, uint64_t *records, struct tesla_error *err);
/*
 * Carries over what can be read, into a journal that is made for it.  *carried: records.
 * trees_only: not what hangs from nothing.
 */
int journal_salvage(const char *dir, const char *into, bool trees_only, uint64_t *carried,
		    struct tesla_error *err);

#endif
