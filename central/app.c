/* SPDX-License-Identifier: Apache-2.0 */
/* What all parts of the server ask. */
#include "central/app.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/crc.h"
#include "central/ahead.h"

int64_t app_wall_ms(const struct app *app)
{
	struct timespec t;

	(void)app;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t app_now_ms(const struct app *app)
{
	return (int64_t)uv_now(&app->loop);
}

int app_refresh(struct app *app)
{
	struct tesla_error err;
	int r = registry_refresh(app->registry, &err);

	/* Also when that failed half way. */
	app->registry_changes = registry_changes(app->registry);
	if (r < 0)
		app_say_failure(app, "registry", err.text);
	return r;
}

void app_say_failure(struct app *app, const char *where, const char *sentence)
{
	uint32_t crc = crc32c(0, sentence, strlen(sentence));
	struct peer key = { { 0 } };

	memcpy(key.bytes, &crc, sizeof crc);
	if (limit_take(app->failures, &key, 1, app_now_ms(app)) == 0)
		log_msg(&app->log, LOG_LEVEL_ERROR, "%s: %s", where, sentence);
}

void app_say_ahead(struct app *app, const struct registry_analyzer *a, int64_t end_ms,
		   int64_t now_ms)
{
	struct peer key = { { 0 } };
	char text[AHEAD_TEXT];

	memcpy(key.bytes, &a->row, sizeof a->row);
	if (limit_take(app->ahead, &key, 1, app_now_ms(app)) == 0)
		log_msg(&app->log, LOG_LEVEL_WARNING,
			"node %s, analyzer %" PRId64 ": a record is not taken yet: %s", a->node,
			a->addr, ahead_text(end_ms, now_ms, text));
}
