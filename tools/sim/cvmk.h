/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of the CVMk's ASCII protocol from the serving side: bytes in, bytes out, no I/O.  A
 * request's text, and the data of its reply, stand where Modbus has its PDU.
 */
#ifndef SIM_CVMK_H
#define SIM_CVMK_H

#include "sim/modbus.h"

/* How long the request is in all; 0: more bytes are needed to say; -1: it is none of these. */
int cvmk_request_length(const uint8_t *bytes, size_t len);
/* A whole frame with a right checksum? */
bool cvmk_parse(const uint8_t *bytes, size_t len, struct request *ret);
/* The reply as it goes on the line, with everything wrong that `fx` asks for. */
void cvmk_wrap(const struct request *rq, const struct pdu *reply, const struct effect *fx,
	       struct adu *ret);

#endif
