/* SPDX-License-Identifier: Apache-2.0 */
/* Which format a client asks for. */
#ifndef BASE_METRICS_ACCEPT_H
#define BASE_METRICS_ACCEPT_H

#include "base/metrics_text.h"

/*
 * OpenMetrics where the header Accept (foreign; NULL: there is none) names it, in a version that is
 * written here, and wants it at least as much as plain text; else Prometheus' own.
 */
enum metrics_format metrics_accept(const char *accept);

#endif
