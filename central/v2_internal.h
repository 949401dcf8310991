/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of /ws/v2 share; nobody else's.  All in the loop's thread, unless it says else. */
#ifndef CENTRAL_V2_INTERNAL_H
#define CENTRAL_V2_INTERNAL_H

#include "base/keys.h"
#include "central/cadence.h"
#include "central/v2.h"
#include "central/zones.h"

#define V2_LOADS_MAX 16u /* that are under way; each takes about 1 MiB */

struct v2_memory { /* of an analyzer, while the server runs */
	struct cadence cadence;
	uint32_t skipped; /* a sum of what was last said to be skipped */
	bool said;
};

struct v2_silent { /* a node that did not answer */
	uint32_t row;
	int64_t until_ms; /* it is not asked before */
};
#define V2_SILENT_MAX 32u /* more than can become so before the first may be asked again */

struct v2_asking;
TAILQ_HEAD(v2_askings, v2_asking);

struct v2 {
	struct v2_memory *memories; /* by an analyzer's row */
	size_t n_memories;
	uint64_t saved;
	size_t loads;
	struct keys_pair keys; /* of central, for nodes over TCP; "": there is none */
	struct v2_askings waiting, asking;
	size_t n_waiting, n_asking;
	struct v2_silent silent[V2_SILENT_MAX]; /* a ring */
	size_t n_silent;			/* since the beginning */
};

/* "4" of a path; false: it is none. */
bool v2_number(const char *text, int64_t *ret);
int v2_zone(const struct app *app, const struct registry_node *n, const struct zone **ret,
	    struct tesla_error *err);
/* Text as it stands; the predecessor's sentences begin with # or 1#. */
__attribute__((format(printf, 3, 4))) void v2_say(struct call *c, unsigned status, const char *fmt,
						  ...);
/* JSON, whatever the caller accepts.  `packed` is taken. */
void v2_answer(struct call *c, struct buf *packed);
/* Days of a path, both included: instants of the first second, and of the one behind the last. */
bool v2_days(const char *from, const char *to, int64_t midnights_s[2]);

#endif
