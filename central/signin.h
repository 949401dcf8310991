/* SPDX-License-Identifier: Apache-2.0 */
/* Who a call is of: a token, a session, or a v2 caller by its address. */
#ifndef CENTRAL_SIGNIN_H
#define CENTRAL_SIGNIN_H

#include "central/call.h"

enum signin_state {
	SIGNIN_GOOD,	/* c->who says who, be it nobody */
	SIGNIN_NO_CSRF, /* a session that would change something, without what only its page has */
};

/* Fills c->who and c->who_text. */
enum signin_state signin_of(struct call *c);
/* Lists leave out what may not be read: this node may be.  After signin_of. */
bool signin_sees(const struct call *c, const char *node);

#endif
