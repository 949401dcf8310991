/* SPDX-License-Identifier: Apache-2.0 */
/* The secrets of tokens. */
#include "central/registry_secret.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define RANDOM_BYTES 32u
#define RANDOM_TEXT 43u
#define SECRET_LEN (3 + SECRET_ID + 1 + RANDOM_TEXT)

static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
_Static_assert(sizeof letters == 33, "five bits each");
_Static_assert(SECRET_LEN < REGISTRY_TOKEN_TEXT, "with its NUL");

static void hash_of(const uint8_t bytes[RANDOM_BYTES], uint8_t hash[REGISTRY_HASH_BYTES])
{
	(void)crypto_generichash(hash, REGISTRY_HASH_BYTES, bytes, RANDOM_BYTES, NULL, 0);
}

void secret_make(char text[REGISTRY_TOKEN_TEXT], char *id, uint8_t hash[REGISTRY_HASH_BYTES])
{
	uint8_t bytes[RANDOM_BYTES];

	randombytes_buf(id, SECRET_ID);
	for (size_t i = 0; i < SECRET_ID; i++)
		id[i] = letters[(uint8_t)id[i] % 32];
	id[SECRET_ID] = '\0';
	randombytes_buf(bytes, sizeof bytes);
	hash_of(bytes, hash);
	(void)snprintf(text, REGISTRY_TOKEN_TEXT, "tc_%s_", id);
	(void)sodium_bin2base64(text + SECRET_LEN - RANDOM_TEXT, RANDOM_TEXT + 1, bytes,
				sizeof bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(bytes, sizeof bytes);
}

bool secret_parse(const char *text, char *id, uint8_t hash[REGISTRY_HASH_BYTES])
{
	uint8_t bytes[RANDOM_BYTES];
	size_t len = 0;
	bool good;

	if (strnlen(text, SECRET_LEN + 1) != SECRET_LEN || strncmp(text, "tc_", 3) != 0 ||
	    strspn(text + 3, letters) < SECRET_ID || text[3 + SECRET_ID] != '_')
		return false;
	good = sodium_base642bin(bytes, sizeof bytes, text + SECRET_LEN - RANDOM_TEXT, RANDOM_TEXT,
				 NULL, &len, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
	       len == sizeof bytes;
	if (good) {
		memcpy(id, text + 3, SECRET_ID);
		id[SECRET_ID] = '\0';
		hash_of(bytes, hash);
	}
	sodium_memzero(bytes, sizeof bytes);
	return good;
}
