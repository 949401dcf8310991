/* SPDX-License-Identifier: Apache-2.0 */
/* A durable exporter: carries out what delivery.h says. */
#include "daemon/durable.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/frame.h"

#define REASON_MAX (sizeof((struct tesla_error *)NULL)->text)

struct durable {
	struct durable_conf conf;
	struct delivery delivery;
	uv_timer_t timer;
	bool stopped, holding, ending;
	void (*held)(void *arg); /* NULL: it was called */
	void *held_arg;
	/* a take, in the pool while `busy` */
	struct clerk_job job;
	bool busy, none;
	uint16_t no;  /* its number in the journal */
	uint64_t set; /* as of that one of clerk_exporters_set, */
	size_t place; /* its place among the journal's exporters; beyond them: it has none */
	struct journal_want want;
	int64_t without[DELIVERY_HELD_MAX];
	uint64_t next;
	size_t n;
	struct journal_taken *taken; /* DELIVERY_BATCH_MAX */
	struct buf bytes;
	struct tesla_error err;
	int r;
};

static int64_t now_ms(void)
{
	return clock_mono_us() / 1000;
}

/* ---- what is said ---- */

static void say(const struct durable *d, enum delivery_news what)
{
	const char *id = d->conf.exporter->id;

	switch (what) {
	case DELIVERY_WRONG:
		log_msg(d->conf.log, LOG_LEVEL_WARNING,
			"exporter %s: %s; records are kept and tried again", id,
			d->delivery.reason);
		return;
	case DELIVERY_REFUSED:
		log_msg(d->conf.log, LOG_LEVEL_ERROR,
			"exporter %s is paused: %s; tried again in %d minutes, or by "
			"`teslactl journal drain`",
			id, d->delivery.reason, DELIVERY_PAUSE_MS / 60000);
		return;
	case DELIVERY_WELL:
		log_msg(d->conf.log, LOG_LEVEL_INFO,
			"exporter %s: well again, %" PRIu64 " records delivered since, %" PRIu64
			" wait",
			id, d->delivery.since, d->delivery.waiting);
		return;
	case DELIVERY_REJECTS:
		log_msg(d->conf.log, LOG_LEVEL_WARNING,
			"exporter %s: %" PRIu64
			" records refused for good, the last: %s; see `teslactl journal rejects`",
			id, d->delivery.told_rejects, d->delivery.rejected);
		return;
	case DELIVERY_NO_NEWS:
		return;
	}
}

static void news(struct durable *d)
{
	enum delivery_news what;

	while ((what = delivery_news(&d->delivery, now_ms())) != DELIVERY_NO_NEWS)
		say(d, what);
}

/* ---- from the journal to the host ---- */

static void pump(struct durable *d);

static void in_pool(struct clerk_job *job, struct journal *j)
{
	struct durable *d = (struct durable *)((char *)job - offsetof(struct durable, job));

	buf_clear(&d->bytes);
	d->n = 0;
	d->r = 0;
	d->none = j == NULL;
	if (j != NULL)
		d->r = journal_take(j, &d->want, &d->bytes, d->taken, &d->n, &d->next, &d->err);
}

static int batch_send(struct durable *d)
{
	struct buf out;
	struct frame f;
	int r;

	buf_init(&out, FRAME_MAX + 16);
	frame_begin(&f, &out);
	(void)msgpack_pack_array(&f.pk, d->n + 2);
	mp_str(&f.pk, "d");
	(void)msgpack_pack_uint64(&f.pk, d->delivery.turn);
	for (size_t i = 0; i < d->n; i++) {
		(void)msgpack_pack_array(&f.pk, 2);
		(void)msgpack_pack_uint64(&f.pk, d->taken[i].seq);
		(void)buf_append(&out, d->bytes.pub.bytes + d->taken[i].at, d->taken[i].len);
	}
	r = frame_end(&f);
	if (r == 0)
		r = d->conf.send(d->conf.arg, &out);
	buf_release(&out);
	return r;
}

static void taken(struct durable *d)
{
	char why[sizeof d->err.text + 32];
	int r = d->r;

	if (d->none) { /* the clerk says why, and when it is well again */
		delivery_journal(&d->delivery, false);
		return;
	}
	if (r == 0)
		delivery_took(&d->delivery, d->taken, d->n, d->next, now_ms());
	if (r == 0 && d->n > 0) {
		r = batch_send(d);
		if (r == -EPIPE) {
			delivery_host(&d->delivery, false);
			return;
		}
		(void)tesla_fail(&d->err, r, "a batch could not be sent: %s", strerror(-r));
	}
	if (r == 0)
		return;
	(void)snprintf(why, sizeof why, "from the journal: %s", d->err.text);
	delivery_failed(&d->delivery, why, now_ms());
}

static void on_end_closed(uv_handle_t *timer)
{
	durable_free(timer->data);
}

static void end_close(struct durable *d)
{
	uv_close((uv_handle_t *)&d->timer, on_end_closed);
}

static void on_taken(struct clerk_job *job)
{
	struct durable *d = (struct durable *)((char *)job - offsetof(struct durable, job));

	d->busy = false;
	if (d->ending && !d->holding)
		end_close(d);
	if (d->stopped)
		return;
	if (d->delivery.state == DELIVERY_TAKING) /* else its host has died meanwhile */
		taken(d);
	pump(d);
}

static void on_timer(uv_timer_t *timer)
{
	pump(timer->data);
}

static void held_when_idle(struct durable *d)
{
	void (*held)(void *arg) = d->held;
	bool under_way = d->busy || d->delivery.state == DELIVERY_SENDING;

	if (held == NULL || (under_way && !d->stopped))
		return;
	d->held = NULL;
	held(d->held_arg);
}

static void take_begin(struct durable *d, const struct delivery_step *s)
{
	d->want = (struct journal_want){ .exporter = d->no,
					 .from = s->from,
					 .max = s->max,
					 .max_bytes = DELIVERY_BYTES_MAX,
					 .without = d->without,
					 .n_without = d->delivery.n_held };
	memcpy(d->without, d->delivery.held, d->delivery.n_held * sizeof *d->without);
	d->busy = true;
	clerk_do(d->conf.clerk, &d->job);
}

static void pump(struct durable *d)
{
	struct delivery_step s;

	if (d->holding) {
		held_when_idle(d);
		return;
	}
	if (d->busy || d->stopped)
		return;
	delivery_journal(&d->delivery, clerk_usable(d->conf.clerk));
	s = delivery_step(&d->delivery, now_ms());
	news(d);
	(void)uv_timer_stop(&d->timer);
	if (s.what == DELIVERY_WAIT) {
		int64_t ms = s.until_ms - now_ms();

		(void)uv_timer_start(&d->timer, on_timer, ms > 0 ? (uint64_t)ms : 1, 0);
	}
	if (s.what != DELIVERY_TAKE)
		return;
	take_begin(d, &s);
}

/* ---- verdicts ---- */

struct verdicts { /* of one batch, as they came */
	struct delivery_verdict *list;
	size_t n;
	struct arena memory;
};

static int verdict_parse(const msgpack_object *o, struct verdicts *v, struct tesla_error *err)
{
	struct delivery_verdict *ret = &v->list[v->n];
	const msgpack_object *p = o->via.array.ptr;
	_cleanup_free_ char *reason = NULL;
	int64_t delivery;

	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != 3)
		return tesla_fail(err, -EPROTO, "verdicts: one is no array of 3");
	if (!mp_to_int(&p[0], &delivery) || delivery < TESLA_RETRY || delivery > TESLA_REFUSED)
		return tesla_fail(err, -EPROTO, "verdicts: a delivery that is none");
	if (!mp_to_int(&p[2], &ret->retry_ms) || ret->retry_ms < 0)
		return tesla_fail(err, -EPROTO, "verdicts: a time that is none");
	ret->delivery = (enum tesla_delivery)delivery;
	v->n++;
	if (p[1].type == MSGPACK_OBJECT_NIL)
		return 0;
	reason = mp_to_strdup(&p[1]);
	if (reason == NULL || strlen(reason) > REASON_MAX)
		return tesla_fail(err, -EPROTO, "verdicts: a reason that is no text, or too long");
	ret->reason = arena_strdup(&v->memory, reason);
	return 0;
}

static int verdicts_parse(const struct delivery *d, const msgpack_object *msg, struct verdicts *ret,
			  struct tesla_error *err)
{
	size_t n;
	const msgpack_object *list = mp_array(msg, "list", &n);
	int64_t i = mp_int(msg, "i", -1);
	int r = 0;

	if (d->state != DELIVERY_SENDING || i < 0 || (uint64_t)i != d->turn)
		return tesla_fail(err, -EPROTO,
				  "verdicts on batch %" PRId64 ", which is not under way", i);
	if (n != d->n)
		return tesla_fail(err, -EPROTO, "%zu verdicts on %zu records", n, d->n);
	ret->list = arena_alloc(&ret->memory, n, sizeof *ret->list);
	if (ret->list == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for %zu verdicts", n);
	while (r == 0 && ret->n < n)
		r = verdict_parse(&list[ret->n], ret, err);
	return r;
}

static void settle(struct durable *d, const struct verdicts *v)
{
	struct journal_verdict *list = calloc(v->n, sizeof *list);
	size_t n = 0;

	for (size_t i = 0; list != NULL && i < v->n; i++) {
		const struct delivery_verdict *k = &v->list[i];

		if (k->delivery != TESLA_DONE && k->delivery != TESLA_REJECT)
			continue;
		list[n++] = (struct journal_verdict){
			.exporter = d->no,
			.seq = d->delivery.seqs[i],
			.rejected = k->delivery == TESLA_DONE ? NULL
				    : k->reason		      ? k->reason
							      : "no reason was given",
		};
	}
	if (list == NULL || clerk_settle(d->conf.clerk, list, n) != 0)
		log_msg(d->conf.log, LOG_LEVEL_ERROR,
			"exporter %s: no memory for its verdicts: records will be sent once more",
			d->conf.exporter->id);
	free(list);
}

int durable_verdicts(struct durable *d, const msgpack_object *msg, struct tesla_error *err)
{
	struct verdicts v = { .n = 0 };
	int r = verdicts_parse(&d->delivery, msg, &v, err);

	if (r == 0) {
		_cleanup_free_ char *error = mp_strdup(msg, "error");

		settle(d, &v);
		delivery_verdicts(&d->delivery, v.list, error, now_ms());
		pump(d);
	}
	arena_release(&v.memory);
	return r;
}

/* ---- for others ---- */

void durable_up(struct durable *d)
{
	delivery_host(&d->delivery, true);
	pump(d);
}

void durable_down(struct durable *d, bool blamed)
{
	if (blamed)
		delivery_died(&d->delivery, now_ms());
	else
		delivery_host(&d->delivery, false);
	pump(d);
}

/* It is looked for again only when there are others, not after each turn of the clerk. */
static const struct journal_exporter_info *in_journal(struct durable *d)
{
	const struct journal_info *info = clerk_info(d->conf.clerk);
	uint64_t set = clerk_exporters_set(d->conf.clerk);

	if (d->set != set) {
		const struct journal_exporter_info *e =
			clerk_exporter(d->conf.clerk, d->conf.exporter->id);

		d->place = e ? (size_t)(e - info->exporters) : info->n_exporters;
		d->set = set;
	}
	return d->place < info->n_exporters ? &info->exporters[d->place] : NULL;
}

void durable_changed(struct durable *d)
{
	const struct journal_exporter_info *e = in_journal(d);
	uint64_t waiting = e ? e->waiting : 0, next_seq = clerk_info(d->conf.clerk)->next_seq;
	bool parked = d->delivery.state == DELIVERY_PARKED && clerk_usable(d->conf.clerk);
	bool same = waiting == d->delivery.waiting &&
		    (waiting == 0 || next_seq == d->delivery.next_seq);

	if (e != NULL) /* else nothing was recorded for it yet, or it was purged */
		d->no = e->no;
	delivery_changed(&d->delivery, waiting, next_seq);
	if (parked || !same)
		pump(d);
}

void durable_drain(struct durable *d)
{
	delivery_drain(&d->delivery);
	pump(d);
}

void durable_anew(struct durable *d)
{
	delivery_anew(&d->delivery);
}

bool durable_hold(struct durable *d, void (*held)(void *arg), void *arg)
{
	if (d->holding)
		return false;
	d->holding = true;
	d->held = held;
	d->held_arg = arg;
	held_when_idle(d);
	return true;
}

void durable_release(struct durable *d)
{
	d->holding = false;
	if (d->ending && !d->busy)
		end_close(d);
	else
		pump(d);
}

void durable_stop(struct durable *d)
{
	d->stopped = true;
	(void)uv_timer_stop(&d->timer);
	held_when_idle(d);
}

void durable_use(struct durable *d, const struct conf_exporter *exporter)
{
	d->conf.exporter = exporter;
	delivery_pace(&d->delivery, exporter->batch, exporter->rate);
}

void durable_end(struct durable *d)
{
	d->ending = true;
	if (!d->busy && !d->holding)
		end_close(d);
}

void durable_close(struct durable *d)
{
	uv_close((uv_handle_t *)&d->timer, NULL);
}

const struct delivery *durable_delivery(const struct durable *d)
{
	return &d->delivery;
}

struct durable *durable_new(uv_loop_t *loop, const struct durable_conf *conf)
{
	struct durable *d = calloc(1, sizeof *d);

	if (d == NULL)
		return NULL;
	d->conf = *conf;
	d->taken = calloc(DELIVERY_BATCH_MAX, sizeof *d->taken);
	if (d->taken == NULL) {
		free(d);
		return NULL;
	}
	delivery_init(&d->delivery, conf->exporter->batch, conf->exporter->rate,
		      (uint64_t)clock_wall_us() ^ (uint64_t)(uintptr_t)d);
	buf_init(&d->bytes, 2 * DELIVERY_BYTES_MAX);
	d->job = (struct clerk_job){ .work = in_pool, .done = on_taken };
	(void)uv_timer_init(loop, &d->timer);
	d->timer.data = d;
	return d;
}

void durable_free(struct durable *d)
{
	if (d == NULL)
		return;
	free(d->taken);
	buf_release(&d->bytes);
	free(d);
}
