/* SPDX-License-Identifier: Apache-2.0 */
/* Who answers at an address, and which models that may be. */
#ifndef TESLACTL_SCAN_METER_H
#define TESLACTL_SCAN_METER_H

#include "teslactl/catalogue.h"
#include "teslactl/look.h"

#define FOUND_MODELS 8
#define FOUND_CHAIN 8 /* of its links, those that a model is for */
#define FOUND_TEXT 128

struct found_model {
	const struct model *model;
	const char *by; /* how it was recognised: "name", "register", "SunSpec"; NULL: a guess */
	unsigned good, tried; /* elements in volts or hertz that were read, and make sense */
	unsigned hertz_good, hertz_tried;
	bool hinted;	   /* the meter says its name, or a register does that fits nearly all */
	unsigned readable; /* variables of which the first register can be read */
	double score;	   /* 0 to 1: how much sense */
};

struct found {
	unsigned address;
	bool commands;		/* by commands (CVMk), else by registers */
	bool clear;		/* somebody is there who can be understood */
	bool garbled;		/* something answers that is not to be understood */
	int64_t analyzer;	/* it is one of the running daemon's, and was not asked; 0: none */
	char known[FOUND_TEXT]; /* of that: its model */
	char said17[FOUND_TEXT], said43[FOUND_TEXT]; /* "": nothing.  A CVMk's version is said17 */
	uint16_t chain[FOUND_CHAIN]; /* behind SunSpec's marker: those that the catalogue has */
	size_t n_chain;
	struct found_model models[FOUND_MODELS]; /* the best first */
	size_t n_models;
};

/*
 * Asks the meter that is at f->address, and answered: fills the rest.  Negative: the line cannot
 * be asked any more.
 */
int scan_meter(struct looker *l, const struct catalogue *models, struct found *f,
	       struct tesla_error *err);

#endif
