/* SPDX-License-Identifier: Apache-2.0 */
/* The models of meters that central knows: read once, then the same for all threads. */
#ifndef CENTRAL_CATALOGUE_H
#define CENTRAL_CATALOGUE_H

#include "base/log.h"
#include "base/model.h"

struct catalogue;

/*
 * `dir` "": $TESLA_MODELDIR, else where they were installed.  A file that is no model is said, and
 * left out; so is a folder that is not there.  `said_at`, for that: where `dir` is configured.
 */
int catalogue_load(const char *dir, const char *said_at, const struct log *log,
		   struct catalogue **ret, struct tesla_error *err);
void catalogue_free(struct catalogue *c);
/* By its exact name; NULL: it is not known. */
const struct model *catalogue_model(const struct catalogue *c, const char *name);
/* In the order of names. */
size_t catalogue_n(const struct catalogue *c);
const struct model *catalogue_at(const struct catalogue *c, size_t i);

#endif
