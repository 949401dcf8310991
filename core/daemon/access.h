/* SPDX-License-Identifier: Apache-2.0 */
/* Which requests read-only access may make: one table.  Pure. */
#ifndef DAEMON_ACCESS_H
#define DAEMON_ACCESS_H

#include "base/mp.h"

/* False, too, for whatever is not in the table. */
bool access_reads(const msgpack_object *request);

#endif
