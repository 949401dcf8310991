/* SPDX-License-Identifier: Apache-2.0 */
/* `teslactl top`: lines, exporters and analyzers on one screen. */
#ifndef TESLACTL_TOP_H
#define TESLACTL_TOP_H

#include "teslactl/ctl.h"

int top_run(const struct ctl *ctl);

#endif
