/* SPDX-License-Identifier: Apache-2.0 */
/* How the journal's records reach one exporter: the policy. */
#include "daemon/delivery.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define SMOOTHING_MS 10000.0
#define DEATHS 2u /* of its plugin, in a row: then one by one */

const char *delivery_state_name(enum delivery_state s)
{
	static const char *const names[] = { "down",	"idle",	  "taking", "sending",
					     "waiting", "paused", "parked" };

	return names[s];
}

void delivery_init(struct delivery *d, uint32_t batch, double rate, uint64_t seed)
{
	*d = (struct delivery){ .state = DELIVERY_DOWN, .told = DELIVERY_WELL, .random = seed | 1 };
	delivery_pace(d, batch, rate);
}

void delivery_pace(struct delivery *d, uint32_t batch, double rate)
{
	d->batch = batch < DELIVERY_BATCH_MAX ? batch : DELIVERY_BATCH_MAX;
	if (d->batch == 0)
		d->batch = 1;
	d->rate = rate;
}

/* ---- waiting ---- */

static uint64_t random_next(struct delivery *d) /* xorshift64 */
{
	d->random ^= d->random << 13;
	d->random ^= d->random >> 7;
	d->random ^= d->random << 17;
	return d->random;
}

/* Full jitter: anything up to a bound that doubles, so that many nodes do not come together. */
static int64_t backoff_ms(struct delivery *d, unsigned failures)
{
	int64_t bound = DELIVERY_BACKOFF_MIN_MS, ms;

	for (unsigned i = 1; i < failures && bound < DELIVERY_BACKOFF_MAX_MS; i++)
		bound *= 2;
	if (bound > DELIVERY_BACKOFF_MAX_MS)
		bound = DELIVERY_BACKOFF_MAX_MS;
	ms = (int64_t)(random_next(d) % (uint64_t)(bound + 1));
	return ms < DELIVERY_BACKOFF_LEAST_MS ? DELIVERY_BACKOFF_LEAST_MS : ms;
}

/* ---- what is left behind ---- */

static bool is_held(const struct delivery *d, int64_t analyzer)
{
	for (size_t i = 0; i < d->n_held; i++)
		if (d->held[i] == analyzer)
			return true;
	return false;
}

static void hold(struct delivery *d, int64_t analyzer)
{
	if (is_held(d, analyzer))
		return;
	d->full = d->n_held == DELIVERY_HELD_MAX;
	if (!d->full)
		d->held[d->n_held++] = analyzer;
}

static void hold_batch(struct delivery *d)
{
	for (size_t i = 0; i < d->n && !d->full; i++)
		hold(d, d->analyzers[i]);
}

/* All that waits may be taken again. */
static void release(struct delivery *d)
{
	d->left = d->full = d->beside = false;
	d->from = 0;
	d->n_held = 0;
}

/* It begins anew, with the oldest. */
static void from_the_oldest(struct delivery *d)
{
	release(d);
	d->tried = 0;
	d->again = 0;
}

/*
 * Nothing got done: nothing is sent for a while.  It may be for these analyzers only: then the
 * others' records must not wait for ever behind as many as a batch has.
 */
static void fail(struct delivery *d, int64_t now_ms)
{
	bool beside = !d->left && !d->refused && d->n > 0;

	from_the_oldest(d);
	if (beside)
		hold_batch(d);
	if (beside && !d->full) {
		d->left = d->beside = true;
		d->from = d->seqs[d->n - 1] + 1;
	}
	d->failures++;
	d->retry_at_ms = now_ms + backoff_ms(d, d->failures);
}

/* Some are left behind, and their analyzers held; it goes on at `from`. */
static void leave(struct delivery *d, uint64_t from, int64_t now_ms)
{
	d->from = from;
	if (d->left && !d->beside)
		return;
	d->left = true;
	d->beside = false;
	d->again++;
	d->again_at_ms = now_ms + backoff_ms(d, d->again);
}

static void set_reason(struct delivery *d, const char *why, int64_t now_ms)
{
	d->failed_ms = now_ms;
	(void)snprintf(d->reason, sizeof d->reason, "%s", why ? why : "no reason was given");
}

/* ---- what happens ---- */

void delivery_host(struct delivery *d, bool up)
{
	if (up != (d->state == DELIVERY_DOWN))
		return;
	d->state = up ? DELIVERY_IDLE : DELIVERY_DOWN;
	d->n = 0;
	if (!up)
		from_the_oldest(d);
}

void delivery_died(struct delivery *d, int64_t now_ms)
{
	bool sending = d->state == DELIVERY_SENDING, alone = d->n == 1;
	uint64_t seq = d->seqs[0], last = sending ? d->seqs[d->n - 1] : 0;
	int64_t analyzer = d->analyzers[0];
	unsigned again = d->again;

	delivery_host(d, false);
	if (!sending)
		return;
	d->deaths++;
	if (d->deaths >= DEATHS && d->suspect == 0)
		d->suspect = last;
	if (!alone || (d->suspect == 0 && d->killer != seq))
		return;
	d->suspect = 0;
	d->killer = seq;
	d->killer_of = analyzer;
	d->tried = seq + 1;
	d->again = again;
	set_reason(d, "its plugin ended its host over a record, which is left behind", now_ms);
	hold(d, analyzer);
	leave(d, 0, now_ms);
}

void delivery_changed(struct delivery *d, uint64_t waiting, uint64_t next_seq)
{
	d->waiting = waiting;
	d->next_seq = next_seq;
}

void delivery_journal(struct delivery *d, bool usable)
{
	d->no_journal = !usable;
	if (!usable && d->state == DELIVERY_TAKING) /* nothing came of it */
		d->state = DELIVERY_PARKED;
}

void delivery_drain(struct delivery *d)
{
	d->retry_at_ms = d->again_at_ms = 0;
}

void delivery_anew(struct delivery *d)
{
	delivery_drain(d);
	if (d->failures > 1)
		d->failures = 1;
	if (d->again > 1)
		d->again = 1;
}

void delivery_failed(struct delivery *d, const char *why, int64_t now_ms)
{
	if (d->state == DELIVERY_DOWN)
		return;
	d->state = DELIVERY_WAITING;
	d->n = 0;
	set_reason(d, why, now_ms);
	fail(d, now_ms);
}

static void took_none(struct delivery *d, uint64_t next, int64_t now_ms)
{
	d->state = DELIVERY_IDLE;
	if (d->left)
		d->from = next < d->asked ? next : d->asked;
	else if (d->waiting > 0) /* no reason to spin */
		delivery_failed(d, "the journal has none of those that it counts", now_ms);
}

void delivery_took(struct delivery *d, const struct journal_taken *taken, size_t n, uint64_t next,
		   int64_t now_ms)
{
	assert(d->state == DELIVERY_TAKING && n <= DELIVERY_BATCH_MAX);
	if (n == 0) {
		took_none(d, next, now_ms);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		d->seqs[i] = taken[i].seq;
		d->analyzers[i] = taken[i].analyzer;
	}
	if (d->killer < d->seqs[0] && !is_held(d, d->killer_of)) /* it was dropped */
		d->killer = 0;
	d->n = n;
	d->tokens -= (double)n;
	d->turn++;
	d->state = DELIVERY_SENDING;
}

/* ---- verdicts ---- */

struct outcome {
	size_t done, settled; /* delivered; delivered or rejected */
	size_t end;	      /* behind the last that is settled */
	size_t skipped;	      /* to come later, before `end` */
	bool refused, again;  /* again: something that was left behind is settled */
	bool killer;	      /* what it died of is settled */
	const char *rejected; /* why the last one was that was refused for good */
	int64_t retry_ms;
	const char *why;
};

static struct outcome outcome_of(const struct delivery *d, const struct delivery_verdict *v)
{
	struct outcome o = { .done = 0 };

	for (size_t i = 0; i < d->n; i++) {
		if (v[i].delivery == TESLA_DONE || v[i].delivery == TESLA_REJECT) {
			o.done += v[i].delivery == TESLA_DONE;
			if (v[i].delivery == TESLA_REJECT)
				o.rejected = v[i].reason ? v[i].reason : "no reason was given";
			o.settled++;
			o.end = i + 1;
			o.again = o.again || d->seqs[i] < d->tried;
			o.killer = o.killer || d->seqs[i] == d->killer;
			continue;
		}
		o.refused = o.refused || v[i].delivery == TESLA_REFUSED;
		if (v[i].retry_ms > o.retry_ms)
			o.retry_ms = v[i].retry_ms;
		if (o.why == NULL)
			o.why = v[i].reason;
	}
	o.skipped = o.end - o.settled;
	if (o.retry_ms > DELIVERY_RETRY_MAX_MS)
		o.retry_ms = DELIVERY_RETRY_MAX_MS;
	return o;
}

static void hold_skipped(struct delivery *d, const struct delivery_verdict *v, size_t end)
{
	for (size_t i = 0; i < end && !d->full; i++)
		if (v[i].delivery != TESLA_DONE && v[i].delivery != TESLA_REJECT)
			hold(d, d->analyzers[i]);
}

static void progressed(struct delivery *d, const struct delivery_verdict *v,
		       const struct outcome *o, int64_t now_ms)
{
	uint64_t end = d->seqs[o->end - 1] + 1;

	hold_skipped(d, v, o->end);
	d->failures = d->deaths = 0;
	if (o->killer)
		d->killer = 0;
	if (end > d->suspect)
		d->suspect = 0;
	if (o->again)
		d->again = 0;
	if (end > d->tried)
		d->tried = end;
	if (o->skipped > 0 || d->left)
		leave(d, end, now_ms);
}

/* Nothing of what was left behind got done: the next ones, until all were tried once more. */
static void leave_batch(struct delivery *d, int64_t now_ms)
{
	hold_batch(d);
	leave(d, d->seqs[d->n - 1] + 1, now_ms);
}

static void count_delivered(struct delivery *d, size_t done, int64_t now_ms)
{
	d->smoothed = delivery_rate(d, now_ms) + (double)done / (SMOOTHING_MS / 1000);
	d->smoothed_ms = now_ms;
	d->since += done;
}

static void note_rejects(struct delivery *d, const struct outcome *o)
{
	d->rejects += o->settled - o->done;
	if (o->rejected != NULL)
		(void)snprintf(d->rejected, sizeof d->rejected, "refused for good: %s",
			       o->rejected);
	else if (o->done > 0)
		d->rejected[0] = '\0';
}

static void hold_until(struct delivery *d, int64_t at_ms)
{
	if (at_ms > d->retry_at_ms)
		d->retry_at_ms = at_ms;
}

void delivery_verdicts(struct delivery *d, const struct delivery_verdict *v, const char *error,
		       int64_t now_ms)
{
	struct outcome o = outcome_of(d, v);

	assert(d->state == DELIVERY_SENDING && d->n > 0);
	d->state = DELIVERY_IDLE;
	d->refused = o.refused;
	d->waiting -= o.settled < d->waiting ? o.settled : d->waiting;
	count_delivered(d, o.done, now_ms);
	note_rejects(d, &o);
	if (o.settled < d->n)
		set_reason(d, error ? error : o.why, now_ms);
	if (o.settled > 0)
		progressed(d, v, &o, now_ms);
	else if (d->seqs[d->n - 1] < d->tried)
		leave_batch(d, now_ms);
	else
		fail(d, now_ms);
	if (o.refused)
		hold_until(d, now_ms + DELIVERY_PAUSE_MS);
	if (o.retry_ms > 0)
		hold_until(d, now_ms + o.retry_ms);
	d->n = 0;
}

/* ---- what is to be done ---- */

static struct delivery_step wait_until(struct delivery *d, int64_t at_ms)
{
	d->state = d->refused ? DELIVERY_PAUSED : DELIVERY_WAITING;
	d->until_ms = at_ms;
	return (struct delivery_step){ .what = DELIVERY_WAIT, .until_ms = at_ms };
}

/* How many may go at once; 0: *until_ms says when some may. */
static size_t allowed(struct delivery *d, int64_t now_ms, int64_t *until_ms)
{
	bool careful =
		d->refused || d->suspect != 0 || (d->killer != 0 && !is_held(d, d->killer_of));
	size_t want = careful ? 1 : d->batch;
	double room;

	if (d->rate <= 0)
		return want;
	room = fmax(1, fmin((double)d->batch, d->rate)); /* a second's worth, or a batch */
	d->tokens = fmin(room, d->tokens + d->rate * (double)(now_ms - d->tokens_ms) / 1000);
	d->tokens_ms = now_ms;
	want = want < (size_t)room ? want : (size_t)room;
	if (d->waiting < want) /* no more than there are; more often, rather than few by few */
		want = (size_t)d->waiting;
	if (d->tokens >= (double)want)
		return want;
	*until_ms = now_ms + (int64_t)ceil(((double)want - d->tokens) / d->rate * 1000);
	return 0;
}

/*
 * What went wrong is over when all was delivered.  What was dropped or purged, or refused for good,
 * is no sign of it, but nobody waits for it either: that is forgotten without a word.  A far end
 * that refuses goes on doing so.
 */
static void nothing_waits(struct delivery *d)
{
	bool delivered = d->failures == 0 && d->again == 0 && d->since > 0;

	from_the_oldest(d);
	d->suspect = d->killer = 0;
	d->failures = 0;
	if (d->state != DELIVERY_DOWN)
		d->state = DELIVERY_IDLE;
	if (d->refused || delivered)
		return;
	d->told = DELIVERY_WELL;
	d->reason[0] = '\0';
}

struct delivery_step delivery_step(struct delivery *d, int64_t now_ms)
{
	static const struct delivery_step nothing = { .what = DELIVERY_NOTHING };
	int64_t until_ms = 0;
	size_t max;

	if (d->state == DELIVERY_TAKING || d->state == DELIVERY_SENDING)
		return nothing;
	if (d->waiting == 0)
		nothing_waits(d);
	if (d->waiting == 0 || d->state == DELIVERY_DOWN)
		return nothing;
	if (now_ms < d->retry_at_ms)
		return wait_until(d, d->retry_at_ms);
	if (d->beside ? d->from >= d->next_seq : now_ms >= d->again_at_ms)
		release(d);
	if (d->left && (d->full || d->from >= d->next_seq))
		return wait_until(d, d->again_at_ms);
	if (d->no_journal) {
		d->state = DELIVERY_PARKED;
		return nothing;
	}
	max = allowed(d, now_ms, &until_ms);
	if (max == 0)
		return wait_until(d, until_ms);
	d->state = DELIVERY_TAKING;
	d->asked = d->next_seq;
	return (struct delivery_step){ .what = DELIVERY_TAKE,
				       .from = d->left ? d->from : 0,
				       .max = max };
}

/* ---- what is told ---- */

static enum delivery_news news_of_rejects(struct delivery *d, int64_t now_ms)
{
	if (d->rejects == 0 || (d->rejects_ms != 0 && now_ms - d->rejects_ms < DELIVERY_REJECTS_MS))
		return DELIVERY_NO_NEWS;
	d->told_rejects = d->rejects;
	d->rejects = 0;
	d->rejects_ms = now_ms;
	return DELIVERY_REJECTS;
}

static enum delivery_news news_of_far_end(struct delivery *d, int64_t now_ms)
{
	enum delivery_news is = d->refused			  ? DELIVERY_REFUSED
				: d->failures > 0 || d->again > 0 ? DELIVERY_WRONG
								  : DELIVERY_WELL;

	if (is == DELIVERY_WELL) {
		if (d->told != DELIVERY_WELL && d->since == 0)
			return DELIVERY_NO_NEWS; /* nothing says so */
		if (d->waiting > 0 && now_ms - d->failed_ms < DELIVERY_WELL_MS)
			return DELIVERY_NO_NEWS; /* not yet sure */
		d->reason[0] = '\0';
	}
	if (is == d->told || (is == DELIVERY_WRONG && d->told == DELIVERY_REFUSED))
		return DELIVERY_NO_NEWS;
	if (d->told == DELIVERY_WELL)
		d->since = 0;
	d->told = is;
	return is;
}

enum delivery_news delivery_news(struct delivery *d, int64_t now_ms)
{
	enum delivery_news n = news_of_far_end(d, now_ms);

	return n == DELIVERY_NO_NEWS ? news_of_rejects(d, now_ms) : n;
}

bool delivery_is_failing(const struct delivery *d)
{
	return d->refused || d->failures > 0 || d->again > 0;
}

const char *delivery_reason(const struct delivery *d)
{
	if (d->rejected[0] && !(delivery_is_failing(d) && d->reason[0]))
		return d->rejected;
	return d->reason[0] ? d->reason : NULL;
}

int64_t delivery_retry_at(const struct delivery *d)
{
	return d->state == DELIVERY_WAITING || d->state == DELIVERY_PAUSED ? d->until_ms : 0;
}

double delivery_rate(const struct delivery *d, int64_t now_ms)
{
	return d->smoothed * exp(-(double)(now_ms - d->smoothed_ms) / SMOOTHING_MS);
}
