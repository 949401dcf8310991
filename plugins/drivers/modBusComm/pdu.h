/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modbus frames as bytes: requests, the TCP header, what a reply must be.
 * Pure: no I/O, no clock, no state.  Checksums are gone before a reply is here; that of a request
 * is only made to be shown.
 */
#ifndef MODBUSCOMM_PDU_H
#define MODBUSCOMM_PDU_H

#include <tesla/plugin.h>

#define PDU_HEAD 6	  /* of a TCP frame: transaction, protocol, length */
#define PDU_REQUEST_MAX 6 /* unit, function, address, count */
#define PDU_MAX_REGISTERS 125
#define PDU_TEXT_MAX 254
#define PDU_SUM 2	  /* checksum of RTU */
#define PDU_FRAME_MAX 260 /* of any kind, whole */

/* The last two ask who a meter is: a text; objects (MEI type 14), such as the maker's name. */
enum pdu_function { PDU_HOLDING = 3, PDU_INPUT = 4, PDU_IDENTITY = 17, PDU_DEVICE = 43 };

struct pdu_request {
	uint8_t bytes[PDU_REQUEST_MAX];
	size_t len;
};

/* What a good reply carries: points into the reply. */
struct pdu_data {
	const uint8_t *bytes;
	size_t len;
};

/*
 * Of a block: registers, or with function 17 or 43 and nothing else in it who the meter is.
 * -EINVAL with a sentence: it is none that Modbus can read.
 */
int pdu_read_request(struct pdu_request *req, unsigned unit, const struct tesla_block *block,
		     struct tesla_error *err);
/* Who are you?  By PDU_IDENTITY or PDU_DEVICE. */
void pdu_identity_request(struct pdu_request *req, unsigned unit, enum pdu_function function);
/* The request as a TCP frame; its length. */
size_t pdu_tcp_frame(uint8_t frame[PDU_HEAD + PDU_REQUEST_MAX], uint16_t transaction,
		     const struct pdu_request *req);

/* The same as an RTU frame, with its checksum. */
size_t pdu_rtu_frame(uint8_t frame[PDU_REQUEST_MAX + PDU_SUM], const struct pdu_request *req);
/* What libmodbus reads of an RTU reply that begins with these bytes, of which there are three. */
size_t pdu_rtu_length(const uint8_t *reply);
/* Is the checksum of an RTU frame, its last two bytes, right? */
bool pdu_rtu_sum_right(const uint8_t *frame, size_t len);

/* `reply` is unit, function and the rest.  *data and *code are set as the status says. */
enum tesla_status pdu_check(const struct pdu_request *req, const uint8_t *reply, size_t len,
			    struct pdu_data *data, int *code, struct tesla_error *err);
/*
 * How long the reply to PDU_DEVICE that begins with `reply` (unit, function and the rest) is, which
 * only its objects say; 0: more bytes are needed; -EBADMSG: it is none.
 */
int pdu_device_whole(const uint8_t *reply, size_t len);
/*
 * How long the TCP reply that begins with `bytes` is; 0: more are needed to say; -EBADMSG: none.
 * Header and body agree then, so that libmodbus, which goes by the body, takes as much.
 */
int pdu_tcp_whole(const uint8_t *bytes, size_t len);
uint16_t pdu_tcp_transaction(const uint8_t *frame);

/*
 * What a good reply to PDU_IDENTITY or PDU_DEVICE says, printable, without blanks around it; of
 * objects the first three, a blank between them.  NUL-terminated; its length.
 */
size_t pdu_text(const struct pdu_request *req, const struct pdu_data *data,
		char text[PDU_TEXT_MAX]);

#endif
