/* SPDX-License-Identifier: Apache-2.0 */
/* `tesla-host --exporter`: one exporter, fed by the core with all that happens (docs/wire.md). */
#ifndef HOST_EXPORTER_H
#define HOST_EXPORTER_H

#include "base/blame.h"

/*
 * Serves the pair `fd` until `stop` or its end, and returns the exit code: 0; 1: the plugin was
 * refused or would not open, which was reported; 3: the core broke the form of a message.
 */
int exporter_run(int fd, struct blame_page *page);

#endif
