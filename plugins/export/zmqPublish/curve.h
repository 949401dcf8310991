/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream over CURVE: our keys, the list of who may subscribe, and the ZAP handler that libzmq
 * asks for each connection.  A plugin starts no thread: the handler answers when the host delivers,
 * which it does once a second at least.
 */
#ifndef ZMQPUBLISH_CURVE_H
#define ZMQPUBLISH_CURVE_H

#include <tesla/plugin.h>
#include <time.h>

#define CURVE_KEY 40u /* characters of a key, Z85 */

typedef char curve_key[CURVE_KEY + 1];

struct curve {
	const char *key_file, *clients_file; /* the conf's */
	curve_key secret;
	curve_key *clients;
	size_t n_clients;
	struct curve_stamp {
		unsigned long long dev, ino, size;
		struct timespec mtime, ctime;
	} stamp; /* of the list, as it was read */
	void *zap;
	const struct tesla_host *host;
	int64_t said_us; /* when a refusal was */
	uint64_t held;	 /* since then */
};

/* Are the files good?  *err names file and line. */
int curve_check(const char *key_file, const char *clients_file, struct tesla_error *err);
/* Reads the files; the names stay the caller's.  On failure *c needs no release. */
int curve_init(struct curve *c, const char *key_file, const char *clients_file,
	       const struct tesla_host *host, struct tesla_error *err);
/* Guards `socket`, which is not bound yet, by a handler in the same context.  0; -errno. */
int curve_guard(struct curve *c, void *ctx, void *socket);
/* Before that context ends. */
void curve_unguard(struct curve *c);
/* Answers what asks. */
void curve_tend(struct curve *c);
/*
 * Reads the list again if it changed.  True: somebody is no longer in it, so that those who are
 * connected must connect again.
 */
bool curve_refresh(struct curve *c);
void curve_release(struct curve *c);

#endif
