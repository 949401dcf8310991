/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Day files that are finished: after some days removed, or compressed (how: pack.h).
 *
 * A round goes through the analyzers' folders, in as many calls as it takes.  How old a day is says
 * the newest one of its folder that is not in the future of the wall clock: a stray name makes
 * nothing old.  The day of the last append is left alone, whatever its date.
 */
#ifndef LOCALFILE_ARCHIVE_H
#define LOCALFILE_ARCHIVE_H

#include <tesla/plugin.h>

struct archive {
	const struct tesla_host *host;
	const char *target, *ext;
	int64_t keep_days; /* 0: for ever */
	bool gzip;

	/* the round that is on */
	bool packing;		  /* the second time through; the first time removes */
	int64_t analyzer, day;	  /* the folder and day in hand; 0, -1: at its beginning */
	bool in_folder;		  /* there may be more to do there */
	struct pack *pack;	  /* of `day`; NULL: none is begun */
	struct tesla_error error; /* the last that happened */
	size_t n_removed;
	int64_t first_removed, last_removed;

	bool removing;
	int64_t clock_s;       /* wall clock less monotonic */
	int64_t no_removal_us; /* monotonic: until then */
};

void archive_init(struct archive *a);
void archive_release(struct archive *a);
/* 1: the round goes on at the next call; 0: it is over, a->error says what went wrong in it. */
int archive_work(struct archive *a, int target_fd, int64_t until_us);

#endif
