/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks, in microseconds. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t clock_mono_us(void); /* CLOCK_MONOTONIC: for waiting and for lengths of time */
int64_t clock_wall_us(void); /* CLOCK_REALTIME: since 1970 UTC; may step */

#endif
