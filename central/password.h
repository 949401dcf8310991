/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwords: argon2id of libsodium.  Hashing and verifying take 32 MiB and some 70 ms: for a
 * worker, one at a time.  Nothing here keeps a password.
 */
#ifndef CENTRAL_PASSWORD_H
#define CENTRAL_PASSWORD_H

#include <stdbool.h>
#include <tesla/plugin.h>

#define PASSWORD_MIN 10u    /* characters */
#define PASSWORD_MAX 512u   /* bytes */
#define PASSWORD_HASH 128u  /* bytes of a hash, with its NUL */
#define PASSWORD_RANDOM 25u /* bytes of a random one, with its NUL: 24 characters, 120 bits */

/* Once, before anything else of central that makes or compares secrets; any number of times. */
int password_start(struct tesla_error *err);
/* -EINVAL: too short, too long, or no UTF-8. */
int password_check(const char *password, struct tesla_error *err);
/* -ENOMEM, or what password_check says. */
int password_hash(const char *password, char ret[PASSWORD_HASH], struct tesla_error *err);
/*
 * hash NULL: of a user that does not exist, which takes as long as of one that does, and is false.
 */
bool password_verify(const char *hash, const char *password);
void password_random(char ret[PASSWORD_RANDOM]); /* wipe it: sodium_memzero() */

#endif
