/* SPDX-License-Identifier: Apache-2.0 */
/* Records in the form of docs/api-v1.md, and what is asked of every record before it is sent. */
#ifndef CLIENTREST_RECORDS_H
#define CLIENTREST_RECORDS_H

#include "writer.h"

/* A record whose values are numbers where they are said to be there; else *v has the reason. */
bool record_is_sound(const struct tesla_item *item, struct tesla_verdict *v);
/* Not beyond RECORD_BYTES_MAX; else *v has the reason. */
bool record_fits(size_t bytes, struct tesla_verdict *v);

void record_write(struct writer *w, const struct tesla_item *record);
void records_write(struct writer *w, const char *node, const struct tesla_item *const *records,
		   size_t n);

#endif
