/* SPDX-License-Identifier: Apache-2.0 */
/* Where messages for people go. */
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

static const struct {
	const char *name;
	int level;
} levels[] = {
	{ "error", LOG_LEVEL_ERROR },	 { "warning", LOG_LEVEL_WARNING },
	{ "info", LOG_LEVEL_INFO },	 { "debug", LOG_LEVEL_DEBUG },
	{ "critical", LOG_LEVEL_ERROR }, { "warn", LOG_LEVEL_WARNING },
};

static void sink_journald(void *arg, int level, const char *text)
{
	(void)arg;
	(void)fprintf(stderr, "<%d>%s\n", level, text);
}

void log_to_stderr(void *arg, int level, const char *text)
{
	struct timespec now;
	struct tm tm;
	char when[32] = "";

	(void)arg;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (localtime_r(&now.tv_sec, &tm) != NULL)
		(void)strftime(when, sizeof when, "%F %T", &tm);
	(void)fprintf(stderr, "%s.%03ld %s: %s\n", when, now.tv_nsec / 1000000,
		      log_level_name(level), text);
}

/* Who starts us may have been under journald and sent our standard error elsewhere. */
static bool stderr_is_journald(void)
{
	const char *stream = getenv("JOURNAL_STREAM"); /* device:inode, systemd.exec(5) */
	unsigned long long dev, ino;
	struct stat st;

	return stream != NULL && sscanf(stream, "%20llu:%20llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

void log_init_stderr(struct log *log, int level)
{
	*log = (struct log){ .level = level,
			     .sink = stderr_is_journald() ? sink_journald : log_to_stderr };
}

void log_vmsg(const struct log *log, int level, const char *fmt, va_list ap)
{
	char text[1024];

	if (level > atomic_load_explicit(&log->level, memory_order_relaxed))
		return;
	(void)vsnprintf(text, sizeof text, fmt, ap);
	for (char *p = text; *p != '\0'; p++) /* foreign text in a message must not fake a line */
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
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
