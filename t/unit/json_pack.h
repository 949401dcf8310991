/* SPDX-License-Identifier: Apache-2.0 */
/* Tests write MessagePack as JSON. */
#ifndef T_JSON_PACK_H
#define T_JSON_PACK_H

#include <yajl/yajl_tree.h>

#include "base/mp.h"

static inline void json_pack_value(msgpack_packer *pk, yajl_val v)
{
	if (YAJL_IS_ARRAY(v)) {
		(void)msgpack_pack_array(pk, v->u.array.len);
		for (size_t i = 0; i < v->u.array.len; i++)
			json_pack_value(pk, v->u.array.values[i]);
	} else if (YAJL_IS_OBJECT(v)) {
		(void)msgpack_pack_map(pk, v->u.object.len);
		for (size_t i = 0; i < v->u.object.len; i++) {
			mp_str(pk, v->u.object.keys[i]);
			json_pack_value(pk, v->u.object.values[i]);
		}
	} else if (YAJL_IS_STRING(v)) {
		mp_str(pk, YAJL_GET_STRING(v));
	} else if (YAJL_IS_INTEGER(v)) {
		(void)msgpack_pack_int64(pk, YAJL_GET_INTEGER(v));
	} else if (YAJL_IS_DOUBLE(v)) {
		(void)msgpack_pack_double(pk, YAJL_GET_DOUBLE(v));
	} else if (YAJL_IS_TRUE(v) || YAJL_IS_FALSE(v)) {
		(void)(YAJL_IS_TRUE(v) ? msgpack_pack_true(pk) : msgpack_pack_false(pk));
	} else {
		(void)msgpack_pack_nil(pk);
	}
}

/* False: this is no JSON. */
static inline bool json_pack(msgpack_packer *pk, const char *json)
{
	yajl_val v = yajl_tree_parse(json, NULL, 0);

	if (v != NULL)
		json_pack_value(pk, v);
	yajl_tree_free(v);
	return v != NULL;
}

#endif
