/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subscribers in a process of their own, whose CPU is not counted; what they got is seen in shared
 * memory.
 */
#ifndef BENCH_SUBSCRIBER_H
#define BENCH_SUBSCRIBER_H

#include <stdatomic.h>
#include <stdint.h>

#define SUBSCRIBERS_MAX 64

struct tally {
	_Atomic uint64_t messages, topics, bodies;
}; /* of all; the last two in bytes */

/*
 * n sockets, each for everything that begins with "reading/".  They end with this process.
 * NULL with errno.
 */
const struct tally *subscribers_start(const char *endpoint, int n);

#endif
