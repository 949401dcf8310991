/* SPDX-License-Identifier: Apache-2.0 */
/* A list of them: a handful is in use. */
#include "central/zones.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#define LOCALTIME "/etc/localtime"
#define FOLDER "/zoneinfo/"
#define ZONES_MAX 2000u /* more than a machine has names: clients choose them */

struct entry {
	SLIST_ENTRY(entry) next;
	struct zone *zone;
	char name[]; /* as it was asked for */
};
SLIST_HEAD(entries, entry);
struct zones {
	struct entries list;
	size_t n;
};

struct zones *zones_new(void)
{
	return calloc(1, sizeof(struct zones));
}

void zones_free(struct zones *z)
{
	struct entry *e;

	while (z != NULL && (e = SLIST_FIRST(&z->list)) != NULL) {
		SLIST_REMOVE_HEAD(&z->list, next);
		zone_free(e->zone);
		free(e);
	}
	free(z);
}

/* What TZ says, or where the link to the machine's zone leads; "UTC" where neither is a name. */
static void own_name(char name[PATH_MAX])
{
	const char *tz = getenv("TZ"), *folder;
	char link[PATH_MAX];
	ssize_t len;

	(void)snprintf(name, PATH_MAX, "UTC");
	if (tz != NULL && tz[0] != '\0') {
		(void)snprintf(name, PATH_MAX, "%s", tz[0] == ':' ? tz + 1 : tz);
		return;
	}
	len = readlink(LOCALTIME, link, sizeof link - 1);
	if (len <= 0)
		return;
	link[len] = '\0';
	folder = strstr(link, FOLDER);
	if (folder != NULL)
		(void)snprintf(name, PATH_MAX, "%s", folder + strlen(FOLDER));
}

static int add(struct zones *z, const char *name, const struct zone **ret, struct tesla_error *err)
{
	const char *file = name;
	char own[PATH_MAX];
	struct entry *e;
	int r = 0;

	if (z->n >= ZONES_MAX && name[0] != '\0')
		return tesla_fail(err, -EDQUOT,
				  "time zone %.64s: %u others are in use: at most so many can be",
				  name, ZONES_MAX);
	e = malloc(sizeof *e + strlen(name) + 1);
	if (e == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	memcpy(e->name, name, strlen(name) + 1);
	e->zone = NULL;
	if (name[0] == '\0') {
		own_name(own);
		file = own;
	}
	if (strcmp(file, "UTC") != 0)
		r = zone_open(file, &e->zone, err);
	if (r != 0) {
		free(e);
		return r;
	}
	SLIST_INSERT_HEAD(&z->list, e, next);
	z->n++;
	*ret = e->zone;
	return 0;
}

int zones_get(struct zones *z, const char *name, const struct zone **ret, struct tesla_error *err)
{
	struct entry *e = NULL;

	SLIST_FOREACH(e, &z->list, next)
		if (strcmp(e->name, name) == 0) {
			*ret = e->zone;
			return 0;
		}
	return add(z, name, ret, err);
}
