/* SPDX-License-Identifier: Apache-2.0 */
/* What journal_page.c and journal_pages.c share: the shape of a page of LMDB 0.9. */
#ifndef DAEMON_JOURNAL_PAGE_H
#define DAEMON_JOURNAL_PAGE_H

#include <string.h>

#include "daemon/journal_pages.h"

#define HEAD (sizeof(size_t) + 8) /* of a page */
#define NODE 8u			  /* of a node */
#define KEY_MAX 511u
enum page_flag { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8 };
enum node_flag { NODE_OVERFLOW = 1, NODE_TREE = 2 };

struct node {
	unsigned flags;
	size_t value_len; /* of a branch: the page below */
	struct bytes key;
	const uint8_t *value; /* of an overflow: the page's number */
	size_t space;	      /* that it takes on its page */
};

static inline unsigned page_u16(const uint8_t *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof v);
	return v;
}

static inline size_t page_word(const uint8_t *at)
{
	size_t v;

	memcpy(&v, at, sizeof v);
	return v;
}

static inline unsigned page_flags(const uint8_t *page)
{
	return page_u16(page + (HEAD - 6));
}

bool page_read(struct pages *p, size_t page, void *to, size_t len);
/* Each page belongs to one thing: false, and complained of, when it is in use already. */
bool page_claim(struct pages *p, size_t page);
/* Its bytes, for free(); a damaged one too: its rows have checksums of their own. */
uint8_t *page_load(struct pages *p, size_t page, bool leaf);
/* Its nodes are all there and do not overlap. */
bool page_shape(const struct pages *p, const uint8_t *page, bool leaf);
unsigned page_nodes(const struct pages *p, const uint8_t *page);
/* False: there is none that could be read. */
bool page_node(const struct pages *p, const uint8_t *page, unsigned i, bool leaf, struct node *n);
/* Calls `each` with its key and value; false: it cannot be read, or is not what it seems to be. */
bool page_give(struct pages *p, const struct node *n, pages_each *each, void *arg,
	       size_t *n_overflows);

#endif
