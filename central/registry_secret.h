/* SPDX-License-Identifier: Apache-2.0 */
/* The secret of a token, tc_<id>_<32 random bytes in base64url>: made, and taken apart.  Pure. */
#ifndef CENTRAL_REGISTRY_SECRET_H
#define CENTRAL_REGISTRY_SECRET_H

#include "central/registry.h"

#define SECRET_ID 10u /* letters and digits of an id */

/* `id` has SECRET_ID + 1 bytes.  Wipe the text. */
void secret_make(char text[REGISTRY_TOKEN_TEXT], char *id, uint8_t hash[REGISTRY_HASH_BYTES]);
/* Foreign text; false: it is none. */
bool secret_parse(const char *text, char *id, uint8_t hash[REGISTRY_HASH_BYTES]);

#endif
