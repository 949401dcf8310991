/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the journal's data.mdb page by page without LMDB, and believes nothing of it: LMDB follows
 * broken pages wherever they lead.  What is out of order is counted and left out, so that the same
 * walk checks a file and saves what there is in a damaged one.
 */
#ifndef DAEMON_JOURNAL_PAGES_H
#define DAEMON_JOURNAL_PAGES_H

#include "daemon/journal_internal.h"

/* As LMDB 0.9 has them on disk. */
struct pages_tree {
	uint32_t pad;
	uint16_t flags, depth;
	size_t n_branches, n_leaves, n_overflows, n_rows, root;
};
struct pages {
	int fd;
	size_t size, last; /* of a page; the last page */
	size_t in_file;	   /* pages that the file has */
	size_t txn;
	struct pages_tree free, main, tables[N_TABLES];
	bool has[N_TABLES];
	uint8_t *seen;	 /* a bit per page */
	uint8_t *kept;	 /* what `seen` was before pages_forget */
	uint64_t bad;	 /* things that were out of order; from here on `bad` only grows */
	char first[120]; /* what the first one was */
	int failed;	 /* errno: it could not be read, which is no damage; `first` says it */
};

/* -ENODATA: nothing was ever written; -EUCLEAN: neither head can be read; -ENOMEM, -EIO ... */
int pages_open(struct pages *p, int fd, struct tesla_error *err);
/* Goes back to the commit before; false: there is none. */
bool pages_back(struct pages *p);
void pages_close(struct pages *p);

/*
 * In the order of keys, unless that was complained of; `value` is valid during the call.  True: it
 * is what it seems to be, so what follows must have a higher key; who returns false has complained.
 */
typedef bool pages_each(void *arg, struct bytes key, struct bytes value);
void pages_walk(struct pages *p, enum table table, pages_each *each, void *arg);
/* The list of free pages: marks them as seen. */
void pages_walk_free(struct pages *p);
/* Rows in leaves that no walk has seen: what hung from a damaged page.  After pages_walk_free. */
void pages_orphans(struct pages *p, pages_each *each, void *arg);
/* To walk again: nothing is seen, until pages_remember.  False: no memory; complained of. */
bool pages_forget(struct pages *p);
void pages_remember(struct pages *p);
__attribute__((format(printf, 2, 3))) void pages_complain(struct pages *p, const char *fmt, ...);
__attribute__((format(printf, 3, 4))) void pages_fail(struct pages *p, int code, const char *fmt,
						      ...);

#endif
