/* SPDX-License-Identifier: Apache-2.0 */
/* What all parts of the server ask. */
#include "central/app.h"

#include <time.h>

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
		log_msg(&app->log, LOG_LEVEL_ERROR, "%s", err.text);
	return r;
}
