/* SPDX-License-Identifier: Apache-2.0 */
/* A line of meters: who is asked, what is answered, what is counted. */
#include "sim/line.h"

#include "base/clock.h"
#include "sim/play.h"
#include "sim/sim.h"

const char *line_kind_name(enum line_kind kind)
{
	static const char *const names[] = {
		[LINE_TCP] = "tcp",
		[LINE_RTU_TCP] = "rtu-over-tcp",
		[LINE_PTY] = "pty",
	};

	return names[kind];
}

/* The line's counts and those of the address; returns how many there are. */
static size_t counts_of(struct line *l, uint8_t unit, struct counts *both[2])
{
	both[0] = &l->all;
	if (l->by_address[unit] == NULL)
		l->by_address[unit] = calloc(1, sizeof *l->by_address[unit]);
	both[1] = l->by_address[unit];
	return both[1] ? 2 : 1;
}

void line_count_early(struct line *l, uint8_t unit)
{
	struct counts *both[2];

	for (size_t n = counts_of(l, unit, both); n-- > 0;)
		both[n]->early++;
}

void line_count_busy(struct line *l, uint8_t unit, int64_t us)
{
	struct counts *both[2];

	for (size_t n = counts_of(l, unit, both); n-- > 0;)
		both[n]->busy_us += us;
}

void line_count_transaction(struct line *l, uint8_t unit, int64_t us)
{
	struct counts *both[2];

	for (size_t n = counts_of(l, unit, both); n-- > 0;)
		series_add(&both[n]->bus_us, us);
	line_count_busy(l, unit, us);
}

static void count_cycle(struct counts *c, int64_t *last_us, int64_t now_us)
{
	if (*last_us != 0)
		series_add(&c->cycle_us, now_us - *last_us);
	*last_us = now_us;
}

static void count_request(struct line *l, const struct request *rq, int64_t first_us)
{
	bool is_read = !rq->command && (rq->pdu.bytes[0] == 3 || rq->pdu.bytes[0] == 4) &&
		       rq->pdu.len == 5;
	struct counts *both[2];
	size_t n = counts_of(l, rq->unit, both);

	for (size_t i = 0; i < n; i++) {
		both[i]->requests++;
		if (!is_read)
			continue;
		both[i]->registers += be16(rq->pdu.bytes + 3);
		counts_range(both[i], rq->pdu.bytes[0], be16(rq->pdu.bytes + 1),
			     be16(rq->pdu.bytes + 3));
	}
	count_cycle(both[0], &l->last_any_us, first_us);
	if (n == 1)
		return;
	count_cycle(both[1], &l->last_us[rq->unit], first_us);
	series_add(&both[1]->times_us, clock_wall_us() - (clock_mono_us() - first_us));
}

static void count_answer(struct line *l, uint8_t unit, bool answered, const struct pdu *reply)
{
	struct counts *both[2];

	for (size_t n = counts_of(l, unit, both); n-- > 0;) {
		if (!answered)
			both[n]->unanswered++;
		else if (reply->bytes[0] & 0x80) /* no text has that */
			both[n]->exceptions++;
	}
}

/* Nobody else understands it, and 0 is everybody on RTU. */
static struct meter *line_meter(const struct line *l, const struct request *rq)
{
	struct meter *m = l->fleet->meter[rq->unit];

	if (m == NULL || meter_takes_commands(m) != rq->command)
		return NULL;
	return line_is_serial(l) && rq->unit == 0 && !rq->command ? NULL : m;
}

/* No answer is all that a CVMk has for what it does not understand. */
static bool line_command(const struct line *l, struct meter *m, const struct request *rq,
			 const struct effect *fx, struct pdu *reply)
{
	return fx->exception == 0 && meter_command(m, &rq->pdu, sim_time(l->sim), reply);
}

/* A serial line is silent where nobody is, and after a broadcast; a gateway says so. */
static bool line_ask(struct line *l, const struct request *rq, struct effect *fx, struct pdu *reply)
{
	struct meter *m = line_meter(l, rq);

	*fx = (struct effect){ 0 };
	if (line_is_serial(l) && m == NULL)
		return false;
	*fx = faults_next(&l->sim->faults, rq->unit);
	if (fx->silent || fx->disconnect)
		return false;
	if (rq->command)
		return line_command(l, m, rq, fx, reply);
	if (fx->exception != 0)
		modbus_exception(reply, rq->pdu.bytes[0], fx->exception);
	else if (m == NULL)
		modbus_exception(reply, rq->pdu.bytes[0], MODBUS_NO_TARGET);
	else
		meter_answer(m, rq->unit, &rq->pdu, sim_time(l->sim), reply);
	return true;
}

bool line_answer(struct line *l, const struct request *rq, int64_t first_us, struct effect *fx,
		 struct pdu *reply)
{
	bool answered;

	count_request(l, rq, first_us);
	answered = line_ask(l, rq, fx, reply);
	count_answer(l, rq->unit, answered, reply);
	return answered;
}

static void address_json(const struct line *l, unsigned address, yajl_gen g)
{
	(void)yajl_gen_map_open(g);
	json_int(g, "address", address);
	if (l->fleet->meter[address] != NULL)
		json_str(g, "model", meter_model(l->fleet->meter[address])->name);
	counts_json(l->by_address[address], g);
	(void)yajl_gen_map_close(g);
}

void line_json(const struct line *l, yajl_gen g)
{
	(void)yajl_gen_map_open(g);
	json_str(g, "kind", line_kind_name(l->kind));
	json_str(g, "where", l->where);
	counts_json(&l->all, g);
	json_key(g, "addresses");
	(void)yajl_gen_array_open(g);
	for (unsigned a = 0; a < ADDRESSES; a++)
		if (l->by_address[a] != NULL)
			address_json(l, a, g);
	(void)yajl_gen_array_close(g);
	(void)yajl_gen_map_close(g);
}

void line_reset(struct line *l)
{
	counts_release(&l->all);
	l->last_any_us = 0;
	for (size_t a = 0; a < ADDRESSES; a++) {
		if (l->by_address[a] != NULL)
			counts_release(l->by_address[a]);
		free(l->by_address[a]);
		l->by_address[a] = NULL;
		l->last_us[a] = 0;
	}
}

void line_free(struct line *l)
{
	if (l == NULL)
		return;
	line_reset(l);
	fleet_release(&l->own);
	play_free(l->play);
	free(l->where);
	free(l);
}
