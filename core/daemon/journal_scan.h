/* SPDX-License-Identifier: Apache-2.0 */
/* What a child of journal_prepare does with a journal, and how it says what came of it. */
#ifndef DAEMON_JOURNAL_SCAN_H
#define DAEMON_JOURNAL_SCAN_H

#include <tesla/plugin.h>

/* Exit codes; a line on standard output follows: a number (errno, records), and a sentence. */
enum scan_exit { SCAN_GOOD, SCAN_DAMAGED, SCAN_FAILED };

/* Reads all of it; 0, or -EUCLEAN: *err says what is damaged, or another -errno. */
int journal_scan(const char *dir, struct tesla_error *err);
/* Carries over what can be read, into a journal that is made for it.  *carried: records. */
int journal_salvage(const char *dir, const char *into, uint64_t *carried, struct tesla_error *err);

#endif
