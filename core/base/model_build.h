/* SPDX-License-Identifier: Apache-2.0 */
/* What the files share that read a model (model.c, model_identity.c); nobody else's. */
#ifndef BASE_MODEL_BUILD_H
#define BASE_MODEL_BUILD_H

#include "base/model.h"
#include "base/model_tables.h"

/* A model while it is read; its rows are const once it is done. */
struct build {
	struct model *m;
	struct arena *a;
	const struct xml *x;
	struct diags *d;
	struct tesla_scale *scales;
	struct model_range *forbidden;
	struct m_layer base; /* what the model says for all variables */
};

/* A register that is read at all must be readable: within the address space and not forbidden. */
void model_address_check(struct build *b, const xmlNode *node, unsigned function, unsigned address,
			 unsigned count);

/* ---- model_identity.c: <recognise> and <identity> ---- */
void model_recognise_read(struct build *b, const xmlNode *root);
void model_texts_read(struct build *b, const xmlNode *root);

#endif
