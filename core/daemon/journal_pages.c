/* SPDX-License-Identifier: Apache-2.0 */
/* The format of LMDB 0.9 (MDB_DATA_VERSION 1), as far as the journal uses it: no duplicates. */
#include "daemon/journal_pages.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "daemon/journal_page.h"

#if MDB_VERSION_MAJOR != 0 || MDB_VERSION_MINOR != 9
#error "journal_pages.c knows the file format of LMDB 0.9"
#endif

#define MAGIC 0xbeefc0deu
#define FORMAT 1u
#define NONE SIZE_MAX
#define DEPTH_MAX 32u

struct meta {
	uint32_t magic, format;
	size_t address, map_size;
	struct pages_tree free, main;
	size_t last, txn;
};

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
		return page_word(a->bytes) < page_word(b.at)
			       ? -1
			       : page_word(a->bytes) > page_word(b.at);
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
	if (page_give(w->p, n, w->each, w->arg, &overflows) && in_order)
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
	uint64_t bad = w->p->bad;
	_cleanup_free_ uint8_t *page =
		page_claim(w->p, number) ? page_load(w->p, number, leaf) : NULL;
	bool damaged = w->p->bad > bad;
	struct node n;

	if (page == NULL)
		return;
	w->n_leaves += leaf;
	w->n_branches += !leaf;
	for (unsigned i = 0; i < page_nodes(w->p, page); i++) {
		if (!page_node(w->p, page, i, leaf, &n))
			pages_complain(w->p, "page %zu is damaged", number);
		else if (leaf)
			walk_row(w, &n, number);
		else
			walk_branch(w, &n, i, number, level);
	}
	/* Once more: what it lost may lie before the rows that it has, or behind them. */
	if (damaged)
		pages_complain(w->p, "page %zu is damaged", number);
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

	if (key.len != sizeof n || page_word(key.at) > p->txn || value.len < sizeof n ||
	    value.len % sizeof n != 0 || page_word(value.at) > value.len / sizeof n - 1) {
		pages_complain(p, "the list of free pages is damaged");
		return false;
	}
	n = page_word(value.at);
	for (size_t i = 1; i <= n; i++) {
		size_t page = page_word(value.at + i * sizeof n);

		if (page >= last) {
			pages_complain(p, "the list of free pages is out of order");
			return false;
		}
		last = page;
		(void)page_claim(p, page);
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

	if (page == NULL)
		pages_fail(p, ENOMEM, "no memory for page %zu", number);
	if (page == NULL || !page_read(p, number, page, p->size) || page_word(page) != number ||
	    page_flags(page) != PAGE_LEAF || !page_shape(p, page, true))
		return;
	for (unsigned i = 0; i < page_nodes(p, page); i++)
		if (page_node(p, page, i, true, &n) && (n.flags & NODE_TREE) == 0)
			(void)page_give(p, &n, each, arg, &pages);
}

bool pages_forget(struct pages *p)
{
	uint8_t *none = calloc(p->last / 8 + 1, 1);

	if (none == NULL) {
		pages_fail(p, ENOMEM, "no memory");
		return false;
	}
	p->kept = p->seen;
	p->seen = none;
	return true;
}

void pages_remember(struct pages *p)
{
	free(p->seen);
	p->seen = p->kept;
	p->kept = NULL;
}

void pages_orphans(struct pages *p, pages_each *each, void *arg)
{
	if (!pages_forget(p))
		return;
	memcpy(p->seen, p->kept, p->last / 8 + 1);
	for (size_t number = 2; number <= p->last && number < p->in_file; number++)
		if ((p->kept[number / 8] >> number % 8 & 1) == 0)
			orphan_rows(p, number, each, arg);
	pages_remember(p);
}

/* ---- its heads ---- */

static bool meta_read(struct pages *p, unsigned which, struct meta *m)
{
	uint8_t b[HEAD + sizeof *m];
	ssize_t n = pread(p->fd, b, sizeof b, (off_t)(which * p->size));

	if (n < 0)
		pages_fail(p, errno, "head %u cannot be read: %s", which, strerror(errno));
	if (n != (ssize_t)sizeof b)
		return false;
	memcpy(m, b + HEAD, sizeof *m);
	/* The first commit ever has the number 1; commits take turns with the two heads. */
	return page_word(b) == which && page_flags(b) == PAGE_META && m->magic == MAGIC &&
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
	p->in_file = (size_t)st.st_size / p->size;
	most = 2 * p->in_file + ((size_t)1 << 16);
	p->free = m->free;
	p->main = m->main;
	p->txn = m->txn;
	p->last = m->last;
	if (p->last > most) {
		pages_complain(p, "the last page is said to be %zu, of %zu in the file", p->last,
			       p->in_file);
		p->last = most;
	}
	memset(p->has, 0, sizeof p->has);
	free(p->seen);
	p->seen = calloc(p->last / 8 + 1, 1);
	if (p->seen == NULL) {
		pages_fail(p, ENOMEM, "data.mdb: no memory");
		return tesla_fail(err, -ENOMEM, "data.mdb: no memory");
	}
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
		return p->failed != 0
			       ? tesla_fail(err, -p->failed, "data.mdb: %s", p->first)
			       : tesla_fail(err, -EUCLEAN, "data.mdb has no head that can be read");
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
