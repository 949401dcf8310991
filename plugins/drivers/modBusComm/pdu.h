/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modbus frames as bytes: requests, the TCP header, what a reply must be.
 * Pure: no I/O, no clock, no state.  Checksums are libmodbus' work and gone before a reply is here;
 * that of a request is only made to be shown.
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

enum pdu_function { PDU_HOLDING = 3, PDU_INPUT = 4, PDU_IDENTITY = 17 };

struct pdu_request {
	uint8_t bytes[PDU_REQUEST_MAX];
	size_t len;
};

/* What a good reply carries: points into the reply. */
struct pdu_data {
	const uint8_t *bytes;
	size_t len;
};

/* -EINVAL with a sentence: the block is none that Modbus can read. */
int pdu_read_request(struct pdu_request *req, unsigned unit, const struct tesla_block *block,
		     struct tesla_error *err);
void pdu_identity_request(struct pdu_request *req, unsigned unit);
/* The request as a TCP frame; its length. */
size_t pdu_tcp_frame(uint8_t frame[PDU_HEAD + PDU_REQUEST_MAX], uint16_t transaction,
		     const struct pdu_request *req);

/* The same as an RTU frame, with its checksum. */
size_t pdu_rtu_frame(uint8_t frame[PDU_REQUEST_MAX + PDU_SUM], const struct pdu_request *req);
/* What libmodbus reads of an RTU reply that begins with these bytes, of which there are three. */
size_t pdu_rtu_length(const uint8_t *reply);

/* `reply` is unit, function and the rest.  *data and *code are set as the status says. */
enum tesla_status pdu_check(const struct pdu_request *req, const uint8_t *reply, size_t len,
			    struct pdu_data *data, int *code, struct tesla_error *err);
/*
 * How long the TCP reply that begins with `bytes` is; 0: more are needed to say; -EBADMSG: none.
 * Header and body agree then, so that libmodbus, which goes by the body, takes as much.
 */
int pdu_tcp_whole(const uint8_t *bytes, size_t len);
uint16_t pdu_tcp_transaction(const uint8_t *frame);

/* The printable text of an identity; NUL-terminated; its length. */
size_t pdu_text(const struct pdu_data *data, char text[PDU_TEXT_MAX]);

#endif
