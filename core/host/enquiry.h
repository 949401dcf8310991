/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a meter is asked when it is connected: where its SunSpec model is, what it says of itself,
 * and who it is.  One question at a time, no I/O; what came of it is in the analyzer.
 */
#ifndef HOST_ENQUIRY_H
#define HOST_ENQUIRY_H

#include <tesla/plugin.h>

struct analyzer;

enum enquiry_step {
	ENQUIRY_MARKER,
	ENQUIRY_CHAIN,
	ENQUIRY_COMMON,
	ENQUIRY_TEXTS,
	ENQUIRY_WHO,
	ENQUIRY_OVER
};

struct enquiry { /* all zero: at its beginning */
	enum enquiry_step step;
	size_t i;	 /* the marker's place, the link of the chain, the text */
	uint32_t at;	 /* of the chain's next link */
	uint16_t common; /* where model 1 is; 0: not seen */
	uint16_t common_count;
	bool begun;
	bool again; /* the driver did not get to know who it is, and is asked the second time */
};

/* Is there anything to ask? */
bool enquiry_possible(const struct analyzer *a, const struct tesla_driver *driver);
/*
 * The next question: *who: the driver's `identify`, else *what is to be read.  False: it is over.
 * heard and texts of the analyzer are empty before the first one.
 */
bool enquiry_next(struct enquiry *q, struct analyzer *a, const struct tesla_driver *driver,
		  struct tesla_block *what, bool *who);
/* What came: an answer or a refusal.  After anything else it is over. */
void enquiry_take(struct enquiry *q, struct analyzer *a, const struct tesla_reply *reply);

#endif
