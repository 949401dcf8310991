/* SPDX-License-Identifier: Apache-2.0 */
/* The whole simulator: lines, meters, faults, one loop.  One thread. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <uv.h>
#include <yajl/yajl_gen.h>

#include "sim/fault.h"
#include "sim/fleet.h"
#include "sim/line.h"

struct pace {
	int64_t baud, turnaround_us, chunk;
}; /* baud 0: not paced; chunk 0: whole frames */

struct sim {
	uv_loop_t loop;
	struct models models;
	struct fleet_rules rules;
	struct fleet common; /* the meters of lines that have none of their own */
	struct faults faults;
	struct line **lines;
	size_t n_lines;
	int64_t start_us; /* monotonic */
	double time_scale;
};

int sim_init(struct sim *s);
/* Ends all lines, runs the loop until everything is closed, and frees it. */
void sim_release(struct sim *s);

/* Local time of the simulated world, s since 1970, in steps of 0.1 s, so that values agree. */
double sim_time(const struct sim *s);
/* `where` as the user gave it; `meters` NULL: the common ones. */
int sim_add_line(struct sim *s, enum line_kind kind, const char *where, const char *meters,
		 const struct pace *pace, struct tesla_error *err);
/* For all meters; -ENOENT when it concerned none. */
int sim_set(struct sim *s, fleet_setter *set, const char *text, struct tesla_error *err);

void sim_stats(const struct sim *s, yajl_gen g); /* members of a map that is open */
void sim_reset(struct sim *s);
/* One JSON object on one line. */
int sim_print_stats(const struct sim *s, FILE *out);
/* The line that was added last plays a capture, and has no meters. */
int sim_replay(struct sim *s, const char *file, bool fast, struct tesla_error *err);
/* A config.xml that reads all the lines.  Negative errno. */
int sim_print_config(const struct sim *s, FILE *out);

#endif
