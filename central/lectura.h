/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LECTURA, the field of the predecessor's form that has the values: {"TPF": [230.1, ...], ...} in
 * its units, to variables of a record in ours.  Foreign; pure.
 */
#ifndef CENTRAL_LECTURA_H
#define CENTRAL_LECTURA_H

#include "base/arena.h"
#include "base/model.h"

struct lectura {
	/* In the model's order.  What only a window has (min, max, coverage) is not known. */
	const struct tesla_record_variable *const *variables;
	size_t n_variables, n_skipped;
	char skipped[200]; /* which were, and why */
};

/*
 * What the model does not have, or has with another number of elements, is skipped.  Everything is
 * in `memory`, but for texts of the model.  -EBADMSG: it is none, or nothing is left; -ENOMEM.
 */
int lectura_read(const char *text, const struct model *m, struct arena *memory, struct lectura *ret,
		 struct tesla_error *err);

#endif
