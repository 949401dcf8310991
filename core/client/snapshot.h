/* SPDX-License-Identifier: Apache-2.0 */
/* The last values, out of the answer to `snapshot`. */
#ifndef CLIENT_SNAPSHOT_H
#define CLIENT_SNAPSHOT_H

#include <zmq.h>

#include "base/reading.h"

/* Takes the message over, also on failure.  Every row is looked at here: later none can be bad. */
int snapshot_new(zmq_msg_t *m, struct tesla_snapshot **ret, struct tesla_error *err);

#endif
