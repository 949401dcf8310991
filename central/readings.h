/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live readings in the form of docs/api-v1.md: out of the body of POST /api/v1/readings, which is
 * foreign, and into answers.  Pure.
 */
#ifndef CENTRAL_READINGS_H
#define CENTRAL_READINGS_H

#include "base/reading.h"

#define READINGS_MAX 5000u    /* in a body */
#define READINGS_STATES 2000u /* likewise */
#define READINGS_ELEMENTS 256u
#define READINGS_TEXT 255u /* bytes of a name, a unit, a reason */

struct readings_state {
	int64_t analyzer, t_ms;
	char *state, *reason; /* reason NULL: there is none */
};

struct readings {   /* all zero: empty */
	char *node; /* NULL: it says none */
	int64_t epoch_ms;
	struct reading *list;
	struct readings_state *states;
	size_t n, n_states;
	size_t n_bad; /* of either, left out: not as they must be */
};

/* -EBADMSG: no such body; -EMSGSIZE: more than there may be; -ENOMEM.  Then it holds nothing. */
int readings_read(const msgpack_object *body, struct readings *in, struct tesla_error *err);
void readings_release(struct readings *in);

/* Whoever it comes from: its texts and elements are within the bounds. */
bool reading_fits(const struct tesla_client_reading *r);
/* Likewise of a state: a text that may be NULL. */
bool reading_text_fits(const char *text);

struct reading_form {
	const char *node; /* NULL: it is not said */
	bool labels;
	bool stale; /* it is said to be */
};
void reading_pack(msgpack_packer *pk, const struct tesla_client_reading *r,
		  const struct reading_form *form);

#endif
