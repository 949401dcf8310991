/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel says of a process.  Reads /proc, which waits for no disk; a process that is gone,
 * or that we may not look into, has nothing to tell.
 */
#ifndef BASE_METRICS_PROCESS_H
#define BASE_METRICS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

struct process_usage {
	double cpu_s; /* user and system, of all its threads */
	uint64_t virtual_bytes, resident_bytes;
};
/* False: it is not known. */
bool process_usage(int pid, struct process_usage *ret);
/* Its share of what it shares with others counted as such.  False: it is not known. */
bool process_proportional(int pid, uint64_t *ret_bytes);
/* Descriptors that this process has open.  False: it is not known. */
bool process_descriptors(uint64_t *ret);

#endif
