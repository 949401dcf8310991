/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of callers, and networks of them.  IPv4 is held as IPv6 has it: ::ffff:192.0.2.1. */
#ifndef CENTRAL_PEER_H
#define CENTRAL_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define PEER_TEXT 48u /* bytes of an address as text, with its NUL */

struct peer {
	uint8_t bytes[16];
};
struct peer_net {
	struct peer first;
	unsigned bits; /* of 128 that must be the same */
};

/* Of no family that is known (a UNIX socket): ::1. */
struct peer peer_of(const struct sockaddr *from);
/* "192.0.2.1", "2001:db8::1"; false: it is none. */
bool peer_parse(const char *text, struct peer *ret);
void peer_text(const struct peer *p, char text[PEER_TEXT]);
/* Whom limits count as one: an IPv4 address, an IPv6 network of 64 bits. */
struct peer peer_group(const struct peer *p);

/* "192.0.2.0/24", "2001:db8::/32", an address.  False: none, or with bits behind its length. */
bool peer_net_parse(const char *text, struct peer_net *ret);
bool peer_net_has(const struct peer_net *net, const struct peer *p);

#endif
