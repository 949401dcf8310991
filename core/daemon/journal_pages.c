/* SPDX-License-Identifier: Apache-2.0 */
/* The format of LMDB 0.9 (MDB_DATA_VERSION 1), as far as the journal uses it: no duplicates. */
#include "daemon/journal_pages.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#if MDB_VERSION_MAJOR != 0 || MDB_VERSION_MINOR != 9
#error "journal_pages.c knows the file format of LMDB 0.9"
#endif

#define MAGIC 0xbeefc0deu
#define FORMAT 1u
#define NONE SIZE_MAX
#define HEAD (sizeof(size_t) + 8) /* of a page */
#define NODE 8u			  /* of a node */
#define KEY_MAX 511u
#define DEPTH_MAX 32u
#define VALUE_MAX ((size_t)1 << 20)
enum page_flag { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8 };
enum node_flag { NODE_OVERFLOW = 1, NODE_TREE = 2 };

struct meta {
	uint32_t magic, format;
	size_t address, map_size;
	struct pages_tree free, main;
	size_t last, txn;
};

void pages_complain(struct pages *p, const char *fmt, ...)
{
	va_list ap;

	if (p->bad++ > 0)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(p->first, sizeof p->first, fmt, ap);
	va_end(ap);
}

/* ---- one page ---- */

static unsigned u16(const uint8_t *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof v);
	return v;
}

static size_t word(const uint8_t *at)
{
	size_t v;

	memcpy(&v, at, sizeof v);
	return v;
}

static bool read_at(struct pages *p, size_t page, void *to, size_t len)
{
	ssize_t n = pread(p->fd, to, len, (off_t)(page * p->size));

	if (n == (ssize_t)len)
		return true;
	if (n < 0)
		pages_complain(p, "page %zu cannot be read: %s", page, strerror(errno));
	else
		pages_complain(p, "page %zu is beyond the end of the file", page);
	return false;
}

/* Each page belongs to one thing. */
static bool claim(struct pages *p, size_t page)
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

struct node {
	unsigned flags;
	size_t value_len; /* of a branch: the page below */
	struct bytes key;
	const uint8_t *value; /* of an overflow: the page's number */
	size_t space;	      /* that it takes on its page */
};

static unsigned n_nodes(const struct pages *p, const uint8_t *page)
{
	size_t low = u16(page + HEAD - 4);

	return low < HEAD ? 0 : (unsigned)((low < p->size ? low : p->size) - HEAD) / 2;
}

/* False: there is none that could be read. */
static bool node_at(const struct pages *p, const uint8_t *page, unsigned i, bool leaf,
		    struct node *n)
{
	size_t at = u16(page + HEAD + 2 * (size_t)i), low, high, inside;

	if (at + NODE > p->size || at % 2 != 0 || at < HEAD)
		return false;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	low = u16(page + at), high = u16(page + at + 2);
#else
	high = u16(page + at), low = u16(page + at + 2);
#endif
	n->flags = u16(page + at + 4);
	n->key = (struct bytes){ page + at + NODE, u16(page + at + 6) };
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
static bool shape(const struct pages *p, const uint8_t *page, bool leaf)
{
	size_t low = u16(page + HEAD - 4), high = u16(page + HEAD - 2), sum = 0;
	struct node n;

	if (low <= HEAD || low % 2 != 0 || low > high || high > p->size)
		return false;
	for (unsigned i = 0; i < n_nodes(p, page); i++) {
		if (u16(page + HEAD + 2 * (size_t)i) < high || !node_at(p, page, i, leaf, &n))
			return false;
		sum += n.space;
	}
	return sum == p->size - high;
}

/* For free(); a damaged one too: its rows have checksums of their own. */
static uint8_t *load(struct pages *p, size_t page, bool leaf)
{
	uint8_t *b = malloc(p->size);

	if (b == NULL || !read_at(p, page, b, p->size)) {
		if (b == NULL)
			pages_complain(p, "no memory for page %zu", page);
		free(b);
		return NULL;
	}
	if (word(b) != page || u16(b + HEAD - 6) != (leaf ? PAGE_LEAF : PAGE_BRANCH) ||
	    !shape(p, b, leaf))
		pages_complain(p, "page %zu is damaged", page);
	return b;
}

/* ---- a value on pages of its own ---- */

static bool overflow_head(struct pages *p, size_t page, size_t len, size_t *n)
{
	uint8_t head[HEAD];
	uint32_t pages;

	if (page < 2 || page > p->last || len > VALUE_MAX) {
		pages_complain(p, "a value of %zu bytes at page %zu", len, page);
		return false;
	}
	if (!read_at(p, page, head, sizeof head))
		return false;
	memcpy(&pages, head + HEAD - 4, sizeof pages);
	if (word(head) != page || u16(head + HEAD - 6) != PAGE_OVERFLOW ||
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
		if (!claim(p, page + i))
			return NULL;
	all = malloc(HEAD + len);
	value = malloc(len + 1);
	if (all != NULL && value != NULL && read_at(p, page, all, HEAD + len)) {
		memcpy(value, all + HEAD, len);
		return value;
	}
	free(value);
	return NULL;
}

/* False: it cannot be read, or is not what it seems to be. */
static bool give(struct pages *p, const struct node *n, pages_each *each, void *arg,
		 size_t *n_pages)
{
	_cleanup_free_ uint8_t *value = NULL;

	*n_pages = 0;
	if ((n->flags & NODE_OVERFLOW) == 0)
		return each(arg, n->key, (struct bytes){ n->value, n->value_len });
	value = load_overflow(p, word(n->value), n->value_len, n_pages);
	return value != NULL && each(arg, n->key, (struct bytes){ value, n->value_len });
}

/* ---- a tree ---- */

struct last_key {
	bool any;
	size_t len;
	uint8_t bytes[KEY_MAX];
};
struct walk {
	struct pages *p;
	const struct pages_tree *tree;
	unsigned node_flags; /* that its rows have, beside NODE_OVERFLOW */
	pages_each *each;
	void *arg;
	struct last_key last, least;
	size_t n_branches, n_leaves, n_overflows, n_rows;
};

static void remember(struct last_key *k, struct bytes key)
{
	k->any = true;
	k->len = key.len;
	memcpy(k->bytes, key.at, key.len);
}

static int compare(const struct walk *w, const struct last_key *a, struct bytes b)
{
	size_t n = a->len < b.len ? a->len : b.len;
	int r;

	if ((w->tree->flags & MDB_INTEGERKEY) != 0 && a->len == sizeof(size_t) && b.len == a->len)
		return word(a->bytes) < word(b.at) ? -1 : word(a->bytes) > word(b.at);
	r = memcmp(a->bytes, b.at, n);
	return r != 0 ? r : (a->len > b.len) - (a->len < b.len);
}

static void walk_row(struct walk *w, const struct node *n, size_t page)
{
	bool in_order = !w->last.any || compare(w, &w->last, n->key) < 0;
	size_t overflows = 0;

	w->n_rows++;
	if ((n->flags & ~(unsigned)NODE_OVERFLOW) != w->node_flags || n->key.len == 0 ||
	    !in_order || (w->least.any && compare(w, &w->least, n->key) > 0))
		pages_complain(w->p, "page %zu has a row where none belongs", page);
	if (give(w->p, n, w->each, w->arg, &overflows) && in_order)
		remember(&w->last, n->key);
	w->n_overflows += overflows;
}

static void walk_page(struct walk *w, size_t number, unsigned level);

static void walk_branch(struct walk *w, const struct node *n, unsigned i, size_t page,
			unsigned level)
{
	if (i > 0) {
		if (w->last.any && compare(w, &w->last, n->key) >= 0)
			pages_complain(w->p, "page %zu leads to the wrong page", page);
		remember(&w->least, n->key);
	}
	walk_page(w, n->value_len, level + 1);
}

/* At most DEPTH_MAX levels, and each page once: it ends, whatever they say. */
static void walk_page(struct walk *w, size_t number, unsigned level)
{
	bool leaf = level + 1 == w->tree->depth;
	_cleanup_free_ uint8_t *page = claim(w->p, number) ? load(w->p, number, leaf) : NULL;
	struct node n;

	if (page == NULL)
		return;
	w->n_leaves += leaf;
	w->n_branches += !leaf;
	for (unsigned i = 0; i < n_nodes(w->p, page); i++) {
		if (!node_at(w->p, page, i, leaf, &n))
			continue; /* load() has complained */
		if (leaf)
			walk_row(w, &n, number);
		else
			walk_branch(w, &n, i, number, level);
	}
}

static void walk_tree(struct pages *p, const struct pages_tree *tree, unsigned node_flags,
		      pages_each *each, void *arg)
{
	struct walk w = {
		.p = p, .tree = tree, .node_flags = node_flags, .each = each, .arg = arg
	};

	if (tree->root == NONE && tree->n_rows == 0)
		return;
	if (tree->depth == 0 || tree->depth > DEPTH_MAX) {
		pages_complain(p, "a tree is said to be %u pages deep", tree->depth);
		return;
	}
	walk_page(&w, tree->root, 0);
	if (w.n_branches != tree->n_branches || w.n_leaves != tree->n_leaves ||
	    w.n_overflows != tree->n_overflows || w.n_rows != tree->n_rows)
		pages_complain(p, "a tree has %zu rows on %zu pages, not %zu on %zu", w.n_rows,
			       w.n_branches + w.n_leaves + w.n_overflows, tree->n_rows,
			       tree->n_branches + tree->n_leaves + tree->n_overflows);
}

void pages_walk(struct pages *p, enum table table, pages_each *each, void *arg)
{
	if (p->has[table])
		walk_tree(p, &p->tables[table], 0, each, arg);
}

/* ---- the free list, and what belongs nowhere ---- */

static bool on_free(void *arg, struct bytes key, struct bytes value)
{
	struct pages *p = arg;
	size_t n, last = NONE;

	if (key.len != sizeof n || word(key.at) > p->txn || value.len < sizeof n ||
	    value.len % sizeof n != 0 || word(value.at) > value.len / sizeof n - 1) {
		pages_complain(p, "the list of free pages is damaged");
		return false;
	}
	n = word(value.at);
	for (size_t i = 1; i <= n; i++) {
		size_t page = word(value.at + i * sizeof n);

		if (page >= last) {
			pages_complain(p, "the list of free pages is out of order");
			return false;
		}
		last = page;
		(void)claim(p, page);
	}
	return true;
}

void pages_walk_free(struct pages *p)
{
	walk_tree(p, &p->free, 0, on_free, p);
}

static void orphan_rows(struct pages *p, size_t number, pages_each *each, void *arg)
{
	_cleanup_free_ uint8_t *page = malloc(p->size);
	struct node n;
	size_t pages;

	if (page == NULL || !read_at(p, number, page, p->size) || word(page) != number ||
	    u16(page + HEAD - 6) != PAGE_LEAF || !shape(p, page, true))
		return;
	for (unsigned i = 0; i < n_nodes(p, page); i++)
		if (node_at(p, page, i, true, &n) && (n.flags & NODE_TREE) == 0)
			(void)give(p, &n, each, arg, &pages);
}

uint8_t *pages_forget(struct pages *p)
{
	uint8_t *seen = p->seen, *none = calloc(p->last / 8 + 1, 1);

	if (none == NULL)
		return NULL;
	p->seen = none;
	return seen;
}

void pages_orphans(struct pages *p, pages_each *each, void *arg)
{
	uint8_t *seen = pages_forget(p);

	if (seen == NULL)
		return;
	memcpy(p->seen, seen, p->last / 8 + 1);
	for (size_t number = 2; number <= p->last; number++)
		if ((seen[number / 8] >> number % 8 & 1) == 0)
			orphan_rows(p, number, each, arg);
	free(p->seen);
	p->seen = seen;
}

/* ---- its heads ---- */

static bool meta_read(struct pages *p, unsigned which, struct meta *m)
{
	uint8_t b[HEAD + sizeof *m];

	if (pread(p->fd, b, sizeof b, (off_t)(which * p->size)) != (ssize_t)sizeof b)
		return false;
	memcpy(m, b + HEAD, sizeof *m);
	/* The first commit ever has the number 1; commits take turns with the two heads. */
	return word(b) == which && u16(b + HEAD - 6) == PAGE_META && m->magic == MAGIC &&
	       m->format == FORMAT && m->free.pad == p->size && m->txn % 2 == (m->txn > 0 && which);
}

static bool on_table(void *arg, struct bytes key, struct bytes value)
{
	struct pages *p = arg;

	for (size_t i = 0; i < N_TABLES; i++) {
		if (key.len != strlen(journal_tables[i]) ||
		    memcmp(key.at, journal_tables[i], key.len) != 0)
			continue;
		if (value.len != sizeof p->tables[i])
			break;
		memcpy(&p->tables[i], value.at, value.len);
		p->has[i] = p->tables[i].flags == 0;
		if (p->has[i])
			return true;
	}
	pages_complain(p, "a table has another name or kind");
	return false;
}

static int use(struct pages *p, const struct meta *m, struct tesla_error *err)
{
	struct stat st;
	size_t most;

	if (fstat(p->fd, &st) != 0)
		return tesla_fail(err, -errno, "data.mdb: %s", strerror(errno));
	/* The last pages may never have been written; many of them would be a lie. */
	most = 2 * ((size_t)st.st_size / p->size) + ((size_t)1 << 16);
	p->free = m->free;
	p->main = m->main;
	p->txn = m->txn;
	p->last = m->last;
	if (p->last > most) {
		pages_complain(p, "the last page is said to be %zu, of %zu in the file", p->last,
			       (size_t)st.st_size / p->size);
		p->last = most;
	}
	memset(p->has, 0, sizeof p->has);
	free(p->seen);
	p->seen = calloc(p->last / 8 + 1, 1);
	if (p->seen == NULL)
		return tesla_fail(err, -ENOMEM, "data.mdb: no memory");
	if (p->free.flags != MDB_INTEGERKEY || p->main.flags != 0)
		pages_complain(p, "a tree is said to be of another kind");
	walk_tree(p, &p->main, NODE_TREE, on_table, p);
	return 0;
}

static bool sizes(struct pages *p)
{
	static const size_t known[] = { 4096, 8192, 16384, 32768, 65536 };
	struct meta m;

	for (size_t i = 0; i < N_ELEMENTS(known); i++) {
		p->size = known[i];
		if (meta_read(p, 0, &m) || meta_read(p, 1, &m))
			return true;
	}
	return false;
}

int pages_open(struct pages *p, int fd, struct tesla_error *err)
{
	struct meta m[2];
	bool good[2];
	struct stat st;
	unsigned newest;

	*p = (struct pages){ .fd = fd };
	if (fstat(fd, &st) != 0)
		return tesla_fail(err, -errno, "data.mdb: %s", strerror(errno));
	if (st.st_size == 0)
		return tesla_fail(err, -ENODATA, "data.mdb is empty");
	if (!sizes(p))
		return tesla_fail(err, -EUCLEAN, "data.mdb has no head that can be read");
	for (unsigned i = 0; i < 2; i++) {
		good[i] = meta_read(p, i, &m[i]);
		if (!good[i])
			pages_complain(p, "its head %u is damaged", i);
	}
	newest = good[0] && good[1] ? m[1].txn > m[0].txn : good[1];
	return use(p, &m[newest], err);
}

bool pages_back(struct pages *p)
{
	struct tesla_error ignored;
	struct meta m;

	return p->txn > 0 && meta_read(p, (p->txn - 1) % 2, &m) && m.txn < p->txn &&
	       use(p, &m, &ignored) == 0;
}

void pages_close(struct pages *p)
{
	free(p->seen);
	p->seen = NULL;
}
