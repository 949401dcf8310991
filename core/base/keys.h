/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key pairs and lists of clients for CURVE, in the files that docs/control.md describes.  Knows no
 * ZeroMQ: a key is 40 characters of Z85.
 */
#ifndef BASE_KEYS_H
#define BASE_KEYS_H

#include <sys/types.h>
#include <tesla/plugin.h>

#define KEYS_LEN 40u	       /* characters of a key */
#define KEYS_CLIENTS_MAX 1000u /* in a list */
#define KEYS_NAME_MAX 64u

struct keys_pair {
	char public_key[KEYS_LEN + 1], secret_key[KEYS_LEN + 1]; /* secret "": there is none */
};

/* -EBADMSG: *err says which line and why. */
int keys_parse(const char *text, size_t len, struct keys_pair *ret, struct tesla_error *err);
/*
 * *err names the file.  With `secret` it must have the secret key, and must be a file that nobody
 * but its owner and its group can read.  Forget *ret with keys_forget().
 */
int keys_read(const char *path, bool secret, struct keys_pair *ret, struct tesla_error *err);
void keys_forget(struct keys_pair *pair);

struct keys_client {
	char key[KEYS_LEN + 1], name[KEYS_NAME_MAX + 1];
	bool readonly;
};
struct keys_clients {
	struct keys_client *list;
	size_t n;
};
int keys_clients_parse(const char *text, size_t len, struct keys_clients *ret,
		       struct tesla_error *err);
void keys_clients_release(struct keys_clients *c);

/* A list in a file, read again when the file is another one than the last time. */
struct keys_file {
	char *path;
	struct keys_clients clients;
	struct keys_stamp {
		dev_t dev;
		ino_t ino;
		off_t size;
		int64_t mtime_ns, ctime_ns;
	} stamp;
};
/* The first reading; copies `path`.  On failure *f needs no release. */
int keys_file_init(struct keys_file *f, const char *path, struct tesla_error *err);
/*
 * 0: as before; 1: read again.  Negative: the new file is no good, *err names file and line, and
 * the list is the one before; said once for each change.
 */
int keys_file_refresh(struct keys_file *f, struct tesla_error *err);
void keys_file_release(struct keys_file *f);
/* NULL: nobody has that key. */
const struct keys_client *keys_file_find(const struct keys_file *f, const char *key);

#endif
