/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is refused is said once: the same again only every ten minutes, with how often, and in all
 * no more than some lines a minute, whoever tries what.  Pure: clock and log are the caller's.
 */
#ifndef DAEMON_REFUSALS_H
#define DAEMON_REFUSALS_H

#include <tesla/plugin.h>

#define REFUSALS_MAX 32u /* kept apart; of more, the one that is longest ago is forgotten */
#define REFUSALS_A_MINUTE 20u
#define REFUSALS_AGAIN_US INT64_C(600000000)

struct refusal {
	uint64_t key;
	int64_t said_us, seen_us;
	uint64_t held; /* since it was said */
};

struct refusals { /* zero is empty */
	struct refusal list[REFUSALS_MAX];
	size_t n;
	int64_t minute_us;
	unsigned in_minute;
	uint64_t unsaid; /* for the bound of lines, since the last one */
};

/*
 * Is it to be said now?  `who` and `what` together are what makes two of them the same.  True:
 * *held is how often it came since it was said, *unsaid how many others were kept back.
 */
bool refusals_due(struct refusals *r, const char *who, const char *what, int64_t now_us,
		  uint64_t *held, uint64_t *unsaid);

#endif
