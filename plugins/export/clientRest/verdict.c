/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict.h"

#include <errno.h>
#include <string.h>

#include "text.h"

#define LINE_SIZE 81
#define TYPE_SIZE 25

/* The first row that fits, of what is about no record: none is given up for it. */
static const struct rule {
	long from, to;
	enum tesla_delivery delivery;
	const char *advice;
} rules[] = {
	{ 300, 399, TESLA_RETRY, ": set target to where the server is" },
	{ 400, 400, TESLA_RETRY, ": no record was taken: see target, proxy and gzip" },
	{ 401, 401, TESLA_REFUSED, ": see token, user and password" },
	{ 403, 403, TESLA_REFUSED, ": see token, user and password" },
	{ 404, 405, TESLA_RETRY, ": see target" },
	{ 406, 406, TESLA_RETRY, ": see api and format" },
	{ 407, 407, TESLA_REFUSED, ": see proxy" },
	{ 408, 408, TESLA_RETRY, "" },
	{ 413, 413, TESLA_RETRY, ": no record was taken: see target, proxy and gzip" },
	{ 415, 415, TESLA_RETRY, ": see api, gzip and format" },
	{ 422, 422, TESLA_RETRY, ": no record was taken: see target, proxy and gzip" },
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
	char line[LINE_SIZE], type[TYPE_SIZE] = "";
	const char *between = ": ";

	if (advice[0] != '\0' && a->type != NULL)
		text_line(type, sizeof type, a->type, strcspn(a->type, ";"));
	if (a->location != NULL) {
		text_line(line, sizeof line, a->location, strlen(a->location));
		between = " to ";
	} else {
		text_line(line, sizeof line, a->body, a->len);
	}
	(void)tesla_fail(&v->why, -EPROTO, "%.*s: answered %ld%s%s%s%s%s%s",
			 type[0] != '\0' ? 75 : 100, url, a->status, type[0] != '\0' ? " (" : "",
			 type, type[0] != '\0' ? ")" : "", line[0] != '\0' ? between : "", line,
			 advice);
}

void verdict_of(const struct http_answer *a, const char *url, bool of_record,
		struct tesla_verdict *v)
{
	const struct rule *rule = rule_of(a->status);

	*v = (struct tesla_verdict){ .retry_ms = a->retry_after_ms };
	if (a->proxy_status != 0) {
		v->delivery = TESLA_REFUSED;
		(void)tesla_fail(&v->why, -EACCES, "%.100s: the proxy answered %ld: see proxy", url,
				 a->proxy_status);
		return;
	}
	if (a->trouble != NULL) {
		(void)tesla_fail(&v->why, -EIO, "%.100s: %.120s", url, a->trouble);
		return;
	}
	v->delivery = of_record ? TESLA_REJECT : rule->delivery;
	if (v->delivery != TESLA_RETRY)
		v->retry_ms = 0;
	answered(v, a, url, of_record ? "" : rule->advice);
}

void verdicts_prove(const struct unproven *u, size_t n, struct tesla_verdict *verdicts)
{
	for (size_t i = 0; i < n; i++)
		if (u[i].reject.delivery == TESLA_REJECT)
			verdicts[i] = u[i].reject;
}
