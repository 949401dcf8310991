/* SPDX-License-Identifier: Apache-2.0 */
/* The per-record answers of docs/api-v1.md: foreign bytes in either form. */
#ifndef CLIENTREST_ANSWER_H
#define CLIENTREST_ANSWER_H

#include "conf.h"

struct answer_result {
	enum tesla_delivery delivery;
	char reason[161]; /* printable; "": none was given */
};

/* `n` results, no fewer and no more; else -EBADMSG, -ENOMEM, and *err says what came. */
int answer_parse(enum format format, const char *bytes, size_t len, struct answer_result *results,
		 size_t n, struct tesla_error *err);

#endif
