/* SPDX-License-Identifier: Apache-2.0 */
/* From replies to readings: decoding, quality, and the sweep's message to the core. */
#ifndef HOST_SWEEP_H
#define HOST_SWEEP_H

#include "host/line.h"

/* Forgets the replies of the last sweep; those of the connect kind are kept. */
void sweep_clear(struct analyzer *a);
/* Cuts the reply to a transaction into the replies of its blocks. */
void sweep_take(struct analyzer *a, const struct plan *plan, const struct transaction *t,
		const struct tesla_reply *reply);
/* Decodes and adds the sweep to what is gathered for the core. */
void sweep_finish(struct line *l, struct job *job, int64_t mono_us, int64_t wall_us);

#endif
