/* SPDX-License-Identifier: Apache-2.0 */
/* Tests write MessagePack as JSON. */
#ifndef T_JSON_PACK_H
#define T_JSON_PACK_H

#include <string.h>

#include "base/json.h"

/* At the end of what the packer of mp_writer() writes to.  False: this is no JSON. */
static inline bool json_pack(msgpack_packer *pk, const char *json)
{
	struct tesla_error ignored;

	return json_read(json, strlen(json), pk->data, &ignored) == 0;
}

#endif
