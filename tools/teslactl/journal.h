/* SPDX-License-Identifier: Apache-2.0 */
/* teslactl journal: what waits for whom, why it does, and what can be done about it. */
#ifndef TESLACTL_JOURNAL_H
#define TESLACTL_JOURNAL_H

#include "teslactl/ctl.h"

#define JOURNAL_ARGS "[list | rejects | export | drain | purge] [EXPORTER]"
#define JOURNAL_HELP \
	"Records that wait: per exporter how many, since when, and why.\n" \
	"      rejects: what an exporter refused for good.\n" \
	"      export: records as JSON lines (export rejects: of the reject lists).\n" \
	"      drain: tries now, or with --to hands them on to another exporter.\n" \
	"      purge: forgets them, once you have said yes (purge rejects: those too)."

int journal_run(const struct ctl *ctl);
/* The map `journal` of status, in a line. */
void journal_summary(const msgpack_object *journal);

#endif
