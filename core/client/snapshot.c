/* SPDX-License-Identifier: Apache-2.0 */
/* libtesla, the last values: an iterator over the answer to `snapshot`. */
#include "client/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mp.h"

struct tesla_snapshot {
	zmq_msg_t message;
	bool unpacked;
	struct mp_doc doc;
	const msgpack_object *rows;
	size_t n, next;
	int64_t epoch_ms;
	struct reading reading;
};

void tesla_snapshot_free(struct tesla_snapshot *s)
{
	if (s == NULL)
		return;
	reading_release(&s->reading);
	if (s->unpacked)
		mp_doc_release(&s->doc);
	(void)zmq_msg_close(&s->message);
	free(s);
}

static int rows_check(struct tesla_snapshot *s, struct tesla_error *err)
{
	const struct tesla_client_reading *r;
	int rc;

	do
		rc = tesla_snapshot_next(s, &r, err);
	while (rc == 0);
	tesla_snapshot_rewind(s);
	return rc == -ENODATA ? 0 : rc;
}

static int unpack(struct tesla_snapshot *s, struct tesla_error *err)
{
	const msgpack_object *map = &s->doc.u.data;
	int r = mp_unpack(&s->doc, zmq_msg_data(&s->message), zmq_msg_size(&s->message), err);

	if (r != 0)
		return r;
	s->unpacked = true;
	s->rows = mp_array(map, "readings", &s->n);
	if (s->rows == NULL || !mp_to_int(mp_get(map, "e"), &s->epoch_ms))
		return tesla_fail(err, -EPROTO, "snapshot: the answer has no `e` or no `readings`");
	return rows_check(s, err);
}

int snapshot_new(zmq_msg_t *m, struct tesla_snapshot **ret, struct tesla_error *err)
{
	struct tesla_snapshot *s = calloc(1, sizeof *s);
	int r;

	if (s == NULL) {
		(void)zmq_msg_close(m);
		(void)zmq_msg_init(m);
		return tesla_fail(err, -ENOMEM, "no memory for a snapshot");
	}
	(void)zmq_msg_init(&s->message);
	(void)zmq_msg_move(&s->message, m);
	r = unpack(s, err);
	if (r != 0)
		tesla_snapshot_free(s);
	else
		*ret = s;
	return r;
}

int tesla_snapshot(struct tesla_client *c, int timeout_ms, struct tesla_snapshot **ret,
		   struct tesla_error *err)
{
	_cleanup_free_ uint8_t *reply = NULL;
	size_t len;
	zmq_msg_t m;
	int r = tesla_request(c, "snapshot", NULL, 0, timeout_ms, &reply, &len, err);

	if (r != 0)
		return r;
	if (zmq_msg_init_size(&m, len) != 0)
		return tesla_fail(err, -ENOMEM, "no memory for a snapshot");
	memcpy(zmq_msg_data(&m), reply, len);
	return snapshot_new(&m, ret, err);
}

int64_t tesla_snapshot_epoch_ms(const struct tesla_snapshot *s)
{
	return s->epoch_ms;
}

size_t tesla_snapshot_count(const struct tesla_snapshot *s)
{
	return s->n;
}

int tesla_snapshot_next(struct tesla_snapshot *s, const struct tesla_client_reading **ret,
			struct tesla_error *err)
{
	int r;

	reading_release(&s->reading);
	if (s->next == s->n)
		return tesla_fail(err, -ENODATA, "no more readings");
	r = reading_parse_row(&s->reading, &s->rows[s->next], s->epoch_ms, err);
	if (r != 0)
		return r;
	s->next++;
	*ret = &s->reading.pub;
	return 0;
}

void tesla_snapshot_rewind(struct tesla_snapshot *s)
{
	reading_release(&s->reading);
	s->next = 0;
}
