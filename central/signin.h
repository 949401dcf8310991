/* SPDX-License-Identifier: Apache-2.0 */
/* Who a call is of: a token, a session, or a v2 caller by its address. */
#ifndef CENTRAL_SIGNIN_H
#define CENTRAL_SIGNIN_H

#include "central/call.h"
#include "central/session.h"

enum signin_state {
	SIGNIN_GOOD,	/* c->who says who, be it nobody */
	SIGNIN_NO_CSRF, /* a session that would change something, without what only its page has */
	SIGNIN_PAGE,	/* a v2 caller by its address would, and a page in a browser sent it */
};

/* Fills c->who and c->who_text. */
enum signin_state signin_of(struct call *c);
/* The same for a call that goes on: its session is not used by this, and goes idle. */
enum signin_state signin_again(struct call *c);
/* Lists leave out what may not be read: this node may be.  After signin_of. */
bool signin_sees(const struct call *c, const char *node);

/* Of the call's cookie, if it lets in; good until the next session begins or ends.  Not used. */
const struct session *signin_session(const struct call *c);
bool signin_cookie(const struct call *c, char id[SESSION_TEXT]); /* false: there is none */

#endif
