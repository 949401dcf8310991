/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of the Circutor CVMk's ASCII protocol. */
#include "frame.h"

#include <errno.h>
#include <string.h>

#define BEGIN '$'
#define END '\n'
#define HEAD 3 /* $ and the address */
#define TAIL 3 /* sum and LF */

uint8_t frame_sum(const uint8_t *bytes, size_t len)
{
	unsigned sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += bytes[i];
	return (uint8_t)sum;
}

static void sum_put(uint8_t at[2], uint8_t sum)
{
	static const char digits[] = "0123456789ABCDEF";

	at[0] = (uint8_t)digits[sum >> 4];
	at[1] = (uint8_t)digits[sum & 15];
}

/* ---- requests ---- */

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static int command_check(const char *command, struct tesla_error *err)
{
	size_t n = 0;

	if (command == NULL)
		return tesla_fail(err, -EINVAL, "a CVMk is read by commands, not by registers");
	while (is_letter(command[n]))
		n++;
	if (n != FRAME_COMMAND || command[n] != '\0')
		return tesla_fail(err, -EINVAL, "command \"%.40s\": expected %d letters", command,
				  FRAME_COMMAND);
	if (command[0] == 'W' || command[0] == 'w')
		return tesla_fail(err, -EINVAL, "command %s sets something: meters are only read",
				  command);
	return 0;
}

int frame_request(uint8_t request[FRAME_REQUEST], unsigned address, const char *command,
		  struct tesla_error *err)
{
	int r = command_check(command, err);
	size_t n = HEAD + FRAME_COMMAND;

	if (r != 0)
		return r;
	if (address > FRAME_ADDRESS_MAX)
		return tesla_fail(err, -EINVAL, "address %u: a CVMk has 0 to %d", address,
				  FRAME_ADDRESS_MAX);
	request[0] = BEGIN;
	request[1] = (uint8_t)('0' + address / 10);
	request[2] = (uint8_t)('0' + address % 10);
	memcpy(request + HEAD, command, FRAME_COMMAND);
	sum_put(request + n, frame_sum(request, n));
	request[n + 2] = END;
	return 0;
}

/* ---- where a reply begins and ends ---- */

static void scan_drop(struct frame_scan *scan)
{
	scan->junk += scan->len;
	scan->len = 0;
}

static void scan_take(struct frame_scan *scan, uint8_t byte)
{
	if (byte == BEGIN || scan->len == FRAME_MAX)
		scan_drop(scan);
	if (byte != BEGIN && scan->len == 0) {
		scan->junk++;
		return;
	}
	scan->bytes[scan->len++] = byte;
	scan->whole = byte == END;
}

size_t frame_scan(struct frame_scan *scan, const uint8_t *bytes, size_t len)
{
	size_t n = 0;

	while (n < len && !scan->whole)
		scan_take(scan, bytes[n++]);
	return n;
}

/* ---- what a reply must be ---- */

__attribute__((format(printf, 2, 3))) static enum tesla_status garbled(struct tesla_error *err,
								       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	err->code = -EBADMSG;
	return TESLA_REPLY_GARBLED;
}

/* Numbers, what stands for one that is too large, and blanks. */
static bool is_field(uint8_t c)
{
	return (c >= '0' && c <= '9') || c == ' ' || c == '-' || c == '+' || c == '.' || c == '*' ||
	       is_letter((char)c);
}

static bool is_text(uint8_t c)
{
	return c >= ' ' && c <= '~';
}

static enum tesla_status data_check(const struct frame_data *data, size_t fields,
				    struct tesla_error *err)
{
	if (fields != 0 && data->len != fields)
		return garbled(err, "a reply of %zu characters, expected %zu", data->len, fields);
	if (data->len == 0)
		return garbled(err, "a reply without data");
	for (size_t i = 0; i < data->len; i++)
		if (!(fields != 0 ? is_field : is_text)(data->bytes[i]))
			return garbled(err, "a reply with the byte 0x%02x, which none has",
				       data->bytes[i]);
	return TESLA_REPLY_OK;
}

enum tesla_status frame_check(const uint8_t *frame, size_t len, unsigned address, size_t fields,
			      struct frame_data *data, struct tesla_error *err)
{
	struct frame_data found;
	enum tesla_status status;
	uint8_t sum[2];

	if (len < FRAME_ROUND || len > FRAME_MAX)
		return garbled(err, "a reply of %zu bytes, expected %d to %d", len, FRAME_ROUND,
			       FRAME_MAX);
	if (frame[0] != BEGIN || frame[len - 1] != END)
		return garbled(err, "a reply that is not between $ and a line feed");
	sum_put(sum, frame_sum(frame, len - TAIL));
	if (memcmp(sum, frame + len - TAIL, sizeof sum) != 0)
		return garbled(err, "a reply with a wrong checksum");
	if (frame[1] != '0' + address / 10 || frame[2] != '0' + address % 10)
		return garbled(err, "a reply of another address, expected %02u", address);
	found = (struct frame_data){ frame + HEAD, len - FRAME_ROUND };
	status = data_check(&found, fields, err);
	if (status == TESLA_REPLY_OK)
		*data = found;
	return status;
}
