/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer means for people: each prints it, and returns an exit code. */
#ifndef TESLACTL_SHOWS_H
#define TESLACTL_SHOWS_H

#include "teslactl/ctl.h"

/* shows.c: the whole daemon */
int status_show(const struct ctl *ctl, const msgpack_object *answer);
int snapshot_show(const struct ctl *ctl, const msgpack_object *answer);
int snapshot_json(const struct ctl *ctl, const msgpack_object *answer, struct tesla_error *err);
int plan_show(const struct ctl *ctl, const msgpack_object *answer);
int plugins_show(const struct ctl *ctl, const msgpack_object *answer);
int check_show(const struct ctl *ctl, const msgpack_object *answer);
int check_code(const msgpack_object *answer);

/* tells.c: analyzers one by one, and what was done */
int definitions_show(const struct ctl *ctl, const msgpack_object *answer);
int devices_show(const struct ctl *ctl, const msgpack_object *answer);
int config_show(const struct ctl *ctl, const msgpack_object *answer);
int metrics_show(const struct ctl *ctl, const msgpack_object *answer);
int level_show(const struct ctl *ctl, const msgpack_object *answer);
int identify_show(const struct ctl *ctl, const msgpack_object *answer);
int run_show(const struct ctl *ctl, const msgpack_object *answer);
int variables_show(const struct ctl *ctl, const msgpack_object *answer);
int reload_show(const struct ctl *ctl, const msgpack_object *answer);
int shutdown_show(const struct ctl *ctl, const msgpack_object *answer);

#endif
