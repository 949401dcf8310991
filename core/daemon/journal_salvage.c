/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries over what can be read of a damaged journal.  Rows whose checksum is wrong are left
 * behind.  A record goes to those whose queue has it, and to all of its exporters where the queue
 * cannot be read: twice at the far end is the same record, not at all would be a loss.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "daemon/journal_pages.h"
#include "daemon/journal_scan.h"
#include "daemon/journal_waiting.h"

#define BATCH 256 /* rows that are committed at once */

struct salvage {
	struct pages p;
	struct journal *j;
	struct txn t;
	size_t in_batch;
	uint64_t carried;
	struct waiting waiting;
	bool trees_only;
	bool older; /* the commit before the last is being read */
	int r;
	struct tesla_error *err;
};

/* ---- the new journal ---- */

static void commit(struct salvage *s)
{
	int r = txn_end(&s->t, s->err);

	s->r = s->r == 0 ? r : s->r;
	s->in_batch = 0;
	txn_begin(&s->t, s->j, 0);
}

static void added(struct salvage *s)
{
	if (++s->in_batch >= BATCH)
		commit(s);
}

static void number_taken(struct salvage *s, uint64_t seq)
{
	struct journal_counts *c = &s->t.next;

	if (c->reserved > seq)
		return;
	c->next_seq = c->reserved = seq + 1;
	c->meta_changed = true;
}

static bool add_exporter(struct salvage *s, uint16_t no, const struct journal_exporter_info *info)
{
	struct exporter_state *e;
	int r = s->r != 0 ? s->r : journal_add_exporter(&s->t.next, no, info->id, s->err);

	if (r != 0) {
		s->r = s->r != 0 || r == -EMFILE ? s->r : r;
		return false;
	}
	e = journal_find(&s->t.next, no);
	e->info.delivered = info->delivered;
	e->info.rejected = info->rejected;
	e->row_changed = true;
	added(s);
	return true;
}

/* Nothing that can be read is lost for want of the name of whom it was for. */
static bool name_unknown(struct salvage *s, uint16_t no)
{
	struct journal_exporter_info info = { .no = no };

	if (journal_find(&s->t.next, no) != NULL)
		return true;
	(void)snprintf(info.id, sizeof info.id, "unknown-%u", (unsigned)no);
	return add_exporter(s, no, &info);
}

/* ---- state ---- */

static bool carry_meta(struct salvage *s, struct bytes payload)
{
	struct row_meta meta;

	if (!row_parse_meta(payload, &meta))
		return false;
	if (meta.reserved > 0)
		number_taken(s, meta.reserved - 1);
	for (size_t i = 0; i < JOURNAL_N_DROPS; i++)
		if (s->t.next.dropped[i] < meta.dropped[i])
			s->t.next.dropped[i] = meta.dropped[i];
	s->t.next.meta_changed = true;
	return true;
}

static bool carry_end(struct salvage *s, int64_t analyzer, struct bytes payload)
{
	struct recorded recorded;

	if (!row_parse_end(payload, &recorded))
		return false;
	if (!txn_has(&s->t, TABLE_STATE, key_end(analyzer))) {
		txn_set_end(&s->t, analyzer, &recorded);
		added(s);
	}
	return true;
}

static bool carry_cursor(struct salvage *s, uint16_t no, struct bytes payload)
{
	struct journal_exporter_info info;

	if (!row_parse_cursor(payload, &info))
		return false;
	if (journal_find(&s->t.next, no) == NULL)
		(void)add_exporter(s, no, &info);
	return true;
}

static bool carry_state(struct salvage *s, struct bytes key, struct bytes value)
{
	struct bytes payload;
	int64_t which = 0;
	enum row_kind kind = key_parse_state(key, &which);

	if (s->r != 0)
		return true;
	if (kind == N_ROW_KINDS || !row_open(kind, key, value, &payload))
		return false;
	return kind == ROW_META	    ? carry_meta(s, payload)
	       : kind == ROW_CURSOR ? carry_cursor(s, (uint16_t)which, payload)
				    : carry_end(s, which, payload);
}

static bool on_state(void *arg, struct bytes key, struct bytes value)
{
	struct salvage *s = arg;

	if (carry_state(s, key, value))
		return true;
	pages_complain(&s->p, "a row of its state is damaged");
	return false;
}

/* ---- records and rejects ---- */

/* For whom it is to wait, of those that it was made for. */
static void choose(struct salvage *s, uint64_t seq, struct row_record *r)
{
	struct row_record all = *r;
	uint16_t n = 0;

	for (size_t i = 0; i < all.n_exporters; i++)
		if (waiting_has(&s->waiting, all.exporters[i], seq))
			r->exporters[n++] = all.exporters[i];
	/* A record that waits for nobody is there because its rows in the queue are not. */
	if (n > 0 || s->older)
		r->n_exporters = n;
	else
		*r = all;
	all = *r;
	r->n_exporters = 0;
	for (size_t i = 0; i < all.n_exporters; i++)
		if (name_unknown(s, all.exporters[i]))
			r->exporters[r->n_exporters++] = all.exporters[i];
}

static bool carry_record(struct salvage *s, struct bytes key, struct bytes value)
{
	struct bytes payload;
	struct row_record r;
	uint64_t seq;

	if (!key_parse_record(key, &seq) || !row_open(ROW_RECORD, key, value, &payload) ||
	    !row_parse_record(payload, &r))
		return false;
	if (s->r != 0 || txn_has(&s->t, TABLE_RECORDS, key_record(seq)))
		return true;
	choose(s, seq, &r);
	if (r.n_exporters == 0)
		return true;
	number_taken(s, seq);
	txn_add_record(&s->t, seq, &r);
	s->carried++;
	added(s);
	return true;
}

static bool carry_reject(struct salvage *s, struct bytes key, struct bytes value)
{
	struct bytes payload;
	struct row_reject r;
	uint64_t seq;
	uint16_t no;

	if (!key_parse_queue(key, &no, &seq) || !row_open(ROW_REJECT, key, value, &payload) ||
	    !row_parse_reject(payload, &r))
		return false;
	if (s->r != 0 || txn_has(&s->t, TABLE_REJECTS, key_queue(no, seq)) || !name_unknown(s, no))
		return true;
	number_taken(s, seq);
	txn_add_reject(&s->t, no, seq, &r);
	added(s);
	return true;
}

static bool on_record(void *arg, struct bytes key, struct bytes value)
{
	return carry_record(arg, key, value);
}

static bool on_reject(void *arg, struct bytes key, struct bytes value)
{
	return carry_reject(arg, key, value);
}

/* ---- all of it ---- */

static bool look(void *arg, struct bytes key, struct bytes value)
{
	(void)arg;
	(void)key;
	(void)value;
	return true;
}

static bool on_lost_state(void *arg, struct bytes key, struct bytes value)
{
	(void)carry_state(arg, key, value);
	return true;
}

static bool on_lost_record(void *arg, struct bytes key, struct bytes value)
{
	return carry_record(arg, key, value) || carry_reject(arg, key, value);
}

/* Marks as seen what hangs from somewhere; false: the list of free pages cannot tell the rest. */
static bool see_all(struct salvage *s)
{
	uint64_t bad;

	for (unsigned i = 0; i < N_TABLES; i++)
		pages_walk(&s->p, (enum table)i, look, s);
	bad = s->p.bad;
	pages_walk_free(&s->p);
	return s->p.bad == bad;
}

/* Who is there must be known before the first record is carried. */
static void read_state(struct salvage *s)
{
	if (!pages_forget(&s->p))
		return;
	pages_walk(&s->p, TABLE_STATE, on_state, s);
	pages_remember(&s->p);
	if (s->trees_only)
		return;
	if (see_all(s))
		pages_orphans(&s->p, on_lost_state, s);
	if (pages_back(&s->p))
		pages_walk(&s->p, TABLE_STATE, on_state, s);
}

static void read_records(struct salvage *s)
{
	if (!pages_forget(&s->p))
		return;
	if (waiting_read(&s->waiting, &s->p) != 0 && s->r == 0)
		s->r = tesla_fail(s->err, -ENOMEM, "no memory for the queue");
	pages_walk(&s->p, TABLE_RECORDS, on_record, s);
	pages_walk(&s->p, TABLE_REJECTS, on_reject, s);
	pages_remember(&s->p);
	if (s->trees_only)
		return;
	if (see_all(s))
		pages_orphans(&s->p, on_lost_record, s);
	/* The commit before the last is whole when the last one never reached the disk. */
	s->older = pages_back(&s->p);
	if (!s->older)
		return;
	pages_walk(&s->p, TABLE_RECORDS, on_record, s);
	pages_walk(&s->p, TABLE_REJECTS, on_reject, s);
}

/* What cannot be read today may be there tomorrow: it is not given up. */
static int read_whole(struct salvage *s)
{
	return s->p.failed == 0 ? 0 : tesla_fail(s->err, -s->p.failed, "data.mdb: %s", s->p.first);
}

static int read_file(struct salvage *s, int fd)
{
	int r;

	read_state(s);
	r = read_whole(s);
	pages_close(&s->p);
	if (r == 0)
		r = pages_open(&s->p, fd, s->err);
	if (r != 0)
		return r;
	read_records(s);
	return read_whole(s);
}

static int into_new(struct salvage *s, int fd)
{
	struct tesla_error ignored;
	int r = mdb_env_set_flags(s->j->env, MDB_NOSYNC, 1), end;

	if (r != 0)
		return txn_fail(s->j, r, s->err);
	txn_begin(&s->t, s->j, 0);
	r = read_file(s, fd);
	s->r = s->r == 0 ? r : s->r;
	end = txn_end(&s->t, s->r == 0 ? s->err : &ignored);
	if (s->r != 0 || end != 0)
		return s->r != 0 ? s->r : end;
	/* Nobody uses it before this has succeeded. */
	r = mdb_env_sync(s->j->env, 1);
	return r == 0 ? 0 : txn_fail(s->j, r, s->err);
}

static int open_both(struct salvage *s, int fd, const char *into)
{
	struct journal_limits all = { .rejects = UINT32_MAX };
	struct stat st;
	int r;

	if (fstat(fd, &st) != 0)
		return tesla_fail(s->err, -errno, "data.mdb: %s", strerror(errno));
	all.bytes = 2 * (uint64_t)st.st_size;
	r = pages_open(&s->p, fd, s->err);
	/* What has no head has nothing that could be found. */
	if (r == -EUCLEAN || r == -ENODATA)
		return 0;
	if (r == 0)
		r = journal_open(into, &all, &s->j, s->err);
	return r == 0 ? into_new(s, fd) : r;
}

int journal_salvage(const char *dir, const char *into, bool trees_only, uint64_t *carried,
		    struct tesla_error *err)
{
	struct salvage s = { .err = err, .trees_only = trees_only };
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&path, "%s/data.mdb", dir) < 0)
		return tesla_fail(err, -ENOMEM, "journal %s: no memory", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return tesla_fail(err, -errno, "%s: %s", path, strerror(errno));
	r = open_both(&s, fd, into);
	journal_close(s.j);
	pages_close(&s.p);
	waiting_release(&s.waiting);
	*carried = s.carried;
	return r;
}
