/* SPDX-License-Identifier: Apache-2.0 */
/* The header Authorization, as callers send it. */
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <strings.h>

#include "central/auth.h"

#define BASE64_MAX 512u /* a node's id and a token are 335 bytes, which are 448 */
#define PLAIN_MAX (BASE64_MAX / 4 * 3)

void auth_forget(struct auth_credentials *c)
{
	sodium_memzero(c, sizeof *c);
}

/* Printable ASCII without blanks: what a token is made of. */
static bool is_secret(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] >= 0x7f)
			return false;
	return len > 0 && len < REGISTRY_TOKEN_TEXT;
}

static int take_bearer(const char *text, size_t len, struct auth_credentials *ret)
{
	if (!is_secret(text, len))
		return -EINVAL;
	memcpy(ret->secret, text, len);
	ret->secret[len] = '\0';
	return 0;
}

static int split_basic(const char *plain, size_t len, struct auth_credentials *ret)
{
	const char *colon = memrchr(plain, ':', len); /* ids of nodes may have one */
	size_t user = colon != NULL ? (size_t)(colon - plain) : 0;

	if (user == 0 || user > REGISTRY_ID_MAX)
		return -EINVAL;
	for (size_t i = 0; i < user; i++)
		if ((unsigned char)plain[i] < ' ' || plain[i] == 0x7f)
			return -EINVAL;
	memcpy(ret->user, plain, user);
	ret->user[user] = '\0';
	return take_bearer(colon + 1, len - user - 1, ret);
}

static int take_basic(const char *text, size_t len, struct auth_credentials *ret)
{
	char plain[PLAIN_MAX];
	size_t plain_len = 0;
	int r = -EINVAL;

	if (len <= BASE64_MAX &&
	    sodium_base642bin((uint8_t *)plain, sizeof plain, text, len, NULL, &plain_len, NULL,
			      sodium_base64_VARIANT_ORIGINAL) == 0)
		r = split_basic(plain, plain_len, ret);
	sodium_memzero(plain, sizeof plain);
	return r;
}

static const struct scheme {
	const char *name;
	enum auth_scheme scheme;
	int (*take)(const char *text, size_t len, struct auth_credentials *ret);
} schemes[] = {
	{ "Bearer", AUTH_BEARER, take_bearer },
	{ "Basic", AUTH_BASIC, take_basic },
};

int auth_parse(const char *value, struct auth_credentials *ret)
{
	size_t name = strcspn(value, " "), blanks = strspn(value + name, " ");
	const char *text = value + name + blanks;
	size_t len = strnlen(text, BASE64_MAX + 1);
	int r = -EINVAL;

	sodium_memzero(ret, sizeof *ret);
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes && blanks > 0; i++) {
		if (strlen(schemes[i].name) != name ||
		    strncasecmp(schemes[i].name, value, name) != 0)
			continue;
		r = schemes[i].take(text, len, ret);
		ret->scheme = schemes[i].scheme;
	}
	if (r != 0)
		auth_forget(ret);
	return r;
}
