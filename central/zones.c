/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones that are in use. */
#include "central/zones.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEM_ZONE "/etc/localtime"
#define ZONE_FOLDER "zoneinfo/"

struct zones_entry {
	struct zones_entry *next;
	char *name;
	struct zone *zone;
};

/* By TZ, else by where the system's link points; UTC where neither says. */
static void own_name(char *out, size_t size)
{
	const char *tz = getenv("TZ"), *found;
	char target[256];
	ssize_t len;

	(void)snprintf(out, size, "UTC");
	if (tz != NULL) {
		tz += tz[0] == ':';
		found = strstr(tz, ZONE_FOLDER);
		if (tz[0] != '\0')
			(void)snprintf(out, size, "%s",
				       tz[0] == '/' && found != NULL ? found + strlen(ZONE_FOLDER)
								     : tz);
		return;
	}
	len = readlink(SYSTEM_ZONE, target, sizeof target - 1);
	if (len <= 0)
		return;
	target[len] = '\0';
	found = strstr(target, ZONE_FOLDER);
	if (found != NULL)
		(void)snprintf(out, size, "%s", found + strlen(ZONE_FOLDER));
}

static int add(struct zones *z, const char *name, const struct zone **ret, struct tesla_error *err)
{
	struct zones_entry *e = calloc(1, sizeof *e);
	int r;

	if (e == NULL || (e->name = strdup(name)) == NULL) {
		free(e);
		return tesla_fail(err, -ENOMEM, "no memory");
	}
	r = zone_open(name, &e->zone, err);
	if (r != 0) {
		free(e->name);
		free(e);
		return r;
	}
	e->next = z->first;
	z->first = e;
	*ret = e->zone;
	return 0;
}

int zones_get(struct zones *z, const char *name, const struct zone **ret, struct tesla_error *err)
{
	char own[256];

	if (name[0] == '\0') {
		own_name(own, sizeof own);
		name = own;
	}
	if (strcmp(name, "UTC") == 0) {
		*ret = NULL;
		return 0;
	}
	for (const struct zones_entry *e = z->first; e != NULL; e = e->next)
		if (strcmp(e->name, name) == 0) {
			*ret = e->zone;
			return 0;
		}
	return add(z, name, ret, err);
}

void zones_release(struct zones *z)
{
	struct zones_entry *e, *next;

	for (e = z->first; e != NULL; e = next) {
		next = e->next;
		zone_free(e->zone);
		free(e->name);
		free(e);
	}
	z->first = NULL;
}
