/* SPDX-License-Identifier: Apache-2.0 */
/* A record as the predecessor posts it: a form of four fields. */
#ifndef CLIENTREST_FORM_H
#define CLIENTREST_FORM_H

#include <tesla/plugin.h>

/*
 * 0, and the body for free(); -EINVAL: it cannot be said in v2, *v has the reason; -ENOMEM.
 */
int form_make(const struct tesla_item *record, char **body, struct tesla_verdict *v);

#endif
