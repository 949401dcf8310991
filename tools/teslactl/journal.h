/* SPDX-License-Identifier: Apache-2.0 */
/* teslactl journal: what waits for whom, why it does, and what can be done about it. */
#ifndef TESLACTL_JOURNAL_H
#define TESLACTL_JOURNAL_H

#include "teslactl/ctl.h"

#define JOURNAL_ARGS "[list | rejects | export | drain | purge] [EXPORTER]"
#define JOURNAL_HELP \
	"Records that wait: per exporter how many, since when, and why.  rejects lists what an\n" \
	"      exporter refused for good; export prints records as JSON lines (export rejects: those\n" \
	"      of the reject lists); drain tries now, or with --to hands the records on to another\n" \
	"      exporter; purge forgets them, once you have said yes."

int journal_run(const struct ctl *ctl);
/* The map `journal` of status, in a line. */
void journal_summary(const msgpack_object *journal);

#endif
