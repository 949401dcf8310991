/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What callers send to be let in, and documents of the registry as they may lie on a disk.  The
 * first byte says which.
 */
#include "central/auth.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "central/registry_internal.h"
#include "central/registry_secret.h"
#include "central/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void header(const char *text)
{
	struct auth_credentials c;
	int r = auth_parse(text, &c);

	assert(r == 0 || r == -EINVAL);
	assert((r == 0) == (c.scheme != AUTH_NO_SCHEME));
	assert((r == 0) == (c.secret[0] != '\0'));
	assert((c.scheme == AUTH_BASIC) == (c.user[0] != '\0'));
	for (const char *at = c.secret; *at != '\0'; at++)
		assert(*at > ' ' && *at < 0x7f);
}

static void secret(const char *text)
{
	uint8_t hash[REGISTRY_HASH_BYTES];
	char id[SECRET_ID + 1];

	if (secret_parse(text, id, hash))
		assert(strlen(id) == SECRET_ID && strncmp(text + 3, id, SECRET_ID) == 0);
}

static void cookie(const char *text)
{
	char id[SESSION_TEXT];

	for (int tls = 0; tls < 2; tls++) {
		unsigned n;

		id[0] = '\0';
		n = session_cookie_find(text, tls, id);
		assert(id[0] == '\0' || n == 1);
		assert(id[0] == '\0' || strlen(id) == SESSION_TEXT - 1);
		assert(strstr(text, id) != NULL);
	}
}

static void network(const char *text)
{
	struct peer_net net;
	struct peer p;
	char again[PEER_TEXT];

	if (peer_net_parse(text, &net))
		assert(net.bits <= 128 && peer_net_has(&net, &net.first));
	if (peer_parse(text, &p)) {
		struct peer q;

		peer_text(&p, again);
		assert(peer_parse(again, &q) && memcmp(&p, &q, sizeof p) == 0);
	}
}

/* What is read can be written, and is read as the same; its checksum is made right first. */
static void document(uint8_t *bytes, size_t len)
{
	enum kind kind = bytes[0] % N_KINDS;
	size_t key_len = bytes[1] % (KEY_MAX + 1);
	struct tesla_error err = { 0 };
	struct doc *d, *e;
	struct buf b;
	MDB_val key, value;
	int r;

	if (2 + key_len + 8 > len)
		return;
	key = (MDB_val){ key_len, bytes + 2 };
	value = (MDB_val){ len - 2 - key_len, bytes + 2 + key_len };
	doc_seal(key, value);
	r = doc_decode(kind, key, value, &d, &err);
	assert(r == 0 || r == -EUCLEAN || r == -EPROTO);
	if (r != 0) {
		assert(err.text[0] != '\0');
		return;
	}
	buf_init(&b, DOC_BYTES_MAX);
	assert(doc_encode(kind, key, d->body, &b, &err) == 0);
	r = doc_decode(kind, key, (MDB_val){ b.pub.len, b.pub.bytes }, &e, &err);
	assert(r == 0);
	free(e);
	free(d);
	buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static void (*const texts[])(const char *) = { header, secret, cookie, network };
	const size_t n = sizeof texts / sizeof *texts;
	uint8_t *copy = malloc(len + 1);

	if (len > 0) {
		memcpy(copy, bytes + 1, len - 1);
		copy[len - 1] = '\0';
		if (bytes[0] % (n + 1) < n)
			texts[bytes[0] % (n + 1)]((const char *)copy);
		else if (len > 3)
			document(copy, len - 1);
	}
	free(copy);
	return 0;
}
