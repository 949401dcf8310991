/* SPDX-License-Identifier: Apache-2.0 */
/* What the forms of history share. */
#ifndef CENTRAL_PAST_INTERNAL_H
#define CENTRAL_PAST_INTERNAL_H

#include "central/past.h"

/* Says that to whoever was named for it. */
__attribute__((format(printf, 3, 4))) void past_refuse(struct past *p, uint64_t at, const char *fmt,
						       ...);
const struct past_conf *past_conf_of(const struct past *p);

#endif
