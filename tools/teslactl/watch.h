/* SPDX-License-Identifier: Apache-2.0 */
/* `teslactl watch`: the stream, as a live table, as lines of text or as lines of JSON. */
#ifndef TESLACTL_WATCH_H
#define TESLACTL_WATCH_H

#include "teslactl/ctl.h"

int watch_run(const struct ctl *ctl);

#endif
