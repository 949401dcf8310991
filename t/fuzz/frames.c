/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modbus replies as they come from a wire: no byte of them may be read beyond their end, or
 * believed.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "../../plugins/drivers/modBusComm/pdu.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_reply(const struct pdu_request *req, const uint8_t *reply, size_t len)
{
	struct tesla_error err = { 0 };
	struct pdu_data data = { 0 };
	char text[PDU_TEXT_MAX];
	int code = -1;
	enum tesla_status status = pdu_check(req, reply, len, &data, &code, &err);

	bool silent = code == 10 || code == 11; /* says the gateway */

	assert(status == TESLA_REPLY_OK || status == TESLA_REPLY_GARBLED || code >= 0);
	assert((status == TESLA_REPLY_OK) == (err.text[0] == '\0'));
	assert((status == TESLA_REPLY_EXCEPTION) == (code >= 0 && !silent));
	assert((status == TESLA_REPLY_TIMEOUT) == silent);
	if (status != TESLA_REPLY_OK)
		return;
	size_t head = req->bytes[1] == PDU_DEVICE ? 8 : 3;

	assert(data.bytes == reply + head && data.len == len - head);
	assert(req->bytes[1] == PDU_IDENTITY || req->bytes[1] == PDU_DEVICE ||
	       data.len == 2u * (unsigned)(req->bytes[4] << 8 | req->bytes[5]));
	if (req->bytes[1] != PDU_IDENTITY && req->bytes[1] != PDU_DEVICE)
		return;
	size_t n = pdu_text(req, &data, text);

	assert(n == strlen(text) && n < PDU_TEXT_MAX);
}

/* As it comes, byte by byte: it says its length once, and what is none cannot be the answer. */
static void check_device(const struct pdu_request *req, const uint8_t *reply, size_t len)
{
	int whole = 0;

	for (size_t n = 0; n <= len && whole == 0; n++) {
		whole = pdu_device_whole(reply, n);
		assert(whole == 0 || whole == -EBADMSG || (whole >= 3 && (size_t)whole == n));
		if (whole < 0) {
			struct tesla_error err = { 0 };
			struct pdu_data data;
			int code = -1;

			assert(pdu_check(req, reply, n, &data, &code, &err) == TESLA_REPLY_GARBLED);
			assert(code == -1 && err.text[0] != '\0');
		}
	}
	if (whole > 0)
		check_reply(req, reply, (size_t)whole);
	(void)pdu_rtu_sum_right(reply, len);
}

/* Byte 0: unit; 1: function; 2: registers; the rest is the reply, as RTU and as TCP. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct tesla_error err;
	struct pdu_request req;
	int whole;

	if (len < 3)
		return 0;
	const struct tesla_block block = { .function = bytes[1], .count = bytes[2] };

	if (pdu_read_request(&req, bytes[0], &block, &err) != 0)
		pdu_identity_request(&req, bytes[0], PDU_IDENTITY);
	bytes += 3;
	len -= 3;
	check_reply(&req, bytes, len);
	if (req.bytes[1] == PDU_DEVICE)
		check_device(&req, bytes, len);
	whole = pdu_tcp_whole(bytes, len);
	assert(whole == 0 || whole == -EBADMSG || (whole >= 9 && whole <= 260));
	if (whole > 0 && (size_t)whole <= len) {
		(void)pdu_tcp_transaction(bytes);
		check_reply(&req, bytes + PDU_HEAD, (size_t)whole - PDU_HEAD);
	}
	return 0;
}
