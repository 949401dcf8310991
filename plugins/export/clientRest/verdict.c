/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict.h"

#include <errno.h>
#include <string.h>

#include "text.h"

#define LINE_SIZE 81

/* The first row that fits. */
static const struct rule {
	long from, to;
	enum tesla_delivery delivery;
	const char *advice;
} rules[] = {
	{ 300, 399, TESLA_RETRY, ": set target to where the server is" },
	{ 401, 401, TESLA_REFUSED, ": see token, user and password" },
	{ 403, 403, TESLA_REFUSED, ": see token, user and password" },
	/* A path that is not there says nothing about records: none is given up for it. */
	{ 404, 405, TESLA_RETRY, ": see target" },
	{ 407, 407, TESLA_REFUSED, ": see proxy" },
	{ 408, 408, TESLA_RETRY, "" },
	{ 425, 425, TESLA_RETRY, "" },
	{ 429, 429, TESLA_RETRY, "" },
	{ 400, 499, TESLA_REJECT, "" },
	{ 0, 999, TESLA_RETRY, "" },
};

void verdict_reject(struct tesla_verdict *v, int code, const char *fmt, ...)
{
	va_list ap;

	*v = (struct tesla_verdict){ .delivery = TESLA_REJECT, .why.code = code };
	va_start(ap, fmt);
	(void)vsnprintf(v->why.text, sizeof v->why.text, fmt, ap);
	va_end(ap);
}

static const struct rule *rule_of(long status)
{
	const struct rule *r = rules;

	while (r < rules + sizeof rules / sizeof *rules - 1 && (status < r->from || status > r->to))
		r++;
	return r;
}

void verdict_of(const struct http_answer *a, const char *url, struct tesla_verdict *v)
{
	const struct rule *rule = rule_of(a->status);
	char line[LINE_SIZE];

	*v = (struct tesla_verdict){ .retry_ms = a->retry_after_ms };
	if (a->trouble != NULL) {
		(void)tesla_fail(&v->why, -EIO, "%.100s: %.120s", url, a->trouble);
		return;
	}
	v->delivery = rule->delivery;
	if (v->delivery != TESLA_RETRY)
		v->retry_ms = 0;
	if (a->location != NULL)
		text_line(line, sizeof line, a->location, strlen(a->location));
	else
		text_line(line, sizeof line, a->body, a->len);
	(void)tesla_fail(&v->why, -EPROTO, "%.100s: answered %ld%s%s%s", url, a->status,
			 a->location ? " to "
			 : line[0]   ? ": "
				     : "",
			 line, rule->advice);
}
