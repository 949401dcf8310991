/* SPDX-License-Identifier: Apache-2.0 */
/* One page of the journal's file, its nodes, and values on pages of their own. */
#include "daemon/journal_page.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

void pages_complain(struct pages *p, const char *fmt, ...)
{
	va_list ap;

	if (p->bad++ > 0)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(p->first, sizeof p->first, fmt, ap);
	va_end(ap);
}

void pages_fail(struct pages *p, int code, const char *fmt, ...)
{
	va_list ap;

	p->bad++;
	if (p->failed != 0)
		return;
	p->failed = code;
	va_start(ap, fmt);
	(void)vsnprintf(p->first, sizeof p->first, fmt, ap);
	va_end(ap);
}

/* ---- one page ---- */

bool page_read(struct pages *p, size_t page, void *to, size_t len)
{
	ssize_t n = pread(p->fd, to, len, (off_t)(page * p->size));

	if (n == (ssize_t)len)
		return true;
	if (n < 0)
		pages_fail(p, errno, "page %zu cannot be read: %s", page, strerror(errno));
	else
		pages_complain(p, "page %zu is beyond the end of the file", page);
	return false;
}

bool page_claim(struct pages *p, size_t page)
{
	if (page < 2 || page > p->last) {
		pages_complain(p, "page %zu is not between 2 and %zu", page, p->last);
		return false;
	}
	if ((p->seen[page / 8] >> page % 8 & 1) != 0) {
		pages_complain(p, "page %zu is in use twice", page);
		return false;
	}
	p->seen[page / 8] |= (uint8_t)(1u << page % 8);
	return true;
}

unsigned page_nodes(const struct pages *p, const uint8_t *page)
{
	size_t low = page_u16(page + (HEAD - 4));

	return low < HEAD ? 0 : (unsigned)((low < p->size ? low : p->size) - HEAD) / 2;
}

bool page_node(const struct pages *p, const uint8_t *page, unsigned i, bool leaf, struct node *n)
{
	size_t at = page_u16(page + HEAD + 2 * (size_t)i), low, high, inside;

	if (at + NODE > p->size || at % 2 != 0 || at < HEAD)
		return false;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	low = page_u16(page + at), high = page_u16(page + at + 2);
#else
	high = page_u16(page + at), low = page_u16(page + at + 2);
#endif
	n->flags = page_u16(page + at + 4);
	n->key = (struct bytes){ page + at + NODE, page_u16(page + at + 6) };
	n->value = n->key.at + n->key.len;
	n->value_len = low | high << 16;
	if (!leaf && sizeof(size_t) > 4)
		n->value_len |= (size_t)n->flags << (sizeof(size_t) > 4 ? 32 : 0);
	inside = !leaf ? 0 : (n->flags & NODE_OVERFLOW) != 0 ? sizeof(size_t) : n->value_len;
	n->space = (NODE + n->key.len + inside + 1) & ~(size_t)1;
	return n->key.len <= KEY_MAX && inside <= p->size && at + n->space <= p->size &&
	       (!leaf || n->flags <= NODE_TREE);
}

/* LMDB keeps the nodes of a page without gaps; so they do not overlap when their sum is right. */
bool page_shape(const struct pages *p, const uint8_t *page, bool leaf)
{
	size_t low = page_u16(page + (HEAD - 4)), high = page_u16(page + (HEAD - 2)), sum = 0;
	struct node n;

	if (low <= HEAD || low % 2 != 0 || low > high || high > p->size)
		return false;
	for (unsigned i = 0; i < page_nodes(p, page); i++) {
		if (page_u16(page + HEAD + 2 * (size_t)i) < high ||
		    !page_node(p, page, i, leaf, &n))
			return false;
		sum += n.space;
	}
	return sum == p->size - high;
}

uint8_t *page_load(struct pages *p, size_t page, bool leaf)
{
	uint8_t *b = malloc(p->size);

	if (b == NULL || !page_read(p, page, b, p->size)) {
		if (b == NULL)
			pages_fail(p, ENOMEM, "no memory for page %zu", page);
		free(b);
		return NULL;
	}
	if (page_word(b) != page || page_flags(b) != (leaf ? PAGE_LEAF : PAGE_BRANCH) ||
	    !page_shape(p, b, leaf))
		pages_complain(p, "page %zu is damaged", page);
	return b;
}

/* ---- a value on pages of its own ---- */

static bool overflow_head(struct pages *p, size_t page, size_t len, size_t *n)
{
	uint8_t head[HEAD];
	uint32_t pages;

	if (page < 2 || page > p->last || len > p->in_file * p->size) {
		pages_complain(p, "a value of %zu bytes at page %zu", len, page);
		return false;
	}
	if (!page_read(p, page, head, sizeof head))
		return false;
	memcpy(&pages, head + (HEAD - 4), sizeof pages);
	if (page_word(head) != page || page_flags(head) != PAGE_OVERFLOW ||
	    pages < (HEAD - 1 + len) / p->size + 1 || pages > p->last - page + 1) {
		pages_complain(p, "page %zu is damaged", page);
		return false;
	}
	*n = pages;
	return true;
}

/* The bytes, for free(); *n_pages: how many it has. */
static uint8_t *load_overflow(struct pages *p, size_t page, size_t len, size_t *n_pages)
{
	_cleanup_free_ uint8_t *all = NULL;
	uint8_t *value = NULL;

	if (!overflow_head(p, page, len, n_pages))
		return NULL;
	for (size_t i = 0; i < *n_pages; i++)
		if (!page_claim(p, page + i))
			return NULL;
	all = malloc(HEAD + len);
	value = malloc(len + 1);
	if (all == NULL || value == NULL)
		pages_fail(p, ENOMEM, "no memory for %zu bytes", len);
	else if (page_read(p, page, all, HEAD + len)) {
		memcpy(value, all + HEAD, len);
		return value;
	}
	free(value);
	return NULL;
}

bool page_give(struct pages *p, const struct node *n, pages_each *each, void *arg, size_t *n_pages)
{
	_cleanup_free_ uint8_t *value = NULL;

	*n_pages = 0;
	if ((n->flags & NODE_OVERFLOW) == 0)
		return each(arg, n->key, (struct bytes){ n->value, n->value_len });
	value = load_overflow(p, page_word(n->value), n->value_len, n_pages);
	return value != NULL && each(arg, n->key, (struct bytes){ value, n->value_len });
}
