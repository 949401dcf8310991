/* SPDX-License-Identifier: Apache-2.0 */
/* What anybody may ask. */
#ifndef CENTRAL_PAGES_H
#define CENTRAL_PAGES_H

#include "central/call.h"

void page_healthz(struct call *c); /* whoever answers is alive */
void page_readyz(struct call *c);  /* records are taken, and go to the disk; else 503 and why */

#endif
