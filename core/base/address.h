/* SPDX-License-Identifier: Apache-2.0 */
/* An address to listen at, as people write it: 127.0.0.1:9466, localhost:9466, [::1]:9466. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

struct address {
	struct sockaddr_storage where;
	socklen_t len;
	bool loopback; /* nobody else's machine gets there */
};

/* Numbers only, apart from localhost: no name is looked up.  -EINVAL: it is none. */
int address_parse(const char *text, struct address *ret);
/* A socket that listens there, close-on-exec, not blocking; or a negative errno. */
int address_listen(const struct address *a, int backlog);

#endif
