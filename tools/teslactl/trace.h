/* SPDX-License-Identifier: Apache-2.0 */
/* `teslactl trace`: what goes over a line, as lines of text or of JSON, and into a capture file. */
#ifndef TESLACTL_TRACE_H
#define TESLACTL_TRACE_H

#include "teslactl/ctl.h"

int trace_run(const struct ctl *ctl);

#endif
