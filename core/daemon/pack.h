/* SPDX-License-Identifier: Apache-2.0 */
/* Short words for answers of the control socket, beyond those of base/mp.h. */
#ifndef DAEMON_PACK_H
#define DAEMON_PACK_H

#include "base/mp.h"

static inline void key_array(msgpack_packer *pk, const char *key, size_t n)
{
	mp_str(pk, key);
	(void)msgpack_pack_array(pk, n);
}

static inline void key_map(msgpack_packer *pk, const char *key, size_t n)
{
	mp_str(pk, key);
	(void)msgpack_pack_map(pk, n);
}

static inline void key_count(msgpack_packer *pk, const char *key, uint64_t n)
{
	mp_str(pk, key);
	(void)msgpack_pack_uint64(pk, n);
}

/* nil when there is none. */
static inline void key_int_or_nil(msgpack_packer *pk, const char *key, int64_t v, bool there)
{
	mp_str(pk, key);
	(void)(there ? msgpack_pack_int64(pk, v) : msgpack_pack_nil(pk));
}

#endif
