/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zone files: the moments at which the offset changed, and behind the last one the rule of the
 * footer (POSIX.1, TZ).  Leap seconds are left out, as they are of UTC here.
 */
#include "base/zone.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/zone_rule.h"

#define FOLDER "/usr/share/zoneinfo"
#define NAME_MAX_BYTES 64u
#define FILE_MAX (256u << 10)
#define HEADER_BYTES 44u
#define TYPE_BYTES 6u
#define OFFSET_MAX_S 93600 /* 26 hours: RFC 8536, 3.2 */

struct zone {
	char name[NAME_MAX_BYTES + 1];
	size_t n;	    /* changes */
	int64_t *changes_s; /* in order */
	int32_t *offsets_s; /* from that change on */
	int32_t before_s;   /* the first change */
	bool has_rule;	    /* for what is behind the last change */
	struct zone_rule rule;
};

void zone_free(struct zone *z)
{
	if (z == NULL)
		return;
	free(z->changes_s);
	free(z->offsets_s);
	free(z);
}

const char *zone_name(const struct zone *z)
{
	return z->name;
}

int64_t zone_offset_s(const struct zone *z, int64_t t_s)
{
	size_t from = 0, to;

	if (z == NULL)
		return 0;
	if (z->has_rule && (z->n == 0 || t_s >= z->changes_s[z->n - 1]))
		return zone_rule_offset_s(&z->rule, t_s);
	for (to = z->n; from < to;) { /* the first change that is later */
		size_t middle = from + (to - from) / 2;

		if (z->changes_s[middle] <= t_s)
			from = middle + 1;
		else
			to = middle;
	}
	return from > 0 ? z->offsets_s[from - 1] : z->before_s;
}

/* ---- the file ---- */

struct header { /* how many of each there are */
	uint32_t isut, isstd, leap, times, types, chars;
};

static uint32_t big_u32(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof v);
	return be32toh(v);
}

static int64_t big_i64(const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof v);
	return (int64_t)be64toh(v);
}

/* A header and the bytes of what follows it; false: it is none. */
static bool read_header(const uint8_t *at, size_t len, size_t time_bytes, struct header *h,
			size_t *body)
{
	if (len < HEADER_BYTES || memcmp(at, "TZif", 4) != 0 || at[4] < '2')
		return false;
	*h = (struct header){ big_u32(at + 20), big_u32(at + 24), big_u32(at + 28),
			      big_u32(at + 32), big_u32(at + 36), big_u32(at + 40) };
	if (h->isut > len || h->isstd > len || h->leap > len || h->times > len || h->types > len ||
	    h->chars > len)
		return false;
	*body = h->times * (time_bytes + 1) + h->types * TYPE_BYTES + h->chars +
		h->leap * (time_bytes + 4) + h->isstd + h->isut;
	return *body <= len - HEADER_BYTES;
}

static bool read_offset(const uint8_t *types, const struct header *h, size_t type, int32_t *ret)
{
	if (type >= h->types)
		return false;
	*ret = (int32_t)big_u32(types + TYPE_BYTES * type);
	return *ret >= -OFFSET_MAX_S && *ret <= OFFSET_MAX_S;
}

/* -EBADMSG, -ENOMEM. */
static int read_changes(struct zone *z, const uint8_t *at, const struct header *h)
{
	const uint8_t *indices = at + 8 * (size_t)h->times, *types = indices + h->times;

	z->changes_s = calloc(h->times + 1, sizeof *z->changes_s);
	z->offsets_s = calloc(h->times + 1, sizeof *z->offsets_s);
	if (z->changes_s == NULL || z->offsets_s == NULL)
		return -ENOMEM;
	z->n = h->times;
	if (!read_offset(types, h, 0, &z->before_s))
		return -EBADMSG;
	for (size_t i = 0; i < z->n; i++) {
		z->changes_s[i] = big_i64(at + 8 * i);
		if ((i > 0 && z->changes_s[i] <= z->changes_s[i - 1]) ||
		    !read_offset(types, h, indices[i], &z->offsets_s[i]))
			return -EBADMSG;
	}
	return 0;
}

/* A line between two line feeds; it may be empty: there is no rule. */
static int read_footer(struct zone *z, const uint8_t *at, size_t len)
{
	const uint8_t *end = len > 1 ? memchr(at + 1, '\n', len - 1) : NULL;
	char text[128];

	if (end == NULL || at[0] != '\n' || (size_t)(end - at) > sizeof text)
		return -EBADMSG;
	memcpy(text, at + 1, (size_t)(end - at) - 1);
	text[end - at - 1] = '\0';
	z->has_rule = text[0] != '\0';
	return !z->has_rule || zone_rule_parse(text, &z->rule) ? 0 : -EBADMSG;
}

static int read_file(struct zone *z, const uint8_t *at, size_t len)
{
	struct header h;
	size_t body;
	int r;

	if (!read_header(at, len, 4, &h, &body)) /* of version 1: it is passed over */
		return -EBADMSG;
	at += HEADER_BYTES + body;
	len -= HEADER_BYTES + body;
	if (!read_header(at, len, 8, &h, &body))
		return -EBADMSG;
	r = read_changes(z, at + HEADER_BYTES, &h);
	return r == 0 ? read_footer(z, at + HEADER_BYTES + body, len - HEADER_BYTES - body) : r;
}

int zone_parse(const char *name, const void *bytes, size_t len, struct zone **ret,
	       struct tesla_error *err)
{
	struct zone *z = calloc(1, sizeof *z);
	int r = z != NULL ? read_file(z, bytes, len) : -ENOMEM;

	if (r != 0) {
		zone_free(z);
		return tesla_fail(err, r, "time zone %.64s: %s", name,
				  r == -ENOMEM ? "no memory" : "its file is damaged");
	}
	(void)snprintf(z->name, sizeof z->name, "%s", name);
	*ret = z;
	return 0;
}

static bool name_is_good(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && strchr("_+-/", name[i]) == NULL)
			return false;
	/* or one file had any number of names */
	return len > 0 && len <= NAME_MAX_BYTES && name[0] != '/' && name[len - 1] != '/' &&
	       strstr(name, "//") == NULL;
}

int zone_open(const char *name, struct zone **ret, struct tesla_error *err)
{
	char path[sizeof FOLDER + 1 + NAME_MAX_BYTES];
	_cleanup_free_ char *bytes = NULL;
	struct tesla_error why;
	size_t len;
	int r;

	if (!name_is_good(name))
		return tesla_fail(err, -EINVAL, "\"%.64s\" is not the name of a time zone", name);
	(void)snprintf(path, sizeof path, "%s/%s", FOLDER, name);
	r = file_read(path, FILE_MAX, &bytes, &len, &why);
	if (r != 0)
		return tesla_fail(err, r == -ENOMEM ? r : -ENOENT,
				  "there is no time zone %s on this machine: %.120s", name,
				  why.text);
	return zone_parse(name, bytes, len, ret, err);
}
