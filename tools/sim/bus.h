/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of one serial line, or of one connection: what comes in becomes requests, what goes out
 * goes at its time.  With a baud rate both take as long as on copper: a character is 11 bits, a
 * frame ends with 3.5 characters of silence (1.75 ms above 19200 Bd), replies do not overlap.
 */
#ifndef SIM_BUS_H
#define SIM_BUS_H

#include "sim/line.h"
#include "sim/sim.h"
#include "sim/tick.h"

#define PLAY_MAX 1024 /* longer than any request */

struct outgoing;

struct bus {
	struct line *line;
	struct pace pace;
	struct tick *tick;  /* made when first needed */
	int64_t silence_us; /* 0 when not paced */
	int64_t free_us;    /* the last character that was on the bus ended then; 0: none yet */
	/* The request that is coming in; times are monotonic. */
	uint8_t in[RTU_MAX];
	size_t in_len; /* beyond RTU_MAX: it is too long to be one */
	int64_t in_first_us, in_end_us;
	bool in_early;
	bool closed;
	/* The same of a capture that is played (play.h). */
	uint8_t play[PLAY_MAX];
	size_t play_len;
	int64_t play_us;
	struct outgoing *queue; /* by the time that they start */
	void (*write)(struct bus *, const uint8_t *bytes, size_t len);
	void (*hang_up)(struct bus *); /* NULL: the line cannot */
};

/* The time that n characters take, rounded up. */
int64_t pace_us(const struct pace *pace, size_t n);
int64_t pace_silence_us(const struct pace *pace);

void bus_init(struct bus *b, struct line *line,
	      const struct pace *pace); /* then set write, hang_up */
void bus_release(struct bus *b);
/* Bytes of RTU or of a CVMk came.  May hang up: the caller looks before it goes on. */
void bus_receive(struct bus *b, const uint8_t *bytes, size_t len);
/* Starts at start_us or, on a paced line, when what is before it is over. */
void bus_send(struct bus *b, const struct adu *adu, int64_t start_us);
/* Then the connection is closed, where there is one. */
void bus_hang_up_at(struct bus *b, int64_t us);

#endif
