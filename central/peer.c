/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of callers, and networks of them. */
#include "central/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool is_v4(const struct peer *p)
{
	return memcmp(p->bytes, mapped, sizeof mapped) == 0;
}

struct peer peer_of(const struct sockaddr *from)
{
	struct peer p = { .bytes = { [15] = 1 } };

	if (from != NULL && from->sa_family == AF_INET6) {
		struct sockaddr_in6 in;

		memcpy(&in, from, sizeof in);
		memcpy(p.bytes, &in.sin6_addr, sizeof p.bytes);
	} else if (from != NULL && from->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, from, sizeof in);
		memcpy(p.bytes, mapped, sizeof mapped);
		memcpy(p.bytes + sizeof mapped, &in.sin_addr, 4);
	}
	return p;
}

bool peer_parse(const char *text, struct peer *ret)
{
	struct peer p;

	memcpy(p.bytes, mapped, sizeof mapped);
	if (inet_pton(AF_INET, text, p.bytes + sizeof mapped) != 1 &&
	    inet_pton(AF_INET6, text, p.bytes) != 1)
		return false;
	*ret = p;
	return true;
}

void peer_text(const struct peer *p, char text[PEER_TEXT])
{
	const char *made = is_v4(p) ? inet_ntop(AF_INET, p->bytes + sizeof mapped, text, PEER_TEXT)
				    : inet_ntop(AF_INET6, p->bytes, text, PEER_TEXT);

	if (made == NULL)
		text[0] = '\0';
}

/* Without what is behind the first `bits`. */
static struct peer cut(const struct peer *p, unsigned bits)
{
	struct peer q = { { 0 } };

	memcpy(q.bytes, p->bytes, bits / 8);
	if (bits % 8 != 0)
		q.bytes[bits / 8] = (uint8_t)(p->bytes[bits / 8] & 0xff00u >> bits % 8);
	return q;
}

struct peer peer_group(const struct peer *p)
{
	return is_v4(p) ? *p : cut(p, 64);
}

/* Digits only, at most 3; false: none, or more than `max`. */
static bool bits_parse(const char *text, unsigned max, unsigned *ret)
{
	size_t n = strspn(text, "0123456789");
	unsigned long bits = n > 0 && n <= 3 && text[n] == '\0' ? strtoul(text, NULL, 10) : max + 1;

	*ret = (unsigned)bits;
	return bits <= max;
}

bool peer_net_parse(const char *text, struct peer_net *ret)
{
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	char address[PEER_TEXT];
	struct peer_net net = { .bits = 128 };
	unsigned bits;
	struct peer first;

	if (len >= sizeof address)
		return false;
	(void)snprintf(address, sizeof address, "%.*s", (int)len, text);
	if (!peer_parse(address, &net.first))
		return false;
	if (slash != NULL) {
		bool v4 = strchr(address, ':') == NULL;

		if (!bits_parse(slash + 1, v4 ? 32 : 128, &bits))
			return false;
		net.bits = v4 ? 96 + bits : bits;
	}
	first = cut(&net.first, net.bits);
	if (memcmp(first.bytes, net.first.bytes, sizeof first.bytes) != 0)
		return false;
	*ret = net;
	return true;
}

bool peer_net_has(const struct peer_net *net, const struct peer *p)
{
	struct peer q = cut(p, net->bits);

	return memcmp(q.bytes, net->first.bytes, sizeof q.bytes) == 0;
}
