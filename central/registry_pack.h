/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in the registry as MessagePack maps, as pages and programs get it (base/json.h makes JSON
 * of them): without hashes.  Each packs one map.
 */
#ifndef CENTRAL_REGISTRY_PACK_H
#define CENTRAL_REGISTRY_PACK_H

#include <msgpack.h>

#include "central/registry.h"

void registry_pack_node(msgpack_packer *pk, const struct registry_node *n);
void registry_pack_analyzer(msgpack_packer *pk, const struct registry_analyzer *a);
void registry_pack_user(msgpack_packer *pk, const struct registry_user *u);
void registry_pack_token(msgpack_packer *pk, const struct registry_token *t);
void registry_pack_entry(msgpack_packer *pk, const struct registry_entry *e);

#endif
