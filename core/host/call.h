/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Around every call into a plugin: one at a time where it asks for that, and the core can see who
 * is at work.
 */
#ifndef HOST_CALL_H
#define HOST_CALL_H

#include <pthread.h>

#include "base/blame.h"

/* serial: NULL unless the plugin is TESLA_SERIAL_PLUGIN. */
static inline void call_enter(struct blame_slot *slot, pthread_mutex_t *serial, const char *plugin,
			      const char *call, int64_t line, int64_t analyzer, int64_t limit_us)
{
	if (serial != NULL)
		(void)pthread_mutex_lock(serial);
	blame_enter(slot, plugin, call, line, analyzer, limit_us);
}

static inline void call_leave(struct blame_slot *slot, pthread_mutex_t *serial)
{
	blame_leave(slot);
	if (serial != NULL)
		(void)pthread_mutex_unlock(serial);
}

#endif
