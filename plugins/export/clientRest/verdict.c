/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict.h"

#include <errno.h>
#include <string.h>

#include "text.h"

#define LINE_SIZE 81

/* The first row that fits, of what is about no record: none is given up for it. */
static const struct rule {
	long from, to;
	enum tesla_delivery delivery;
	const char *advice;
} rules[] = {
	{ 300, 399, TESLA_RETRY, ": set target to where the server is" },
	{ 401, 401, TESLA_REFUSED, ": see token, user and password" },
	{ 403, 403, TESLA_REFUSED, ": see token, user and password" },
	{ 404, 405, TESLA_RETRY, ": see target" },
	{ 406, 406, TESLA_RETRY, ": see api and format" },
	{ 407, 407, TESLA_REFUSED, ": see proxy" },
	{ 408, 408, TESLA_RETRY, "" },
	{ 415, 415, TESLA_RETRY, ": see api, gzip and format" },
	{ 425, 425, TESLA_RETRY, "" },
	{ 429, 429, TESLA_RETRY, "" },
	/* Who says it may be a proxy, or a server of another kind, or one that expects TLS. */
	{ 400, 499, TESLA_RETRY, ": see target and proxy" },
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

static void answered(struct tesla_verdict *v, const struct http_answer *a, const char *url,
		     const char *advice)
{
	char line[LINE_SIZE];
	const char *between = ": ";

	if (a->location != NULL) {
		text_line(line, sizeof line, a->location, strlen(a->location));
		between = " to ";
	} else {
		text_line(line, sizeof line, a->body, a->len);
	}
	(void)tesla_fail(&v->why, -EPROTO, "%.100s: answered %ld%s%s%s", url, a->status,
			 line[0] != '\0' ? between : "", line, advice);
}

void verdict_of(const struct http_answer *a, const char *url, bool of_record,
		struct tesla_verdict *v)
{
	const struct rule *rule = rule_of(a->status);

	*v = (struct tesla_verdict){ .retry_ms = a->retry_after_ms };
	if (a->trouble != NULL) {
		(void)tesla_fail(&v->why, -EIO, "%.100s: %.120s", url, a->trouble);
		return;
	}
	v->delivery = of_record ? TESLA_REJECT : rule->delivery;
	if (v->delivery != TESLA_RETRY)
		v->retry_ms = 0;
	answered(v, a, url, of_record ? "" : rule->advice);
}
