/* SPDX-License-Identifier: Apache-2.0 */
/* How a meter answers who it is. */
#include "sim/who.h"

#include <string.h>

#include "base/cleanup.h"

#define MEI_DEVICE 14
#define EXTENDED 3 /* the last code that asks for objects one after the other */
#define BASIC 1	   /* objects are all that we have, and not one by one */
#define OBJECTS 3  /* maker, product, revision */
#define OBJECTS_AT 7

bool who_parse(const char *text, unsigned *ret)
{
	static const struct {
		const char *text;
		unsigned knows;
	} lists[] = {
		{ "17", WHO_17 },
		{ "43", WHO_43 },
		{ "17,43", WHO_17 | WHO_43 },
		{ "none", 0 },
	};

	for (size_t i = 0; i < N_ELEMENTS(lists); i++)
		if (strcmp(lists[i].text, text) == 0) {
			*ret = lists[i].knows;
			return true;
		}
	return false;
}

/* Slave id, run indicator (on), then the text. */
static int answer_17(const char *text, uint8_t unit, struct pdu *reply)
{
	size_t len = strnlen(text, PDU_MAX - 4);

	reply->bytes[0] = 17;
	reply->bytes[1] = (uint8_t)(2 + len);
	reply->bytes[2] = unit;
	reply->bytes[3] = 0xff;
	memcpy(reply->bytes + 4, text, len);
	reply->len = 4 + len;
	return 0;
}

/* The text's first word, its second one, and the rest. */
static int answer_43(const char *text, const struct pdu *rq, struct pdu *reply)
{
	size_t room = PDU_MAX - OBJECTS_AT - 2 * OBJECTS, at = OBJECTS_AT;
	unsigned first;

	if (rq->len != 4 || rq->bytes[1] != MEI_DEVICE)
		return MODBUS_BAD_FUNCTION;
	if (rq->bytes[2] < BASIC || rq->bytes[2] > EXTENDED)
		return MODBUS_BAD_VALUE;
	first = rq->bytes[3] < OBJECTS ? rq->bytes[3] : 0; /* as the standard wants it */
	memcpy(reply->bytes,
	       (const uint8_t[]){ 43, MEI_DEVICE, rq->bytes[2], BASIC, 0, 0,
				  (uint8_t)(OBJECTS - first) },
	       OBJECTS_AT);
	for (unsigned id = 0; id < OBJECTS; id++) {
		size_t whole = id + 1 < OBJECTS ? strcspn(text, " ") : strlen(text),
		       len = whole < room ? whole : room;

		room -= len;
		if (id >= first) {
			reply->bytes[at] = (uint8_t)id;
			reply->bytes[at + 1] = (uint8_t)len;
			memcpy(reply->bytes + at + 2, text, len);
			at += 2 + len;
		}
		text += whole;
		text += strspn(text, " ");
	}
	reply->len = at;
	return 0;
}

int who_answer(const char *text, unsigned knows, uint8_t unit, const struct pdu *rq,
	       struct pdu *reply)
{
	unsigned needed = rq->bytes[0] == 17 ? WHO_17 : WHO_43;

	if (*text == '\0' || !(knows & needed))
		return MODBUS_BAD_FUNCTION;
	return needed == WHO_17 ? answer_17(text, unit, reply) : answer_43(text, rq, reply);
}
