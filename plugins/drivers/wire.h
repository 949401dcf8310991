/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What drivers of one serial line have in common, so that they can share it: times of characters,
 * silence before a request, draining, and how a transaction ends.  Compiled into each of them.
 */
#ifndef DRIVERS_WIRE_H
#define DRIVERS_WIRE_H

#include <sys/types.h>
#include <tesla/plugin.h>

/* A reply that has begun gets this beyond the time-out. */
#define WIRE_GRACE_US 20000

int64_t wire_now_us(void); /* monotonic */

/* A character has 11 bits on an RTU line, whatever the setting.  baud 0: 0. */
int64_t wire_frame_us(uint32_t baud, size_t n_bytes);
/* 3.5 characters; 1.75 ms above 19200 Bd. */
int64_t wire_silence_us(uint32_t baud);
/* Before a request on such a line: that silence, or what the user asks for where it is more. */
int64_t wire_quiet_us(const struct tesla_line *line, int64_t own_ms);

/*
 * Drains, and keeps the silence since the last byte; whoever talks meanwhile makes it begin anew.
 * False: the transaction is over, for the line is broken, or is never silent until `give_up_us`.
 */
struct wire_quiet {
	int64_t quiet_us, give_up_us;
	const struct tesla_host *host; /* who is shown what is thrown away */
};
bool wire_quiet_keep(struct tesla_line *line, const struct wire_quiet *q, struct tesla_reply *reply,
		     struct tesla_error *err);
/* Something is to be read.  False: not by the deadline. */
bool wire_wait(const struct tesla_line *line, int64_t deadline_us);

/* A transaction ends early: its status, a sentence, and false to leave by. */
__attribute__((format(printf, 4, 5))) bool wire_ended(struct tesla_reply *reply,
						      enum tesla_status status,
						      struct tesla_error *err, const char *fmt,
						      ...);
bool wire_broken(const struct tesla_line *line, struct tesla_reply *reply, struct tesla_error *err,
		 const char *what, const char *why);

#endif
