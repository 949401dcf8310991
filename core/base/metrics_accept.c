/* SPDX-License-Identifier: Apache-2.0 */
/* Which format a client asks for: application/openmetrics-text;version=1.0.0;q=0.5, ... */
#include "base/metrics_accept.h"

#include <string.h>
#include <strings.h>

struct piece { /* of the header; ends where a separator is */
	const char *at;
	size_t len;
};

static struct piece trimmed(const char *at, size_t len)
{
	while (len > 0 && (*at == ' ' || *at == '\t')) {
		at++;
		len--;
	}
	while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
		len--;
	return (struct piece){ at, len };
}

/* What stands before the next `separator`; *rest goes behind it, or becomes empty. */
static struct piece cut(struct piece *rest, char separator)
{
	const char *end = memchr(rest->at, separator, rest->len);
	size_t len = end ? (size_t)(end - rest->at) : rest->len;
	struct piece p = trimmed(rest->at, len);

	len += end != NULL;
	rest->at += len;
	rest->len -= len;
	return p;
}

static bool is(struct piece p, const char *text)
{
	return p.len == strlen(text) && strncasecmp(p.at, text, p.len) == 0;
}

/* 0 to 1000; what is no such number counts as 1. */
static int weight_of(struct piece p)
{
	int weight = 0, digit = 1000;

	for (size_t i = 0; i < p.len; i++) {
		if (i == 1 && p.at[i] == '.')
			continue;
		if (p.at[i] < '0' || p.at[i] > '9' || (i == 0 && p.at[i] > '1') || i > 4)
			return 1000;
		weight += digit * (p.at[i] - '0');
		digit /= 10;
	}
	return p.len == 0 || weight > 1000 ? 1000 : weight;
}

struct wish {
	struct piece type, version;
	int weight;
};

static struct wish wish_of(struct piece item)
{
	struct wish w = { .type = cut(&item, ';'), .version = { "", 0 }, .weight = 1000 };

	while (item.len > 0) {
		struct piece value = cut(&item, ';'), name = cut(&value, '=');

		value = trimmed(value.at, value.len);
		if (is(name, "q"))
			w.weight = weight_of(value);
		else if (is(name, "version"))
			w.version = value;
	}
	return w;
}

enum metrics_format metrics_accept(const char *accept)
{
	static const char *const plain[] = { "text/plain", "text/*", "*/*" };
	struct piece rest = { accept ? accept : "", accept ? strlen(accept) : 0 };
	int open = 0, text = 0;

	while (rest.len > 0) {
		struct wish w = wish_of(cut(&rest, ','));

		if (is(w.type, "application/openmetrics-text") && w.weight > open &&
		    (w.version.len == 0 || is(w.version, "1.0.0")))
			open = w.weight;
		for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
			if (is(w.type, plain[i]) && w.weight > text)
				text = w.weight;
	}
	return open > 0 && open >= text ? METRICS_OPENMETRICS : METRICS_PROMETHEUS;
}
