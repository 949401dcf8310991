/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A time zone by its name, from the machine's zone files (RFC 8536): the process's own zone is not
 * touched, so any number of threads may use any number of zones.  A zone does not change once it is
 * there.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <stdbool.h>
#include <stdint.h>
#include <tesla/plugin.h>

struct zone;

/*
 * "Europe/Madrid".  -EINVAL: it is not a name of that kind; -ENOENT: there is no such zone;
 * -EBADMSG: its file is damaged.
 */
int zone_open(const char *name, struct zone **ret, struct tesla_error *err);
/* The same of the bytes of such a file, which are foreign. */
int zone_parse(const char *name, const void *bytes, size_t len, struct zone **ret,
	       struct tesla_error *err);
void zone_free(struct zone *z);
const char *zone_name(const struct zone *z);
/* Local time less UTC, in seconds, at so many seconds since 1970 UTC; z NULL: UTC. */
int64_t zone_offset_s(const struct zone *z, int64_t t_s);

#endif
