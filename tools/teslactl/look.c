/* SPDX-License-Identifier: Apache-2.0 */
/* One transaction with whoever is on a line. */
#include "teslactl/look.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "teslactl/signals.h"

/*
 * A line that is busy gives a tenth of its time: of what a look takes at most, with what is late, a
 * multiple, and as much for others that look.
 */
#define PATIENCE_MS 60000
#define PATIENCE_MAX_MS 300000

static int answer_take(const msgpack_object *answer, struct looked *ret, struct tesla_error *err)
{
	static const char *const words[] = { "ok", "timeout", "garbled", "exception", "broken" };
	const msgpack_object *data = mp_get(answer, "data");
	_cleanup_free_ char *why = mp_strdup(answer, "why");
	size_t i = 0;

	while (i < N_ELEMENTS(words) && !mp_is(answer, "status", words[i]))
		i++;
	if (i == N_ELEMENTS(words))
		return tesla_fail(err, -EBADMSG, "the daemon's answer to a look has no status");
	*ret = (struct looked){ .status = (enum look_status)i,
				.code = (int)mp_int(answer, "code", 0) };
	(void)snprintf(ret->why, sizeof ret->why, "%s", why ? why : "");
	if (data == NULL || data->type != MSGPACK_OBJECT_BIN)
		return 0;
	ret->len = data->via.bin.size < LOOK_BYTES ? data->via.bin.size : LOOK_BYTES;
	memcpy(ret->bytes, data->via.bin.ptr, ret->len);
	return 0;
}

static void args_pack(struct buf *args, const struct looker *l, unsigned address,
		      const struct look_what *what)
{
	msgpack_packer pk;

	mp_writer(&pk, args);
	(void)msgpack_pack_map(&pk, 1u + (l->timeout_ms > 0) + (address != LOOK_OWN) +
					    (what->function != 0) +
					    2u * (what->function != 0 && what->count != 0));
	mp_key_int(&pk, "analyzer", l->via);
	if (address != LOOK_OWN)
		mp_key_int(&pk, "address", address);
	if (l->timeout_ms > 0)
		mp_key_int(&pk, "timeout_ms", l->timeout_ms);
	if (what->function != 0)
		mp_key_int(&pk, "function", what->function);
	if (what->function != 0 && what->count != 0) {
		mp_key_int(&pk, "register", what->first);
		mp_key_int(&pk, "count", what->count);
	}
}

static int patience_ms(const struct looker *l)
{
	return l->timeout_ms > 0 ? PATIENCE_MS + 40 * l->timeout_ms : PATIENCE_MAX_MS;
}

static bool is_over(const struct looker *l)
{
	struct pollfd p = { .fd = l->signals, .events = POLLIN };

	return l->signals >= 0 && poll(&p, 1, 0) > 0 && signals_end(l->signals);
}

int look(struct looker *l, unsigned address, const struct look_what *what, struct looked *ret,
	 struct tesla_error *err)
{
	_cleanup_(buf_release) struct buf args = { .max = 0 };
	_cleanup_free_ uint8_t *bytes = NULL;
	struct mp_doc doc;
	size_t len;
	int r;

	if (is_over(l))
		return tesla_fail(err, -EINTR, "interrupted");
	buf_init(&args, 256);
	args_pack(&args, l, address, what);
	r = tesla_request(l->client, "look", args.pub.bytes, args.pub.len, patience_ms(l), &bytes,
			  &len, err);
	if (r == 0)
		r = mp_unpack(&doc, bytes, len, err);
	if (r != 0)
		return r;
	r = answer_take(&doc.u.data, ret, err);
	mp_doc_release(&doc);
	return r;
}
