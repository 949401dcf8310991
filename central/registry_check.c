/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand in the registry. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/keys.h"
#include "base/utf8.h"
#include "central/registry_internal.h"

#define ZONES "/usr/share/zoneinfo"
#define SOCKET_PATH_MAX 107u

/* UTF-8, without control characters and what turns the direction of writing. */
static bool is_clean(const char *text, size_t len)
{
	char copy[ENTRY_TEXT_MAX + 1];

	if (len >= sizeof copy)
		return false;
	memcpy(copy, text, len + 1);
	return utf8_clean(copy, len, UTF8_LINE) == len && memcmp(copy, text, len) == 0;
}

int reg_check_text(const char *what, const char *text, struct tesla_error *err)
{
	size_t len = strlen(text);

	if (len > REGISTRY_TEXT_MAX)
		return tesla_fail(err, -EINVAL, "%s has %zu bytes: at most %u", what, len,
				  REGISTRY_TEXT_MAX);
	if (!is_clean(text, len))
		return tesla_fail(err, -EINVAL, "%s has bytes that are no UTF-8, or no writing",
				  what);
	return 0;
}

int reg_check_id(const char *what, const char *id, struct tesla_error *err)
{
	size_t len = strlen(id);

	if (len == 0 || len > REGISTRY_ID_MAX)
		return tesla_fail(err, -EINVAL, "%s has %zu bytes: expected 1 to %u", what, len,
				  REGISTRY_ID_MAX);
	if (!is_clean(id, len) || strpbrk(id, "/,") != NULL || id[0] == ' ' || id[len - 1] == ' ' ||
	    strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
		return tesla_fail(err, -EINVAL,
				  "%s: expected writing without a slash, a comma, or a blank at "
				  "its ends",
				  what);
	return 0;
}

/* A host by name, and a port; or numbers. */
static bool is_tcp(const char *place)
{
	const char *colon = strrchr(place, ':');
	struct address address;
	_cleanup_free_ char *numbers = NULL;

	if (colon == NULL || colon == place)
		return false;
	if (place[0] == '[')
		return address_parse(place, &address) == 0;
	if (strspn(place, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") !=
	    (size_t)(colon - place))
		return false;
	if (asprintf(&numbers, "127.0.0.1%s", colon) < 0) {
		numbers = NULL;
		return false;
	}
	return address_parse(numbers, &address) == 0;
}

int reg_check_endpoint(const char *what, const char *endpoint, struct tesla_error *err)
{
	int r = reg_check_text(what, endpoint, err);

	if (r != 0 || endpoint[0] == '\0')
		return r;
	if (strncmp(endpoint, "ipc:///", 7) == 0 && strlen(endpoint + 6) <= SOCKET_PATH_MAX)
		return 0;
	if (strncmp(endpoint, "tcp://", 6) == 0 && is_tcp(endpoint + 6))
		return 0;
	return tesla_fail(err, -EINVAL,
			  "%s is %.80s: expected ipc:///PATH (at most %u bytes) or tcp://HOST:PORT",
			  what, endpoint, SOCKET_PATH_MAX);
}

int reg_check_zone(const char *zone, struct tesla_error *err)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;
	int r = reg_check_text("the time zone", zone, err);

	if (r != 0 || zone[0] == '\0')
		return r;
	if (asprintf(&path, ZONES "/%s", zone) < 0) {
		path = NULL;
		return tesla_fail(err, -ENOMEM, "no memory");
	}
	if (zone[0] == '/' || strstr(zone, "..") != NULL || stat(path, &st) != 0 ||
	    !S_ISREG(st.st_mode))
		return tesla_fail(err, -EINVAL,
				  "there is no time zone %.80s in " ZONES
				  ": expected one as Europe/Madrid",
				  zone);
	return 0;
}

int reg_list_split(struct list *l, const char *what, const char *text, struct tesla_error *err)
{
	char *at;

	*l = (struct list){ .storage = strdup(text) };
	if (l->storage == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	at = l->storage;
	while (*at != '\0') {
		char *end = at + strcspn(at, ",");
		bool more = *end == ',';

		*end = '\0';
		while (*at == ' ')
			at++;
		for (char *last = end; last > at && last[-1] == ' ';)
			*--last = '\0';
		if (l->texts.n == REGISTRY_ALLOW_MAX)
			return tesla_fail(err, -EINVAL, "%s: more than %u", what,
					  REGISTRY_ALLOW_MAX);
		if (*at == '\0')
			return tesla_fail(err, -EINVAL, "%s: nothing is between two commas", what);
		l->parts[l->texts.n++] = at;
		at = more ? end + 1 : end;
	}
	l->texts.list = l->parts;
	return 0;
}

void reg_list_release(struct list *l)
{
	free(l->storage);
	l->storage = NULL;
}
