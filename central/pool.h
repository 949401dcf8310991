/* SPDX-License-Identifier: Apache-2.0 */
/* Work for libuv's threads: what takes long, or waits for a disk, and needs no order. */
#ifndef CENTRAL_POOL_H
#define CENTRAL_POOL_H

#include "central/app.h"

struct pool_job {
	uv_work_t work_request;
	struct app *app;
	void (*work)(struct pool_job *job); /* in any thread */
	void (*done)(struct pool_job *job); /* in the loop's */
	void *arg;
};

/* The job is the pool's until `done`. */
void pool_submit(struct app *app, struct pool_job *job);

#endif
