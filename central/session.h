/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has signed in with a browser: in memory only, so a restart ends all.  One thread; the clock
 * is the caller's, and must not go back (CLOCK_MONOTONIC in ms).
 */
#ifndef CENTRAL_SESSION_H
#define CENTRAL_SESSION_H

#include <stdbool.h>
#include <tesla/plugin.h>

#include "central/registry.h"

#define SESSION_TEXT 44u    /* 32 random bytes in base64url, with a NUL */
#define SESSION_COOKIE 160u /* what the value of Set-Cookie fits into */

struct sessions;
struct sessions_conf {	     /* 0: the default */
	size_t max;	     /* 1000; the one that is idle longest goes */
	size_t max_per_user; /* 16 */
	int64_t idle_ms;     /* 8 hours */
	int64_t absolute_ms; /* 7 days */
};
struct session {
	char user[REGISTRY_TEXT_MAX + 1];
	uint32_t user_row;
	int64_t credential;	 /* of the user, when it began */
	char csrf[SESSION_TEXT]; /* for the page; comes back in a header */
	int64_t begun_ms, seen_ms;
};

struct sessions *sessions_new(const struct sessions_conf *conf); /* NULL: no memory */
void sessions_free(struct sessions *s);
size_t sessions_count(const struct sessions *s);
uint64_t sessions_pushed_out(const struct sessions *s); /* by the bounds */

/* `id` goes into the cookie, and is nowhere else: what is kept is its hash.  Wipe it. */
int session_begin(struct sessions *s, const struct registry_user *user, int64_t now_ms,
		  char id[SESSION_TEXT], struct tesla_error *err);
/*
 * By what the cookie has: foreign text.  NULL: there is none, or no more.  The caller looks up the
 * user and asks session_is_of().  Good until the next call that begins or ends one.
 */
const struct session *session_find(struct sessions *s, const char *id, int64_t now_ms);
/* The same, but it is not used by this: it goes idle as it would. */
const struct session *session_peek(const struct sessions *s, const char *id, int64_t now_ms);
/* The user is still the one who signed in, is not disabled, and has the same password. */
bool session_is_of(const struct session *session, const struct registry_user *user);
/* In constant time; NULL is false. */
bool session_csrf_is(const struct session *session, const char *text);
void session_end(struct sessions *s, const char *id);
void session_end_user(struct sessions *s, uint32_t user_row);

/* ---- cookies; tls: with Secure, and a name that only TLS can set (__Host-) ---- */

void session_cookie(const char *id, bool tls, char text[SESSION_COOKIE]);
void session_cookie_end(bool tls, char text[SESSION_COOKIE]); /* takes it away */
const char *session_cookie_name(bool tls);
/*
 * How many there are in a header Cookie, foreign text.  id: of the only one, when that is an id;
 * else it is left as it was, as a request may have several headers.
 */
unsigned session_cookie_find(const char *header, bool tls, char id[SESSION_TEXT]);

#endif
