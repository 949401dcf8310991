/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its answer: a map with `cmd` and what is in the caller's map, and a map back. */
#include "client/request.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mp.h"

#define REQUEST_MAX (1u << 20)

/* How many keys a scanned map has, and how long its head is; -EINVAL: no map. */
static int map_head(const uint8_t *p, uint32_t *keys, size_t *head)
{
	if ((p[0] & 0xf0) == 0x80) {
		*keys = p[0] & 0x0f;
		*head = 1;
	} else if (p[0] == 0xde) {
		*keys = (uint32_t)p[1] << 8 | p[2];
		*head = 3;
	} else if (p[0] == 0xdf) {
		*keys = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
		*head = 5;
	} else {
		return -EINVAL;
	}
	return 0;
}

static int request_pack(struct buf *out, const char *command, const void *args, size_t args_len,
			struct tesla_error *err)
{
	msgpack_packer pk;
	uint32_t keys = 0;
	size_t head = 0;

	if (args != NULL && mp_scan(args, args_len, err) != 0)
		return err->code;
	if (args != NULL && map_head(args, &keys, &head) != 0)
		return tesla_fail(err, -EINVAL, "%s: the arguments are no MessagePack map",
				  command);
	mp_writer(&pk, out);
	(void)msgpack_pack_map(&pk, (size_t)keys + 1);
	mp_key_str(&pk, "cmd", command);
	if (args != NULL)
		(void)buf_append(out, (const uint8_t *)args + head, args_len - head);
	return out->failed ? tesla_fail(err, -EMSGSIZE, "%s: the request is too long", command) : 0;
}

int request_send(void *socket, const char *endpoint, const char *command, const void *args,
		 size_t args_len, struct tesla_error *err)
{
	_cleanup_(buf_release) struct buf request;

	buf_init(&request, REQUEST_MAX);
	if (request_pack(&request, command, args, args_len, err) != 0)
		return err->code;
	if (zmq_send(socket, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
	    zmq_send(socket, request.pub.bytes, request.pub.len, ZMQ_DONTWAIT) >= 0)
		return 0;
	return tesla_fail(err, -errno, "%s: %s", endpoint, zmq_strerror(errno));
}

/* The next frame; *more: another one belongs to it. */
static int frame_recv(void *socket, zmq_msg_t *m, bool *more)
{
	if (zmq_msg_recv(m, socket, ZMQ_DONTWAIT) < 0)
		return -errno;
	*more = zmq_msg_more(m) != 0;
	return 0;
}

int answer_recv(void *socket, const char *endpoint, zmq_msg_t *m, struct tesla_error *err)
{
	bool more = false;
	int r = frame_recv(socket, m, &more);

	if (r != 0)
		return tesla_fail(err, r, "%s: %s", endpoint, zmq_strerror(-r));
	if (zmq_msg_size(m) != 0 || !more || frame_recv(socket, m, &more) != 0 || more)
		return tesla_fail(err, -EPROTO,
				  "%s: that is no teslad: expected an empty frame and one more",
				  endpoint);
	return 0;
}

int answer_check(const char *command, zmq_msg_t *m, struct tesla_error *err)
{
	struct mp_doc doc;
	_cleanup_free_ char *text = NULL;
	int r = mp_unpack(&doc, zmq_msg_data(m), zmq_msg_size(m), err);

	if (r != 0)
		return r;
	if (mp_get(&doc.u.data, "ok") == NULL) {
		r = tesla_fail(err, -EPROTO, "%s: the answer has no `ok`: that is no teslad",
			       command);
	} else if (!mp_bool(&doc.u.data, "ok", false)) {
		text = mp_strdup(&doc.u.data, "error");
		r = tesla_fail(err, -EREMOTEIO, "%s", text ? text : "refused without a reason");
	}
	mp_doc_release(&doc);
	return r;
}
