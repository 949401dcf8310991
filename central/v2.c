/* SPDX-License-Identifier: Apache-2.0 */
/* /ws/v2: what its calls have in common. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "central/local_time.h"
#include "central/v2_internal.h"

int v2_start(struct app *app, struct tesla_error *err)
{
	struct v2 *v2 = calloc(1, sizeof *v2);
	int r = 0;

	if (v2 == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	TAILQ_INIT(&v2->waiting);
	TAILQ_INIT(&v2->asking);
	app->v2 = v2;
	if (app->conf->control_key[0] != '\0')
		r = keys_read(app->conf->control_key, true, &v2->keys, err);
	return r;
}

void v2_free(struct v2 *v2)
{
	if (v2 == NULL)
		return;
	keys_forget(&v2->keys);
	free(v2->memories);
	free(v2);
}

bool v2_number(const char *text, int64_t *ret)
{
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 18 || text[n] != '\0')
		return false;
	*ret = strtoll(text, NULL, 10);
	return *ret > 0;
}

int v2_zone(const struct app *app, const struct registry_node *n, const struct zone **ret,
	    struct tesla_error *err)
{
	return zones_get(app->zones, n->zone, ret, err);
}

void v2_say(struct call *c, unsigned status, const char *fmt, ...)
{
	char text[400];
	struct buf out;
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	len = utf8_clean(text, strlen(text), UTF8_LINE); /* foreign words may be in it */
	buf_init(&out, sizeof text);
	(void)buf_append(&out, text, len);
	request_answer(c->request, status, "text/plain; charset=utf-8", &out);
}

void v2_answer(struct call *c, struct buf *packed)
{
	c->form = CALL_JSON;
	call_answer_ok(c, packed);
}

bool v2_days(const char *from, const char *to, int64_t midnights_s[2])
{
	if (!local_date_parse(from, &midnights_s[0]) || !local_date_parse(to, &midnights_s[1]) ||
	    midnights_s[0] > midnights_s[1])
		return false;
	midnights_s[1] += 86400;
	return true;
}
