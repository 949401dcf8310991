/* SPDX-License-Identifier: Apache-2.0 */
/* healthz, readyz. */
#include "central/pages.h"

#include <string.h>

static void say(struct call *c, unsigned status, const char *line)
{
	struct buf out;

	buf_init(&out, 1000);
	(void)buf_append(&out, line, strlen(line));
	request_answer(c->request, status, "text/plain; charset=utf-8", &out);
}

void page_healthz(struct call *c)
{
	say(c, 200, "ok\n");
}

void page_readyz(struct call *c)
{
	say(c, c->app->stopping ? 503 : 200, c->app->stopping ? "ending\n" : "ready\n");
}
