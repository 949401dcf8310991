/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer to a remote read (prom.h), made out of the store in short steps.  Between two of them
 * anything may be stored.
 */
#ifndef CENTRAL_PROM_READER_H
#define CENTRAL_PROM_READER_H

#include "central/auth.h"
#include "central/catalogue.h"
#include "central/prom.h"

struct prom_reader;

/*
 * Takes the request.  `who` and `models` must last as long as it does; of a node that `who` may not
 * read there is nothing.  NULL: no memory; then the request stays the caller's.
 */
struct prom_reader *prom_reader_new(struct prom_request *request, const struct auth_principal *who,
				    const struct catalogue *models);
/*
 * In the store's thread: some tenths of a millisecond, as a rule.  1: there is more to do; 0: the
 * answer is in `ret`, which is empty and initialised; -EIO: the store cannot be read; else as in
 * prom.h.
 */
int prom_reader_step(struct prom_reader *r, struct store *store, struct buf *ret,
		     struct tesla_error *err);
/* In the store's thread, if a step was taken. */
void prom_reader_free(struct prom_reader *r);

#endif
