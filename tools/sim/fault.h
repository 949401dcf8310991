/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong on request, and with which requests. */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include <tesla/plugin.h>

#include "sim/modbus.h"

struct fault {
	const struct fault_kind *kind;
	int64_t address;	     /* -1: any */
	int64_t after, every, count; /* skip, then every n-th, then at most (0: no limit) */
	int64_t ms, code;	     /* late by, exception; 0: not */
	double probability;
	uint64_t seen, applied; /* requests that it looked at, and that it spoilt */
};

struct faults {
	struct fault *list;
	size_t n;
	uint64_t random;
};

/* "KIND[:KEY=VALUE,...]".  -EINVAL with a sentence, -ENOMEM. */
int faults_add(struct faults *f, const char *spec, struct tesla_error *err);
void faults_clear(struct faults *f);
const char *fault_name(const struct fault *f);
/* What is wrong with the reply to the next request to `address`; all faults that apply add up. */
struct effect faults_next(struct faults *f, unsigned address);
/* One line per kind, for --help. */
void faults_describe(FILE *out);

#endif
