/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node's teslad answers on its control socket (docs/control.md), as the predecessor's
 * lector/get had it.  Foreign; pure.
 */
#ifndef CENTRAL_V2_LIVE_H
#define CENTRAL_V2_LIVE_H

#include "base/model.h"
#include "base/mp.h"
#include "base/zone.h"

enum live_what { LIVE_VARS, LIVE_DEFS, LIVE_STATUS, LIVE_CONF, LIVE_ID, N_LIVE };

/* "Vars"; false: it is none. */
bool live_parse(const char *text, enum live_what *ret);

#define LIVE_COMMANDS_MAX 2
/* Which commands have to be asked, of the analyzer unless *of_all; NULL behind the last. */
const char *const *live_commands(enum live_what what, bool *of_all);

struct live {
	enum live_what what;
	int64_t analyzer;
	const msgpack_object *replies[LIVE_COMMANDS_MAX]; /* in the order of the commands */
	const struct zone *zone;			  /* of the node */
	/* The model that it is of, where that is known, else NULL: what a meter's commands are. */
	const struct model *model;
};
/* Adds a MessagePack value.  -EBADMSG: a reply is not as it must be. */
int live_pack(const struct live *l, struct buf *out, struct tesla_error *err);

#endif
