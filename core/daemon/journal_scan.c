/* SPDX-License-Identifier: Apache-2.0 */
/* Is this journal whole?  Every page, every row, and what one table says of another. */
#include "daemon/journal_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "daemon/journal_pages.h"

struct scan {
	struct pages p;
	bool meta, known[JOURNAL_ANY + 1];
	uint64_t reserved;
	uint64_t *seqs; /* of the records, in order */
	bool *waits;	/* for someone, by record */
	size_t n, cap;
};

static bool wrong(struct scan *s, const char *what)
{
	pages_complain(&s->p, "%s is damaged", what);
	return false;
}

static bool on_state(void *arg, struct bytes key, struct bytes value)
{
	struct journal_exporter_info info;
	struct recorded recorded;
	struct row_meta meta;
	struct scan *s = arg;
	struct bytes payload;
	int64_t which = 0;
	enum row_kind kind = key_parse_state(key, &which);

	if (kind == N_ROW_KINDS || !row_open(kind, key, value, &payload))
		return wrong(s, "a row of its state");
	if (kind == ROW_END)
		return row_parse_end(payload, &recorded) || wrong(s, "the row of an analyzer");
	if (kind == ROW_CURSOR) {
		s->known[which] = row_parse_cursor(payload, &info);
		return s->known[which] || wrong(s, "the row of an exporter");
	}
	s->meta = row_parse_meta(payload, &meta);
	s->reserved = meta.reserved;
	return s->meta || wrong(s, "the row of its version");
}

static bool add_seq(struct scan *s, uint64_t seq)
{
	if (s->n == s->cap) {
		size_t cap = s->cap == 0 ? 1024 : 2 * s->cap;
		uint64_t *seqs = realloc(s->seqs, cap * sizeof *seqs);

		if (seqs == NULL) {
			pages_fail(&s->p, ENOMEM, "no memory");
			return false;
		}
		s->seqs = seqs;
		s->cap = cap;
	}
	s->seqs[s->n++] = seq;
	return true;
}

static bool on_record(void *arg, struct bytes key, struct bytes value)
{
	struct scan *s = arg;
	struct row_record r;
	struct bytes payload;
	uint64_t seq;

	if (!key_parse_record(key, &seq) || !row_open(ROW_RECORD, key, value, &payload) ||
	    !row_parse_record(payload, &r) || seq >= s->reserved)
		return wrong(s, "a record");
	for (size_t i = 0; i < r.n_exporters; i++)
		if (!s->known[r.exporters[i]])
			return wrong(s, "the list of a record's exporters");
	return add_seq(s, seq);
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool on_queue(void *arg, struct bytes key, struct bytes value)
{
	struct scan *s = arg;
	struct bytes payload;
	uint64_t seq, *found = NULL;
	uint16_t no;

	if (!key_parse_queue(key, &no, &seq) || !row_open(ROW_QUEUE, key, value, &payload) ||
	    !s->known[no])
		return wrong(s, "a row of a queue");
	if (s->n > 0)
		found = bsearch(&seq, s->seqs, s->n, sizeof seq, by_number);
	if (found == NULL)
		return wrong(s, "a queue (a record that waits is missing)");
	s->waits[found - s->seqs] = true;
	return true;
}

static bool on_reject(void *arg, struct bytes key, struct bytes value)
{
	struct scan *s = arg;
	struct row_reject r;
	struct bytes payload;
	uint64_t seq;
	uint16_t no;

	return (key_parse_queue(key, &no, &seq) && row_open(ROW_REJECT, key, value, &payload) &&
		row_parse_reject(payload, &r) && s->known[no] && seq < s->reserved) ||
	       wrong(s, "a rejected record");
}

/* A file that was made and never written to has no tables, and neither has one with none. */
static bool untouched(const struct scan *s)
{
	for (size_t i = 0; i < N_TABLES; i++)
		if (s->p.has[i])
			return false;
	return s->p.bad == 0 && s->p.main.n_rows == 0;
}

static int walk_all(struct scan *s, struct tesla_error *err)
{
	if (untouched(s))
		return 0;
	pages_walk(&s->p, TABLE_STATE, on_state, s);
	pages_walk(&s->p, TABLE_RECORDS, on_record, s);
	s->waits = calloc(s->n + 1, sizeof *s->waits);
	if (s->waits == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	pages_walk(&s->p, TABLE_QUEUE, on_queue, s);
	pages_walk(&s->p, TABLE_REJECTS, on_reject, s);
	pages_walk_free(&s->p);
	for (size_t i = 0; i < N_TABLES; i++)
		if (!s->p.has[i])
			(void)wrong(s, "a table");
	if (!s->meta)
		(void)wrong(s, "the row of its version");
	for (size_t i = 0; i < s->n; i++)
		if (!s->waits[i])
			(void)wrong(s, "a queue (a record waits for nobody)");
	if (s->p.failed != 0)
		return tesla_fail(err, -s->p.failed, "%s", s->p.first);
	if (s->p.bad > 0)
		return tesla_fail(err, -EUCLEAN, "%s (and %llu more)", s->p.first,
				  (unsigned long long)s->p.bad - 1);
	return 0;
}

static int count_rows(MDB_env *env)
{
	MDB_txn *txn = NULL;
	MDB_cursor *c;
	MDB_dbi dbi;
	MDB_val k, v;
	int r = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);

	for (size_t i = 0; i < N_TABLES && r == 0; i++) {
		r = mdb_dbi_open(txn, journal_tables[i], 0, &dbi);
		if (r == 0)
			r = mdb_cursor_open(txn, dbi, &c);
		if (r != 0)
			break;
		while (r == 0)
			r = mdb_cursor_get(c, &k, &v, MDB_NEXT);
		mdb_cursor_close(c);
		r = r == MDB_NOTFOUND ? 0 : r;
	}
	if (txn != NULL)
		mdb_txn_abort(txn);
	return r;
}

/* LMDB is to open it afterwards: so it must find nothing that it does not like. */
static int lmdb_agrees(const char *dir, size_t size, struct tesla_error *err)
{
	MDB_env *env = NULL;
	bool broken = false;
	int r = mdb_env_create(&env);

	if (r == 0)
		r = mdb_env_set_mapsize(env, size);
	if (r == 0)
		r = mdb_env_set_maxdbs(env, N_TABLES);
	if (r == 0)
		r = mdb_env_open(env, dir, MDB_RDONLY | MDB_NOLOCK | MDB_NOTLS, 0640);
	if (r == 0)
		r = count_rows(env);
	if (env != NULL)
		mdb_env_close(env);
	return r == 0 ? 0 : journal_mdb_fail(dir, r, &broken, err);
}

/* A number that the file has no room for is none. */
static uint64_t records_said(const struct scan *s)
{
	const struct pages_tree *t = &s->p.tables[TABLE_RECORDS];

	return s->p.has[TABLE_RECORDS] && t->n_rows < s->p.in_file * s->p.size ? t->n_rows : 0;
}

static int scan_file(struct scan *s, const char *dir, int fd, struct tesla_error *err)
{
	struct stat st;
	int r = pages_open(&s->p, fd, err);

	if (r == 0)
		r = walk_all(s, err);
	if (r == 0 && !untouched(s) && fstat(fd, &st) == 0)
		r = lmdb_agrees(dir, (size_t)st.st_size, err);
	return r == -ENODATA ? 0 : r;
}

int journal_scan(const char *dir, uint64_t *records, struct tesla_error *err)
{
	_cleanup_free_ struct scan *s = calloc(1, sizeof *s);
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (s == NULL || asprintf(&path, "%s/data.mdb", dir) < 0)
		return tesla_fail(err, -ENOMEM, "journal %s: no memory", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0
				       : tesla_fail(err, -errno, "%s: %s", path, strerror(errno));
	r = scan_file(s, dir, fd, err);
	*records = records_said(s);
	pages_close(&s->p);
	free(s->seqs);
	free(s->waits);
	return r;
}
