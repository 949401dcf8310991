/* SPDX-License-Identifier: Apache-2.0 */
/* A capture played on a line: what comes is looked up in it, what was answered is sent again. */
#ifndef SIM_PLAY_H
#define SIM_PLAY_H

#include "sim/sim.h"

struct bus;
struct play;

/* For that line.  NULL: *err says why.  fast: answers come at once, only what was late stays so. */
struct play *play_open(const struct line *line, const char *file, bool fast,
		       struct tesla_error *err);
void play_free(struct play *p);
/* Bytes came on a bus of the line.  May hang up: the caller looks before it goes on. */
void play_receive(struct play *p, struct bus *b, const uint8_t *bytes, size_t len);

#endif
