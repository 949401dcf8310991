/* SPDX-License-Identifier: Apache-2.0 */
/* An address to listen at. */
#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* 1 to 65535, digits only; 0: it is none. */
static in_port_t port_parse(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	long port = digits > 0 && digits < 6 && text[digits] == '\0' ? strtol(text, NULL, 10) : 0;

	return port < 1 || port > 65535 ? 0 : (in_port_t)port;
}

static int parse_v6(const char *host, in_port_t port, struct address *ret)
{
	struct sockaddr_in6 in = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	if (inet_pton(AF_INET6, host, &in.sin6_addr) != 1)
		return -EINVAL;
	*ret = (struct address){ .len = sizeof in,
				 .loopback = IN6_IS_ADDR_LOOPBACK(&in.sin6_addr) };
	memcpy(&ret->where, &in, sizeof in);
	return 0;
}

static int parse_v4(const char *host, in_port_t port, struct address *ret)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (strcmp(host, "localhost") == 0)
		host = "127.0.0.1";
	if (inet_pton(AF_INET, host, &in.sin_addr) != 1)
		return -EINVAL;
	*ret = (struct address){ .len = sizeof in,
				 .loopback = ntohl(in.sin_addr.s_addr) >> 24 == 127 };
	memcpy(&ret->where, &in, sizeof in);
	return 0;
}

int address_parse(const char *text, struct address *ret)
{
	_cleanup_free_ char *host = strdup(text);
	char *colon = host ? strrchr(host, ':') : NULL;
	in_port_t port = colon ? port_parse(colon + 1) : 0;

	if (host == NULL)
		return -ENOMEM;
	if (port == 0)
		return -EINVAL;
	*colon = '\0';
	if (*host != '[')
		return parse_v4(host, port, ret);
	if (colon - host < 2 || colon[-1] != ']')
		return -EINVAL;
	colon[-1] = '\0';
	return parse_v6(host + 1, port, ret);
}

int address_listen(const struct address *a, int backlog)
{
	_cleanup_close_ int fd =
		socket(a->where.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;
	int ret = fd;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (const struct sockaddr *)&a->where, a->len) != 0 || listen(fd, backlog) != 0)
		return -errno;
	fd = -1;
	return ret;
}
