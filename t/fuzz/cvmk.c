/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes from a line of CVMk meters: however it is cut, the same frame is found in it, no byte
 * is read beyond its end, and what is taken for a reply is one.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugins/drivers/cvmk/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_request(unsigned address, const uint8_t *bytes, size_t len)
{
	uint8_t request[FRAME_REQUEST];
	struct tesla_error err = { 0 };
	char command[8] = "";

	memcpy(command, bytes, len < sizeof command - 1 ? len : sizeof command - 1);
	if (frame_request(request, address, command, &err) != 0) {
		assert(err.text[0] != '\0');
		return;
	}
	assert(err.text[0] == '\0' && address <= FRAME_ADDRESS_MAX && strlen(command) == 3);
	assert(memcmp(request + 3, command, 3) == 0 && request[FRAME_REQUEST - 1] == '\n');
}

/* In a buffer of its own, so that a byte beyond it is noticed. */
static void check_reply(const struct frame_scan *scan, unsigned address, size_t fields)
{
	uint8_t *frame = malloc(scan->len);
	struct frame_data data = { 0 };
	struct tesla_error err = { 0 };
	enum tesla_status status;

	assert(frame != NULL && scan->bytes[0] == '$' && scan->bytes[scan->len - 1] == '\n');
	assert(memchr(scan->bytes + 1, '$', scan->len - 1) == NULL);
	assert(memchr(scan->bytes, '\n', scan->len - 1) == NULL);
	memcpy(frame, scan->bytes, scan->len);
	status = frame_check(frame, scan->len, address, fields, &data, &err);
	assert(status == TESLA_REPLY_OK || status == TESLA_REPLY_GARBLED);
	assert((status == TESLA_REPLY_OK) == (err.text[0] == '\0'));
	if (status == TESLA_REPLY_OK) {
		assert(data.bytes == frame + 3 && data.len == scan->len - FRAME_ROUND);
		assert(data.len > 0 && (fields == 0 || data.len == fields));
		assert(frame[1] - '0' == (int)address / 10 && frame[2] - '0' == (int)address % 10);
		for (size_t i = 0; i < data.len; i++)
			assert(data.bytes[i] >= ' ' && data.bytes[i] <= '~');
	}
	free(frame);
}

/* Byte 0: address; 1: characters expected; 2: how many come at once; the rest is the line. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct frame_scan whole = { 0 }, cut = { 0 };
	size_t step, at = 0, n;

	if (len < 3)
		return 0;
	unsigned address = bytes[0], fields = bytes[1];

	step = bytes[2] + 1u;
	bytes += 3;
	len -= 3;
	check_request(address, bytes, len);
	n = frame_scan(&whole, bytes, len);
	while (at < len && !cut.whole)
		at += frame_scan(&cut, bytes + at, len - at < step ? len - at : step);
	assert(at == n && cut.whole == whole.whole && cut.len == whole.len &&
	       cut.junk == whole.junk);
	assert(whole.len <= FRAME_MAX && whole.len + whole.junk == n);
	assert(whole.whole || n == len);
	if (whole.whole)
		check_reply(&whole, address, fields);
	return 0;
}
