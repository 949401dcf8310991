/* SPDX-License-Identifier: Apache-2.0 */
/* A timer that is right to microseconds: a timerfd, as libuv's own counts in milliseconds. */
#ifndef SIM_TICK_H
#define SIM_TICK_H

#include <stdint.h>
#include <uv.h>

struct tick;

struct tick *tick_new(uv_loop_t *loop, void (*fn)(void *arg), void *arg); /* NULL with errno */
/* Once, at this monotonic time; a time that is past fires at once.  0: not at all. */
void tick_at(struct tick *t, int64_t mono_us);
void tick_free(struct tick *t); /* fn is not called any more */

#endif
