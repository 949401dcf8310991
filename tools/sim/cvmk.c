/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of the CVMk's ASCII protocol from the serving side. */
#include "sim/cvmk.h"

#include <stdio.h>
#include <string.h>

#define HEAD 3	       /* $, address */
#define TAIL 3	       /* checksum, line feed */
#define REQUEST_MAX 16 /* longer than any */
#define ADDRESSES_MAX 100

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* $ is also the unit 36 of Modbus; but no function of that is a digit. */
int cvmk_request_length(const uint8_t *bytes, size_t len)
{
	if (len == 0)
		return 0;
	if (bytes[0] != '$' || (len > 1 && !is_digit(bytes[1])))
		return -1;
	for (size_t i = 1; i < len && i < REQUEST_MAX; i++)
		if (bytes[i] == '\n')
			return (int)i + 1;
	return len < REQUEST_MAX ? 0 : REQUEST_MAX;
}

static void sum_put(const uint8_t *bytes, size_t len, unsigned flip, uint8_t *to)
{
	unsigned sum = 0;
	char text[3];

	for (size_t i = 0; i < len; i++)
		sum += bytes[i];
	(void)snprintf(text, sizeof text, "%02X", (sum ^ flip) & 0xff);
	memcpy(to, text, 2);
}

bool cvmk_parse(const uint8_t *bytes, size_t len, struct request *ret)
{
	uint8_t sum[2];

	if (len <= HEAD + TAIL || len > REQUEST_MAX || bytes[0] != '$' || bytes[len - 1] != '\n' ||
	    !is_digit(bytes[1]) || !is_digit(bytes[2]))
		return false;
	sum_put(bytes, len - TAIL, 0, sum);
	if (memcmp(sum, bytes + len - TAIL, sizeof sum) != 0)
		return false;
	*ret = (struct request){ .command = true,
				 .unit = (uint8_t)(10 * (bytes[1] - '0') + bytes[2] - '0'),
				 .pdu.len = len - HEAD - TAIL };
	memcpy(ret->pdu.bytes, bytes + HEAD, ret->pdu.len);
	return true;
}

void cvmk_wrap(const struct request *rq, const struct pdu *reply, const struct effect *fx,
	       struct adu *ret)
{
	unsigned unit = (rq->unit + fx->wrong_address) % ADDRESSES_MAX;
	size_t len = HEAD + reply->len;
	uint8_t frame[HEAD + PDU_MAX + TAIL];

	frame[0] = '$';
	frame[1] = (uint8_t)('0' + unit / 10);
	frame[2] = (uint8_t)('0' + unit % 10);
	memcpy(frame + HEAD, reply->bytes, reply->len);
	sum_put(frame, len, fx->checksum ? 0x5a : 0, frame + len);
	frame[len + 2] = '\n';
	effect_apply(fx, frame, len + TAIL, ret);
}
