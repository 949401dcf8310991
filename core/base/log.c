/* SPDX-License-Identifier: Apache-2.0 */
/* Where messages for people go. */
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/utf8.h"

static const struct {
	const char *name;
	int level;
} levels[] = {
	{ "error", LOG_LEVEL_ERROR },	 { "warning", LOG_LEVEL_WARNING },
	{ "info", LOG_LEVEL_INFO },	 { "debug", LOG_LEVEL_DEBUG },
	{ "critical", LOG_LEVEL_ERROR }, { "warn", LOG_LEVEL_WARNING },
};

static void to_outlet(void *arg, int level, const char *text)
{
	(void)outlet_line(arg, level, text);
}

void log_init_stderr(struct log *log, int level)
{
	*log = (struct log){ .level = level, .sink = to_outlet, .arg = &log->err };
	outlet_init_stderr(&log->err);
}

void log_release(struct log *log)
{
	outlet_release(&log->err);
}

void log_vmsg(const struct log *log, int level, const char *fmt, va_list ap)
{
	char text[1024];

	if (level > atomic_load_explicit(&log->level, memory_order_relaxed))
		return;
	(void)vsnprintf(text, sizeof text, fmt, ap);
	/* Foreign text in a message must not fake a line, nor do anything to who reads it. */
	text[utf8_clean(text, strlen(text), UTF8_LINE)] = '\0';
	log->sink(log->arg, level, text);
}

void log_msg(const struct log *log, int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vmsg(log, level, fmt, ap);
	va_end(ap);
}

int log_level_parse(const char *text, int *ret)
{
	for (size_t i = 0; i < N_ELEMENTS(levels); i++) {
		if (strcasecmp(text, levels[i].name) == 0) {
			*ret = levels[i].level;
			return 0;
		}
	}
	return -EINVAL;
}

const char *log_level_name(int level)
{
	for (size_t i = 0; i < N_ELEMENTS(levels); i++)
		if (levels[i].level == level)
			return levels[i].name;
	return "info";
}
