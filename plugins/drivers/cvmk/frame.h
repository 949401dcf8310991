/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of the Circutor CVMk's ASCII protocol: requests, where a reply begins and ends in what a
 * line brings, and what it must be.  Pure: no I/O, no clock.
 *
 *	request  $ AA CCC SS LF		address, command (its case counts), sum
 *	reply    $ AA data SS LF	the sum is that of all characters before it, $ included
 */
#ifndef CVMK_FRAME_H
#define CVMK_FRAME_H

#include <tesla/plugin.h>

#define FRAME_ADDRESS_MAX 99
#define FRAME_COMMAND 3 /* letters of a command */
#define FRAME_ROUND 6	/* characters of a frame that are not its data: $, address, sum, LF */
#define FRAME_REQUEST (FRAME_ROUND + FRAME_COMMAND)
#define FRAME_DATA_MAX 249 /* more than any command answers */
#define FRAME_MAX (FRAME_ROUND + FRAME_DATA_MAX)

/* Sum of the characters, modulo 256. */
uint8_t frame_sum(const uint8_t *bytes, size_t len);

/*
 * -EINVAL with a sentence: no meter has this address, or this is no command that reads.  Commands
 * that begin with W set something in the meter: they are not made here.
 */
int frame_request(uint8_t request[FRAME_REQUEST], unsigned address, const char *command,
		  struct tesla_error *err);

/* Bytes of a line, from which a frame is cut out.  All zero: nothing has come. */
struct frame_scan {
	size_t len;  /* of the frame that has begun; 0: none has */
	bool whole;  /* it has ended: bytes, len is it */
	size_t junk; /* bytes that belong to no frame */
	uint8_t bytes[FRAME_MAX];
};
/*
 * Takes bytes up to the end of the first whole frame; says how many.  What comes before a $ is
 * junk.  A $ begins a frame anew wherever it comes, for it is in no data.  What has become too long
 * for a frame is junk, too.
 */
size_t frame_scan(struct frame_scan *scan, const uint8_t *bytes, size_t len);

/* What a good reply carries: points into the frame. */
struct frame_data {
	const uint8_t *bytes;
	size_t len;
};
/*
 * Is the whole frame the reply of this meter?  `fields`: how many characters its data must have,
 * all of them such as fields are made of; 0: a text of any length but none.
 * TESLA_REPLY_OK: *data; else TESLA_REPLY_GARBLED with a sentence.
 */
enum tesla_status frame_check(const uint8_t *frame, size_t len, unsigned address, size_t fields,
			      struct frame_data *data, struct tesla_error *err);

#endif
