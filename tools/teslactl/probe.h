/* SPDX-License-Identifier: Apache-2.0 */
/* The command `probe`: what a register of a meter may mean. */
#ifndef TESLACTL_PROBE_H
#define TESLACTL_PROBE_H

#include "teslactl/ctl.h"

#define PROBE_ARGS "ANALYZER REGISTER [--expect VALUE]"
#define PROBE_HELP "What a register may mean: counted from 0 or 1, as every type, the likely first"

int probe_run(const struct ctl *ctl);

#endif
