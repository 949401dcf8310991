/* SPDX-License-Identifier: Apache-2.0 */
/* A tesla-host with one exporter, fed as teslad would (docs/wire.md), as fast as it takes it. */
#ifndef BENCH_EXPORTER_H
#define BENCH_EXPORTER_H

#include <sys/types.h>

#include "base/buf.h"

#define EXPORTER_VARIABLES 10 /* readings in a sweep */

struct exporter {
	pid_t pid;
	int fd;
	unsigned sweeps;
	uint64_t n;
	struct buf frame;
};

/* `sweeps` in a batch, each of an analyzer of its own.  0, or negative errno. */
int exporter_start(struct exporter *x, const char *host, const char *plugin, const char *endpoint);
/* One batch. */
int exporter_burst(struct exporter *x);

#endif
