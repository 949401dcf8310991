/* SPDX-License-Identifier: Apache-2.0 */
/* Where messages for people go.  Functions that return errors do not log; who acts on them does. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>
#include <stdatomic.h>
#include <tesla/plugin.h>

#include "base/outlet.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

struct log {
	atomic_int level; /* messages above it are dropped; any thread may set it */
	void (*sink)(void *arg, int level, const char *text); /* one line, no newline */
	void *arg;
	struct outlet err; /* of log_init_stderr(), whatever the sink is now */
};

/*
 * To standard error: with the time and level, or under journald with its "<4>" prefix.  It is not
 * waited for (outlet.h).  *log must stay where it is, and is logged to by one thread at a time.
 */
void log_init_stderr(struct log *log, int level);
/* Nothing is logged any more. */
void log_release(struct log *log);
__attribute__((format(printf, 3, 4))) void log_msg(const struct log *log, int level,
						   const char *fmt, ...);
__attribute__((format(printf, 3, 0))) void log_vmsg(const struct log *log, int level,
						    const char *fmt, va_list ap);
/* "error", "warning", "info", "debug" (any case; "warn", "critical" too); -EINVAL. */
int log_level_parse(const char *text, int *ret);
const char *log_level_name(int level);

#endif
