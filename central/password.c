/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords. */
#include "central/password.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/utf8.h"

#define MEMORY ((size_t)32 << 20)
#define PASSES 3

_Static_assert(PASSWORD_HASH == crypto_pwhash_STRBYTES, "libsodium's");

/* Of a password that nobody knows. */
static const char nobody[] = "$argon2id$v=19$m=32768,t=3,p=1$c29tZSBzYWx0IG9mIG91cg$"
			     "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

int password_start(struct tesla_error *err)
{
	return sodium_init() >= 0 ? 0 : tesla_fail(err, -EIO, "libsodium cannot be used");
}

/* False: not UTF-8. */
static bool count_characters(const char *text, size_t *ret)
{
	*ret = 0;
	while (*text != '\0') {
		uint32_t c;
		int n = utf8_take(text, &c);

		if (n <= 0)
			return false;
		text += n;
		(*ret)++;
	}
	return true;
}

int password_check(const char *password, struct tesla_error *err)
{
	size_t n;

	if (strlen(password) > PASSWORD_MAX)
		return tesla_fail(err, -EINVAL, "a password has at most %u bytes", PASSWORD_MAX);
	if (!count_characters(password, &n))
		return tesla_fail(err, -EINVAL, "a password must be UTF-8");
	if (n < PASSWORD_MIN)
		return tesla_fail(err, -EINVAL,
				  "a password has at least %u characters: this has %zu",
				  PASSWORD_MIN, n);
	return 0;
}

int password_hash(const char *password, char ret[PASSWORD_HASH], struct tesla_error *err)
{
	char hash[PASSWORD_HASH];
	int r = password_check(password, err);

	if (r != 0)
		return r;
	if (crypto_pwhash_str_alg(hash, password, strlen(password), PASSES, MEMORY,
				  crypto_pwhash_ALG_ARGON2ID13) != 0)
		return tesla_fail(err, -ENOMEM, "no memory (%zu MiB) to hash a password",
				  MEMORY >> 20);
	memcpy(ret, hash, sizeof hash);
	return 0;
}

bool password_verify(const char *hash, const char *password)
{
	size_t len = strlen(password);
	bool good;

	if (len > PASSWORD_MAX)
		return false;
	good = crypto_pwhash_str_verify(hash != NULL ? hash : nobody, password, len) == 0;
	return good && hash != NULL;
}

/* 32 letters and digits that are not taken for one another. */
void password_random(char ret[PASSWORD_RANDOM])
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";

	_Static_assert(sizeof letters == 33, "five bits each");
	randombytes_buf(ret, PASSWORD_RANDOM - 1);
	for (size_t i = 0; i < PASSWORD_RANDOM - 1; i++)
		ret[i] = letters[(uint8_t)ret[i] % 32];
	ret[PASSWORD_RANDOM - 1] = '\0';
}
