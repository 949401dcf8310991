/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver's line, and one frame of a reply from it.  libmodbus reassembles and checks checksums;
 * we do where it cannot.  What a reply must be to be the answer is pdu.h's.
 */
#ifndef MODBUSCOMM_RECEIVE_H
#define MODBUSCOMM_RECEIVE_H

#include <modbus.h>

#include "../wire.h"
#include "pdu.h"

struct bus {
	modbus_t *ctx;
	struct tesla_line *line;
	const struct tesla_host *host;
	int64_t quiet_us;      /* before a request, since the last byte */
	uint16_t transaction;  /* of the request that is under way (TCP) */
	size_t whole;	       /* length of the reply that the host has seen, in halves */
	enum pdu_function who; /* by which one is asked who a meter is */
	uint8_t by_device[32]; /* a bit per unit: by PDU_DEVICE the next time */
};

/* As wire_broken, of an errno or a number of libmodbus. */
bool bus_broken(const struct bus *b, struct tesla_reply *reply, struct tesla_error *err,
		const char *what, int errnum);

/*
 * One frame, which has begun to come.  Its length, or 0 when the transaction ended: the status and
 * the sentence are set.
 */
size_t receive_frame(const struct bus *b, const struct pdu_request *req, int64_t deadline_us,
		     uint8_t frame[PDU_FRAME_MAX], struct tesla_reply *reply,
		     struct tesla_error *err);
/* The frame that the host has seen is there as a whole: nothing to reassemble. */
size_t receive_whole(const struct bus *b, uint8_t frame[PDU_FRAME_MAX], struct tesla_reply *reply,
		     struct tesla_error *err);

#endif
