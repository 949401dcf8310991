/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that have not gone out. */
#include "daemon/unread.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mp.h"

struct unread {
	atomic_size_t bytes;
	atomic_uint shares; /* the owner's, and one of each message */
};

struct answer {
	size_t len;
	char bytes[];
};

struct unread *unread_new(void)
{
	struct unread *u = calloc(1, sizeof *u);

	if (u != NULL)
		atomic_init(&u->shares, 1);
	return u;
}

void unread_free(struct unread *u)
{
	if (u != NULL && atomic_fetch_sub(&u->shares, 1) == 1)
		free(u);
}

size_t unread_bytes(const struct unread *u)
{
	return atomic_load(&u->bytes);
}

/*
 * In libzmq's thread, or in ours when it was not sent.  What we wrote before the last addition is
 * there once that is seen, whatever libzmq does between its threads.
 */
static void answer_free(void *bytes, void *arg)
{
	struct unread *of = arg;
	struct answer *a;

	(void)atomic_load(&of->bytes);
	a = (struct answer *)(void *)((char *)bytes - offsetof(struct answer, bytes));
	(void)atomic_fetch_sub(&of->bytes, a->len);
	unread_free(of);
	free(a);
}

int unread_message(struct unread *u, const struct buf *reply, zmq_msg_t *ret)
{
	struct answer *a = malloc(sizeof *a + reply->pub.len);

	if (a == NULL)
		return -ENOMEM;
	*a = (struct answer){ reply->pub.len };
	memcpy(a->bytes, reply->pub.bytes, a->len);
	mp_clean(a->bytes, a->len);
	if (zmq_msg_init_data(ret, a->bytes, a->len, answer_free, u) != 0) {
		free(a);
		return -ENOMEM;
	}
	(void)atomic_fetch_add(&u->shares, 1);
	(void)atomic_fetch_add(&u->bytes, a->len);
	return 0;
}
