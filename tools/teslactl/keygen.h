/* SPDX-License-Identifier: Apache-2.0 */
/* The command `keygen`: a new pair of keys for CURVE, in two files.  Asks no daemon. */
#ifndef TESLACTL_KEYGEN_H
#define TESLACTL_KEYGEN_H

#include "teslactl/ctl.h"

#define KEYGEN_ARGS "NAME"
#define KEYGEN_HELP "Make a pair of keys for use over a network: NAME.key and NAME.pub"

int keygen_run(const struct ctl *ctl);

#endif
