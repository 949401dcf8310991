/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How late this machine wakes a sleeper: jitter INTERVAL_MS prints by how many us, for each
 * multiple of the interval on the wall clock, until it is killed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

static int64_t wall_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void sleep_until(int64_t due_us)
{
	const struct timespec t = { due_us / 1000000, due_us % 1000000 * 1000 };

	while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

int main(int argc, char **argv)
{
	int64_t interval = argc == 2 ? strtol(argv[1], NULL, 10) * 1000 : 0, due;

	if (interval <= 0) {
		(void)fputs("usage: jitter INTERVAL_MS\n", stderr);
		return 2;
	}
	(void)prctl(PR_SET_TIMERSLACK, 1);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	for (due = wall_us() / interval * interval;;) {
		due += interval;
		sleep_until(due);
		(void)printf("%" PRId64 "\n", wall_us() - due);
	}
}
