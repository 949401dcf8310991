/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line says; nothing is opened or read here. */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include "sim/sim.h"

struct line_option {
	enum line_kind kind;
	const char *where, *meters; /* meters NULL: the common ones */
	const char *replay;	    /* a capture instead; NULL: none */
};
struct texts {
	const char **list;
	size_t n;
};

struct options { /* texts point into argv */
	struct line_option *lines;
	size_t n_lines;
	struct texts meters, faults, fixes, raws, scales, identity_by;
	struct model_range *forbidden;
	size_t n_forbidden;
	struct pace pace; /* baud 0: not given */
	const char *models, *identity, *control, *stats, *config;
	double time_scale;
	int64_t seed;
	bool refuse_holes, config_only, parent, fast;
};

/* Ends the program on --help, --version and what is wrong. */
void options_parse(struct options *o, int argc, char **argv);
void options_release(struct options *o);

#endif
