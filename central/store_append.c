/* SPDX-License-Identifier: Apache-2.0 */
/* Taking records: what each of a group is, and the way into the write-ahead file. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "central/store_internal.h"
#include "central/wal.h"

/* From here on it goes into the tables, some with each group; from twice that on all at once. */
#define PENDING_BYTES ((size_t)2 << 20)

void store_verdicts_release(struct store_verdict *verdicts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(verdicts[i].reason);
	memset(verdicts, 0, n * sizeof *verdicts);
}

/* ---- into the write-ahead file ---- */

/* When it is full, all that it has goes into the tables and it begins anew. */
static int write_laid(struct store *s, struct tesla_error *err)
{
	struct pending *p = &s->pending;
	uint64_t last;
	int r = wal_append_laid(s->wal, p->bytes.pub.bytes + p->written,
				p->bytes.pub.len - p->written, &last, err);

	if (r != -EXFULL)
		return r;
	r = store_apply(s, err);
	if (r == 0)
		r = wal_reset(s->wal, s->applied, err);
	return r == 0 ? wal_append_laid(s->wal, p->bytes.pub.bytes + p->written,
					p->bytes.pub.len - p->written, &last, err)
		      : r;
}

static int drain(struct store *s, struct tesla_error *err)
{
	const struct pending *p = &s->pending;
	int r;

	if (p->at == 0 && p->written < PENDING_BYTES)
		return 0;
	do
		r = store_apply_step(s, err);
	while (r == 1 && p->written >= 2 * PENDING_BYTES);
	return r < 0 ? r : 0;
}

int pending_write(struct store *s, struct tesla_error *err)
{
	struct pending *p = &s->pending;
	int r = 0;

	if (p->bytes.pub.len > p->written) {
		r = sets_save(s, err); /* before there is a row that needs them */
		if (r == 0)
			r = write_laid(s, err);
		if (r == 0)
			p->written = p->bytes.pub.len;
		else
			pending_forget(s);
	}
	return r == 0 ? drain(s, err) : r;
}

/* ---- records ---- */

int verdict_reject(struct store_verdict *v, const struct tesla_error *why)
{
	v->outcome = STORE_REJECTED;
	v->reason = strdup(why->text);
	return 0;
}

int check_node(const char *node, struct tesla_error *err)
{
	size_t len = strlen(node);

	return len >= 1 && len <= STORE_NODE_MAX
		       ? 0
		       : tesla_fail(err, -EINVAL, "a node's id has %zu bytes: expected 1 to %u",
				    len, STORE_NODE_MAX);
}

static int lay_row(struct store *s, const struct set *set, const struct record *r,
		   struct tesla_error *err)
{
	struct key key = key_of(set->id, r->end_ms);
	uint8_t *row, *at = NULL;
	size_t len;

	if (KEY_BYTES + row_bytes_max(set) > s->conf.wal_bytes / 8)
		return tesla_fail(err, -EINVAL,
				  "a record has %zu numbers: too many for a write-ahead file of "
				  "%zu bytes",
				  set->n_columns, s->conf.wal_bytes);
	buf_clear(&s->scratch);
	row = buf_reserve(&s->scratch, 8 * set->n_columns + row_bytes_max(set));
	if (row != NULL) {
		double *numbers = (double *)(void *)row;

		row += 8 * set->n_columns;
		row_of_record(set, r, numbers);
		len = row_pack(set, numbers, &key, row);
		at = pending_lay(s, KEY_BYTES + len);
	}
	if (at == NULL)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", s->path);
	memcpy(at, key.bytes, KEY_BYTES);
	memcpy(at + KEY_BYTES, row, len);
	return pending_note(s, set->who, r->end_ms, at)
		       ? 0
		       : tesla_fail(err, -ENOMEM, "store %s: no memory", s->path);
}

/* -EINVAL: it is rejected. */
static int check(const struct set *set, const struct store_record *r, struct tesla_error *err)
{
	int rc = check_node(r->node, err);

	if (rc != 0)
		return rc;
	return set != NULL ? row_check(set, r->record, err) : record_check(r->record, err);
}

static int take(struct finder *f, const struct store_record *r, struct store_verdict *v,
		struct tesla_error *err)
{
	struct sets *sets = &f->s->sets;
	struct who *who = who_look_up(sets, r->node, r->record->analyzer);
	const struct set *set = set_look_up(sets, who, r->record);
	int rc = check(set, r, err);

	if (rc == 0 && who != NULL) {
		int there = is_there(f, who, r->record->end_ms, err);

		v->outcome = STORE_DUPLICATE;
		v->n_duplicates = there > 0;
		if (there != 0)
			return there < 0 ? there : 0;
	}
	if (rc == 0 && set == NULL)
		rc = set_add(f->s, r, &set, err);
	if (rc == 0)
		rc = lay_row(f->s, set, r->record, err);
	if (rc != 0)
		return rc == -EINVAL ? verdict_reject(v, err) : rc;
	set->who->known = true; /* a new one has nothing else */
	if (r->record->end_ms > set->who->newest_ms)
		set->who->newest_ms = r->record->end_ms;
	v->outcome = STORE_STORED;
	v->n_stored = 1;
	return 0;
}

static int take_all(struct finder *f, const struct store_record *records, size_t n,
		    struct store_verdict *verdicts, struct tesla_error *err)
{
	struct pending *p = &f->s->pending;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		r = take(f, &records[i], &verdicts[i], err);
		if (r == 0 && p->bytes.pub.len - p->written >= f->s->conf.wal_bytes / 4) {
			finder_pause(f);
			r = pending_write(f->s, err);
		}
	}
	return r;
}

int verdicts_end(struct store *s, int r, struct store_verdict *verdicts, size_t n,
		 struct tesla_error *err)
{
	if (r == 0)
		r = pending_write(s, err);
	for (size_t i = 0; i < n && r == 0; i++)
		s->counts.duplicates += verdicts[i].n_duplicates;
	if (r == 0)
		return 0;
	pending_forget(s);
	store_verdicts_release(verdicts, n);
	return r;
}

int store_append(struct store *s, const struct store_record *records, size_t n,
		 struct store_verdict *verdicts, struct tesla_error *err)
{
	struct finder f;
	int r;

	memset(verdicts, 0, n * sizeof *verdicts);
	finder_init(&f, s);
	r = take_all(&f, records, n, verdicts, err);
	finder_release(&f);
	return verdicts_end(s, r, verdicts, n, err);
}

int store_try(struct store *s, struct tesla_error *err)
{
	int r = sets_save(s, err);

	if (r == 0)
		r = store_apply(s, err);
	return r == 0 ? wal_reset(s->wal, s->applied, err) : r;
}
