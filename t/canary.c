/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proof that a sanitizer is on: does one thing that it must report.  Built with the flags of the
 * rest, so that a build which lost them is found out.  Run by t/canary.sh, which expects it to
 * fail.
 */
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int out_of_bounds(void)
{
	volatile size_t end = 8;
	char *p = calloc(1, end);
	int byte = p != NULL ? p[end] : 0;

	free(p);
	return byte;
}

static int overflow(void)
{
	volatile int n = INT_MAX;

	return n + 1;
}

static int leak(void)
{
	volatile char *p = malloc(8);

	p[0] = 1;
	return 0;
}

static void *count(void *n)
{
	++*(volatile int *)n;
	return NULL;
}

static int race(void)
{
	pthread_t a, b;
	int n = 0;

	if (pthread_create(&a, NULL, count, &n) != 0 || pthread_create(&b, NULL, count, &n) != 0)
		return 0;
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	return n;
}

static const struct {
	const char *name;
	int (*mistake)(void);
} mistakes[] = {
	{ "out-of-bounds", out_of_bounds },
	{ "overflow", overflow },
	{ "leak", leak },
	{ "race", race },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++)
		if (argc == 2 && strcmp(argv[1], mistakes[i].name) == 0) {
			printf("%d\n", mistakes[i].mistake());
			return 0;
		}
	fprintf(stderr, "usage: canary out-of-bounds|overflow|leak|race\n");
	return 2;
}
