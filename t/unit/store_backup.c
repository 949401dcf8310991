/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of a store: at rest, while it changes, and of one that is damaged. */
#include "central/store_backup.h"

#include <errno.h>

#include "store_care.h"

struct rig {
	char dir[64], *path, *to;
	struct care care;
	struct store *store;
};

static void rig_init(struct rig *r)
{
	scratch_make(r->dir);
	r->path = path_of(r->dir, "store");
	r->to = path_of(r->dir, "backup");
	care_init(&r->care);
	r->store = care_open(&r->care, r->path);
}

static void rig_release(struct rig *r)
{
	store_close(r->store);
	remove_all(r->dir);
	free(r->path);
	free(r->to);
}

static void compact(struct rig *r, bool all)
{
	struct tesla_error err = { 0 };

	cr_assert(store_compact(r->store, all, &err) == 0, "%s", err.text);
}

/* Blocks, rows that belong to them, recent rows, and rows that only the write-ahead file has. */
static void fill(struct rig *r)
{
	for (int64_t i = 0; i < 2400; i++) {
		care_append(r->store, 1 + i % 3 * 50, START + i * 10 * MINUTE);
		if (i == 1500)
			compact(r, true);
	}
	for (int64_t i = 0; i < 100; i++)
		care_append(r->store, 1, START + (i * 70 + 5) * MINUTE);
}

static struct store_backup *begin(struct rig *r)
{
	struct store_backup_conf conf = { .to = r->to, .step_bytes = 1 };
	struct tesla_error err = { 0 };
	struct store_backup *b = NULL;

	cr_assert(store_backup_begin(r->store, &conf, &b, &err) == 0, "%s", err.text);
	return b;
}

static int step(struct store_backup *b)
{
	struct tesla_error err = { 0 };
	int rc = store_backup_step(b, &err);

	cr_assert(rc >= 0, "%s", err.text);
	return rc;
}

static struct dump backup_dump(struct rig *r)
{
	struct care care;
	struct store *s;
	struct dump d;

	care_init(&care);
	s = care_open(&care, r->to);
	d = dump_of(s);
	cr_expect(care_verify(s) == 0 && care.n_lost == 0 && care.n_notes == 0, "%s", care.said);
	store_close(s);
	return d;
}

Test(store_backup, at_rest_it_is_the_same)
{
	struct rig r;
	struct dump want, got;
	struct store_backup *b;

	rig_init(&r);
	fill(&r);
	b = begin(&r);
	cr_expect(access(r.to, F_OK) != 0, "it has its name before it is whole");
	while (step(b) > 0)
		cr_expect(access(r.to, F_OK) != 0, "it has its name before it is whole");
	cr_expect(step(b) == 0, "a step too many changes nothing");
	store_backup_end(b);
	want = dump_of(r.store);
	got = backup_dump(&r);
	cr_expect(want.n == 2500 && dump_missing(&want, &got) == 0);
	cr_expect(r.care.n_lost == 0);
	free(want.at);
	free(got.at);
	rig_release(&r);
}

/* What was there at the beginning is in it, whatever moves meanwhile, and nothing twice. */
Test(store_backup, while_the_store_changes)
{
	uint64_t z = 7;

	for (int round = 0; round < 6; round++) {
		struct rig r;
		struct dump before, after, got;
		struct store_backup *b;

		rig_init(&r);
		fill(&r);
		before = dump_of(r.store);
		b = begin(&r);
		do {
			for (int i = 0; i < 150; i++) {
				z = z * UINT64_C(6364136223846793005) + 1442695040888963407;
				care_append(r.store, 1 + (int64_t)(z >> 40) % 4 * 50,
					    START + (int64_t)(z >> 33) % 30000 * MINUTE);
			}
			if ((z >> 50) % 2 == 0)
				compact(&r, (z >> 51) % 2 == 0);
		} while (step(b) > 0);
		store_backup_end(b);
		after = dump_of(r.store);
		got = backup_dump(&r);
		(void)dump_missing(&after, &got);
		(void)dump_missing(&got, &before);
		free(before.at);
		free(after.at);
		free(got.at);
		rig_release(&r);
	}
}

Test(store_backup, a_half_made_one_is_none_and_is_cleared_away)
{
	struct store_backup_conf conf;
	struct tesla_error err = { 0 };
	struct store_backup *b, *other;
	_cleanup_free_ char *part = NULL;
	struct rig r;

	rig_init(&r);
	fill(&r);
	part = path_of(r.dir, "backup.part");
	b = begin(&r);
	(void)step(b);
	cr_expect(access(part, F_OK) == 0);
	conf = (struct store_backup_conf){ .to = r.to };
	cr_expect(store_backup_begin(r.store, &conf, &other, &err) == -EBUSY, "%s", err.text);
	store_backup_end(b);
	cr_expect(access(part, F_OK) != 0 && access(r.to, F_OK) != 0, "it was not removed");
	cr_assert(mkdir(part, 0700) == 0); /* as a killed process leaves it */
	put_bytes(part, "data.mdb", "x", 1);
	put_bytes(part, "wal.new", "x", 1);
	b = begin(&r);
	while (step(b) > 0)
		;
	store_backup_end(b);
	free(backup_dump(&r).at);
	cr_expect(store_backup_begin(r.store, &conf, &other, &err) == -EEXIST, "%s", err.text);
	conf.to = "/proc/none/backup";
	cr_expect(store_backup_begin(r.store, &conf, &other, &err) < 0, "%s", err.text);
	rig_release(&r);
}

static int add_more(void *arg, const char *folder, struct tesla_error *err)
{
	if (arg != NULL)
		return tesla_fail(err, -EIO, "no more");
	put_bytes(folder, "wal.new", "x", 1);
	return 0;
}

Test(store_backup, what_else_belongs_to_it)
{
	struct tesla_error err = { 0 };
	struct store_backup *b;
	struct rig r;

	rig_init(&r);
	fill(&r);
	for (int bad = 1; bad >= 0; bad--) {
		struct store_backup_conf conf = { r.to, add_more, bad ? &r : NULL, 0 };
		int rc;

		cr_assert(store_backup_begin(r.store, &conf, &b, &err) == 0, "%s", err.text);
		while ((rc = store_backup_step(b, &err)) > 0)
			;
		cr_expect(rc == (bad ? -EIO : 0));
		store_backup_end(b);
		cr_expect((access(r.to, F_OK) == 0) == !bad);
	}
	rig_release(&r);
}

/* Of a store of which LMDB reads nothing any more, and of a good one. */
Test(store_backup, what_is_whole_is_salvaged)
{
	struct tesla_error err = { 0 };
	struct care care;
	struct store *mended;
	struct rig r;

	rig_init(&r);
	fill(&r);
	for (int round = 0; round < 2; round++) {
		struct dump want = dump_of(r.store), got;
		uint64_t n;
		size_t len;
		char *bytes;

		store_close(r.store); /* some rows are in the write-ahead file alone */
		if (round == 1) {
			bytes = get_bytes(r.path, "data.mdb", &len);
			memset(bytes, 0xa5, 8192); /* both meta pages */
			put_bytes(r.path, "data.mdb", bytes, len);
			free(bytes);
		}
		care_init(&care);
		mended = care_open(&care, r.to);
		cr_assert(store_salvage(r.path, mended, &n, &err) == 0, "%s", err.text);
		got = dump_of(mended);
		cr_expect(dump_missing(&want, &got) == 0 && n >= want.n);
		cr_expect(care_verify(mended) == 0 && care.n_lost == 0);
		store_close(mended);
		remove_all(r.to);
		free(want.at);
		free(got.at);
		r.store = NULL;
		if (round == 0) {
			r.store = care_open(&r.care, r.path);
			for (int64_t i = 0; i < 10; i++)
				care_append(r.store, 1, START + (i * 70 + 6) * MINUTE);
		}
	}
	rig_release(&r);
}
