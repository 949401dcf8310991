/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Circutor CVMk meters, asked by commands in ASCII on a serial line or behind a converter, one
 * transaction at a time.  What a frame is, frame.c knows.  Opens, retries and drains nothing: the
 * host owns the line, and Modbus meters may be on it too.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../wire.h"
#include "frame.h"

#define IDENTITY "CVMk Ver. "

struct conf {
	int64_t silence_ms;
};

struct bus {
	struct tesla_line *line;
	const struct tesla_host *host;
	int64_t quiet_us; /* before a request, since the last byte */
};

/* ---- the request ---- */

static bool send_request(const struct bus *b, const uint8_t *request, size_t len,
			 struct tesla_reply *reply, struct tesla_error *err)
{
	ssize_t n;

	reply->sent_us = wire_now_us();
	n = b->line->kind == TESLA_LINE_SERIAL
		    ? write(b->line->fd, request, len)
		    : send(b->line->fd, request, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n != (ssize_t)len)
		return wire_broken(b->line, reply, err, "send", strerror(n < 0 ? errno : EAGAIN));
	tesla_frame(b->host, TESLA_FRAME_SENT, request, len);
	/* The kernel takes all at once; on a serial line bytes leave one by one. */
	b->line->last_byte_us = reply->sent_us + wire_frame_us(b->line->baud, len);
	return true;
}

/* ---- the reply ---- */

/* How much has come, which may be nothing; negative when the transaction ended. */
static ssize_t receive_some(const struct bus *b, uint8_t *bytes, size_t size,
			    struct tesla_reply *reply, struct tesla_error *err)
{
	ssize_t n = read(b->line->fd, bytes, size);

	if (n > 0) {
		reply->received_us = b->line->last_byte_us = wire_now_us();
		return n;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	/* A port that hung up is readable, and has nothing. */
	(void)wire_broken(b->line, reply, err, "read", strerror(n < 0 ? errno : ECONNRESET));
	return -1;
}

/*
 * Nothing whole came.  What is only noise is no answer: the meter's may still be on its way, and
 * the host waits for that after a time-out.
 */
static bool overdue(const struct bus *b, const struct frame_scan *scan, int64_t waited_us,
		    struct tesla_reply *reply, struct tesla_error *err)
{
	long long ms = waited_us / 1000;

	if (scan->len > 0)
		return wire_ended(reply, TESLA_REPLY_GARBLED, err, "a reply that stopped half way");
	if (scan->junk > 0)
		return wire_ended(reply, TESLA_REPLY_TIMEOUT, err,
				  "%s: no answer in %lld ms, only %zu bytes of noise",
				  b->line->name, ms, scan->junk);
	return wire_ended(reply, TESLA_REPLY_TIMEOUT, err, "%s: no answer in %lld ms",
			  b->line->name, ms);
}

/* What came, for who looks: as much as a reply may have, with noise before it. */
struct seen {
	uint8_t bytes[2 * FRAME_MAX];
	size_t len;
};

static void seen_add(struct seen *s, const uint8_t *bytes, size_t len)
{
	size_t room = sizeof s->bytes - s->len;

	len = len < room ? len : room;
	memcpy(s->bytes + s->len, bytes, len);
	s->len += len;
}

static bool receive_bytes(const struct bus *b, int64_t deadline_us, struct frame_scan *scan,
			  struct seen *seen, struct tesla_reply *reply, struct tesla_error *err)
{
	while (!scan->whole) {
		int64_t until = deadline_us + (scan->len > 0 ? WIRE_GRACE_US : 0);
		uint8_t bytes[FRAME_MAX];
		/* No more than an echo has: the reply may lie behind it. */
		size_t most = scan->len < FRAME_REQUEST ? FRAME_REQUEST - scan->len : FRAME_MAX;
		ssize_t n;

		/* The time counts for who never stops talking, too. */
		if (!wire_wait(b->line, until) || wire_now_us() > until)
			return overdue(b, scan, deadline_us - reply->sent_us, reply, err);
		n = receive_some(b, bytes, most, reply, err);
		if (n < 0)
			return false;
		seen_add(seen, bytes, (size_t)n);
		/* What follows a frame was asked for by nobody: a second copy, noise. */
		(void)frame_scan(scan, bytes, (size_t)n);
	}
	return true;
}

static bool receive_frame(const struct bus *b, int64_t deadline_us, struct frame_scan *scan,
			  struct tesla_reply *reply, struct tesla_error *err)
{
	struct seen seen = { .len = 0 };
	bool whole = receive_bytes(b, deadline_us, scan, &seen, reply, err);

	if (seen.len > 0)
		tesla_frame(b->host, TESLA_FRAME_RECEIVED, seen.bytes, seen.len);
	return whole;
}

static int append(const struct bus *b, struct tesla_reply *reply, const void *bytes, size_t len,
		  struct tesla_error *err)
{
	if (reply->data->append(reply->data, bytes, len) == 0)
		return 0;
	return tesla_fail(err, -ENOMEM, "%s: no memory for a reply of %zu bytes", b->line->name,
			  len);
}

/* ---- a transaction ---- */

/* *data points into *scan; set when the status is TESLA_REPLY_OK. */
static int transact(const struct bus *b, unsigned address, const struct tesla_block *block,
		    int64_t timeout_ms, struct frame_scan *scan, struct frame_data *data,
		    struct tesla_reply *reply, struct tesla_error *err)
{
	int64_t timeout_us = timeout_ms * 1000, deadline_us;
	const struct wire_quiet quiet = { b->quiet_us, wire_now_us() + timeout_us, b->host };
	uint8_t request[FRAME_REQUEST];
	int r = frame_request(request, address, block->command, err);

	if (r == 0 && block->count > FRAME_DATA_MAX)
		r = tesla_fail(err, -EINVAL, "command %s: %u characters: a reply has at most %d",
			       block->command, block->count, FRAME_DATA_MAX);
	if (r != 0)
		return r;
	if (!wire_quiet_keep(b->line, &quiet, reply, err) ||
	    !send_request(b, request, sizeof request, reply, err))
		return 0;
	deadline_us = b->line->last_byte_us + timeout_us;
	do { /* an adapter of two wires may hear us: what we sent has the form of a reply */
		*scan = (struct frame_scan){ .len = 0 };
		if (!receive_frame(b, deadline_us, scan, reply, err))
			return 0;
	} while (scan->len == sizeof request && memcmp(scan->bytes, request, sizeof request) == 0);
	reply->status = frame_check(scan->bytes, scan->len, address, block->count, data, err);
	return 0;
}

static int bus_read(void *self, unsigned address, const struct tesla_block *block,
		    int64_t timeout_ms, struct tesla_reply *reply, struct tesla_error *err)
{
	struct frame_scan scan = { 0 };
	struct frame_data data;
	int r = transact(self, address, block, timeout_ms, &scan, &data, reply, err);

	if (r != 0 || reply->status != TESLA_REPLY_OK)
		return r;
	return append(self, reply, data.bytes, data.len, err);
}

static void blanks_cut(struct frame_data *text)
{
	for (; text->len > 0 && *text->bytes == ' '; text->len--)
		text->bytes++;
	while (text->len > 0 && text->bytes[text->len - 1] == ' ')
		text->len--;
}

/* The version of its program is all that a CVMk says of itself. */
static int bus_identify(void *self, unsigned address, int64_t timeout_ms, struct tesla_reply *reply,
			struct tesla_error *err)
{
	const struct tesla_block version = { .command = "VER" };
	struct frame_scan scan = { 0 };
	struct frame_data data;
	int r = transact(self, address, &version, timeout_ms, &scan, &data, reply, err);

	if (r != 0 || reply->status != TESLA_REPLY_OK)
		return r;
	blanks_cut(&data);
	r = append(self, reply, IDENTITY, sizeof IDENTITY - 1, err);
	return r != 0 ? r : append(self, reply, data.bytes, data.len, err);
}

static int bus_open(const void *conf, struct tesla_line *line, const struct tesla_host *host,
		    void **self, struct tesla_error *err)
{
	const struct conf *c = conf;
	struct bus *b = calloc(1, sizeof *b);

	if (b == NULL)
		return tesla_fail(err, -ENOMEM, "%s: no memory", line->name);
	b->line = line;
	b->host = host;
	b->quiet_us = wire_quiet_us(line, c->silence_ms);
	*self = b;
	return 0;
}

static const struct tesla_param params[] = {
	TESLA_P_MS("silence", struct conf, silence_ms, .dflt = "0", .min = 0, .max = 10000,
		   .unit = "s",
		   .help = "Quiet before a request where 3.5 characters are not enough."),
	TESLA_P_END
};

static const struct tesla_driver driver = {
	.size = sizeof driver,
	.takes = TESLA_TAKES_COMMANDS,
	.lines = TESLA_ON(TESLA_LINE_SERIAL) | TESLA_ON(TESLA_LINE_RAW_TCP),
	.open = bus_open,
	.read = bus_read,
	.close = free,
	.identify = bus_identify,
	.first_address = 0,
	.last_address = FRAME_ADDRESS_MAX,
};

/* The predecessor's name. */
static const char *const aliases[] = { "cvmComm", NULL };

TESLA_DRIVER_PLUGIN("cvmk", PACKAGE_VERSION, &driver,
		    .help = "Circutor CVMk meters: ASCII on serial lines and through converters.",
		    .params = params, .conf_size = sizeof(struct conf), .aliases = aliases);
