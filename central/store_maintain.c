/* SPDX-License-Identifier: Apache-2.0 */
/* Which set is next, and what is to be done with it. */
#include "central/store_maintain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "central/store_rollup.h"

#define LOOKS 32	      /* sets that a step looks at, at most */
#define GRACE_MS 600000	      /* rows that come so late are no late ones */
#define NEVER (INT64_MIN / 4) /* nothing is so old */

struct store_maintain {
	struct store *s;
	store_policy_of *policy;
	void *arg;
	uint32_t id; /* of the set that is next */
	struct store_maintain_counts counts;
};

int store_maintain_new(struct store *s, store_policy_of *policy, void *arg,
		       struct store_maintain **ret, struct tesla_error *err)
{
	struct store_maintain *m = calloc(1, sizeof *m);

	if (m == NULL)
		return tesla_fail(err, -ENOMEM, "store %s: no memory", s->path);
	*m = (struct store_maintain){ .s = s, .policy = policy, .arg = arg, .id = 1 };
	*ret = m;
	return 0;
}

void store_maintain_free(struct store_maintain *m)
{
	free(m);
}

void store_maintain_counts(const struct store_maintain *m, struct store_maintain_counts *ret)
{
	*ret = m->counts;
}

/* ---- what holds ---- */

/* What is coarser is kept as long as what is finer at least: else a query would miss it. */
static void policy_of(struct store_maintain *m, const struct set *set, struct store_policy *p)
{
	int64_t least;

	*p = (struct store_policy){ .raw_ms = STORE_FOR_EVER };
	m->policy(m->arg, set->node, set->model, p);
	least = p->raw_ms;
	for (int i = 0; i < N_STORE_LEVELS; i++) {
		if (p->level_ms[i] <= 0)
			continue;
		least = p->level_ms[i] > least ? p->level_ms[i] : least;
		p->level_ms[i] = least;
	}
}

static int64_t time_before(int64_t now_ms, int64_t age_ms)
{
	return age_ms >= CODEC_TIME_MAX ? NEVER : now_ms - age_ms;
}

/* The length of windows of a set, the shortest of some of its last ones. */
static int find_window(struct store *s, struct set *set, struct tesla_error *err)
{
	struct store_range range;
	struct chunk c = { 0 };
	size_t column = 0;
	struct txn t;
	int64_t next;
	int r;

	txn_begin(&t, s, false);
	range = set_range(&t, set);
	r = txn_end(&t, err);
	for (next = range.last_ms; r == 0 && next <= range.last_ms;) {
		struct chunk_want want = { set, &column, 1, next, range.last_ms };

		r = chunk_load_some(s, &want, 1, &c, &next, err);
		for (size_t i = 0; i < c.n && r == 0; i++)
			set->window_ms = (int64_t)chunk_column(&c, 0)[i];
	}
	chunk_release(&c);
	return r;
}

static bool is_made(const struct set *set, const struct store_policy *p, int level)
{
	return p->level_ms[level] > 0 && set->window_ms > 0 &&
	       set->window_ms < level_length_ms((enum store_level)level);
}

/* ---- roll-ups ---- */

static const char *zone_for(const struct store_policy *p, int level)
{
	return level == STORE_DAY && p->zone != NULL ? zone_name(p->zone) : NULL;
}

static bool same_zone(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The set of a level, a new one where there is none for that zone. */
static int roll_for(struct store_maintain *m, struct set *set, int level,
		    const struct store_policy *p, struct set **ret, struct tesla_error *err)
{
	const char *zone = zone_for(p, level);
	int r = 0;

	*ret = set->rolls[level];
	if (*ret == NULL || !same_zone((*ret)->zone_name, zone))
		r = set_add_roll(&m->s->sets, set, (enum store_level)level, zone, ret, err);
	if (r == 0 && !(*ret)->saved)
		r = sets_save(m->s, err);
	return r;
}

static void count(struct store_maintain *m, const struct roll_work *w)
{
	m->counts.buckets += w->n_buckets;
	m->counts.late += w->late ? w->n_buckets : 0;
}

/* *until: rows may go up to there, as far as this level needs them. */
static int work_level(struct store_maintain *m, struct set *roll, int64_t now_ms, int64_t *until,
		      bool *did, struct tesla_error *err)
{
	struct roll_work w;
	struct txn t;
	int64_t late;
	int r = roll_late(m->s, roll, &w, err);

	if (r == 0 && !w.moved)
		r = roll_forward(m->s, roll, now_ms - GRACE_MS, *until, &w, err);
	if (r != 0)
		return r;
	count(m, &w);
	*did = w.moved;
	txn_begin(&t, m->s, false);
	late = level_first_late(&t, roll, INT64_MIN / 2);
	if (late != INT64_MAX && level_start_ms(roll, late) < *until)
		*until = level_start_ms(roll, late);
	if (roll->done_ms < *until)
		*until = roll->done_ms;
	else if (*until > NEVER && !level_ends_at(roll, *until))
		*until = level_start_ms(roll, *until);
	return txn_end(&t, err);
}

/* ---- a set ---- */

static int retain(struct store_maintain *m, const struct set *set, int64_t until_ms, bool *did,
		  struct tesla_error *err)
{
	struct retain_work w;
	int r = retain_some(m->s, set, until_ms, &w, err);

	m->counts.rows_gone += w.n_rows;
	m->counts.blocks_gone += w.n_blocks;
	*did = w.n_rows + w.n_blocks > 0;
	return r;
}

static int work_raw(struct store_maintain *m, struct set *set, int64_t now_ms, bool *did,
		    struct tesla_error *err)
{
	struct store_policy p;
	int64_t until;
	int r = set->window_ms == 0 ? find_window(m->s, set, err) : 0;

	policy_of(m, set, &p);
	until = time_before(now_ms, p.raw_ms);
	for (int level = 0; level < N_STORE_LEVELS && r == 0 && !*did; level++) {
		struct set *roll;

		if (!is_made(set, &p, level))
			continue;
		r = roll_for(m, set, level, &p, &roll, err);
		if (r == 0 && roll->unusable)
			until = NEVER; /* rows wait until there is such a zone */
		else if (r == 0)
			r = work_level(m, roll, now_ms, &until, did, err);
	}
	if (r != 0 || *did || until <= NEVER)
		return r;
	set->gone_ms = until > set->gone_ms ? until : set->gone_ms;
	return retain(m, set, until, did, err);
}

static int work_roll(struct store_maintain *m, struct set *roll, int64_t now_ms, bool *did,
		     struct tesla_error *err)
{
	struct store_policy p;
	int r;

	policy_of(m, roll->of, &p);
	if (roll->of->rolls[roll->level] == roll && p.level_ms[roll->level] > 0)
		return retain(m, roll, time_before(now_ms, p.level_ms[roll->level]), did, err);
	r = retain_forget(m->s, roll, err);
	return r == 0 ? retain(m, roll, INT64_MAX, did, err) : r;
}

int store_maintain_step(struct store_maintain *m, int64_t now_ms, bool *more,
			struct tesla_error *err)
{
	bool did = false;
	int r;

	*more = m->s->n_backups == 0;
	if (!*more)
		return 0;
	r = m->id == 1 ? store_apply(m->s, err) : 0; /* else they would all be late */
	for (int i = 0; i < LOOKS && r == 0 && !did; i++) {
		struct set *set = m->id <= m->s->sets.n ? m->s->sets.by_id[m->id - 1] : NULL;

		if (m->id > m->s->sets.n) {
			m->id = 1;
			*more = false;
			return 0;
		}
		if (set != NULL && !set->unreadable)
			r = set->of != NULL ? work_roll(m, set, now_ms, &did, err)
					    : work_raw(m, set, now_ms, &did, err);
		m->id += !did;
	}
	return r;
}
