/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks: single transactions that somebody asks for who searches a line for meters, or a meter for
 * its registers.  Polls go first: a look has the time that they leave, and a tenth of all where
 * they leave none.
 */
#include <string.h>

#include "host/line_parts.h"

#define MARGIN_US 20000 /* left free before the next deadline */
#define OTHERS 9	/* the others' share of the time, to one of looks */
#define USUAL_MS 1000	/* a line with a longer time-out has slow meters */
#define QUICK_MS 300
#define LINGER_US 2000000 /* who looks once looks again */

/* Somebody is there, who may be late; on a slow line, anywhere. */
static bool may_be_late(const struct line *l, unsigned address)
{
	for (size_t i = 0; i < l->n_analyzers; i++)
		if (l->analyzers[i]->address == address)
			return true;
	return l->params.timeout_ms > USUAL_MS ||
	       (address < LOOK_ADDRESSES && (l->looks.heard[address / 8] & 1u << address % 8) != 0);
}

static bool is_polled(const struct line *l)
{
	for (size_t i = 0; i < l->n_analyzers; i++)
		if (!l->analyzers[i]->held)
			return true;
	return false;
}

/*
 * From the request on, how long an answer may come: it must not meet the next request, and nothing
 * in it says which registers it has.  Where nobody was heard, who is not quick is nobody.
 */
static int64_t answer_within_us(const struct line *l, const struct ask *ask)
{
	int64_t ms = ask->look.timeout_ms;
	const struct analyzer *via = line_analyzer(l, ask->analyzer);

	if (l->pub.kind == TESLA_LINE_TCP) /* transaction numbers tell */
		return 1000 * ms;
	if (via != NULL && may_be_late(l, ask->look.address))
		return 1000 * ((ms > l->params.timeout_ms ? ms : l->params.timeout_ms) +
			       line_late_max_ms(l, via));
	return 2000 * (ms < QUICK_MS && is_polled(l) ? QUICK_MS : ms);
}

/* What it is likely to take: who answers the polls will answer this. */
static int64_t expected_us(const struct line *l, const struct ask *ask)
{
	int64_t most = answer_within_us(l, ask);

	for (size_t i = 0; i < l->n_analyzers; i++) {
		const struct analyzer *a = l->analyzers[i];

		if (a->address == ask->look.address && a->state == ANALYZER_ONLINE &&
		    most > 1000 * QUICK_MS)
			return 1000 * QUICK_MS;
	}
	return most;
}

void line_look_add(struct line *l, struct ask *ask, int64_t mono_us)
{
	struct ask **end = &l->looks.first;

	if (ask->look.timeout_ms == 0)
		ask->look.timeout_ms = l->params.timeout_ms;
	if (l->looks.first == NULL && l->looks.share_at_us < mono_us)
		l->looks.share_at_us = mono_us + OTHERS * expected_us(l, ask);
	while (*end != NULL)
		end = &(*end)->next;
	ask->next = NULL;
	*end = ask;
}

bool line_look_fits(const struct line *l, int64_t mono_us, int64_t idle_until_us)
{
	if (mono_us >= l->looks.share_at_us)
		return true;
	/* What is due at once may be so since the beginning of time. */
	return idle_until_us > mono_us &&
	       idle_until_us - mono_us > expected_us(l, l->looks.first) + MARGIN_US;
}

void line_look_start(struct line *l)
{
	struct ask *ask = l->looks.first;

	l->looks.first = ask->next;
	l->job = (struct job){ .kind = JOB_LOOK, .a = line_analyzer(l, ask->analyzer), .ask = ask };
}

struct action line_look_action(struct line *l)
{
	struct look *look = &l->job.ask->look;
	struct action next = { .act = look->who ? ACT_IDENTIFY : ACT_READ,
			       .a = l->job.a,
			       .address = look->address,
			       .driver = &l->drivers[l->job.a->driver],
			       .what = look->what,
			       .timeout_ms = look->timeout_ms };

	if (look->command[0] != '\0')
		next.what.command = look->command;
	return next;
}

/* Registers of another number than asked for are no answer; texts may have any length. */
static enum tesla_status status_of(const struct look *look, const struct tesla_reply *reply)
{
	size_t n = look->what.count;

	if (reply->status != TESLA_REPLY_OK || look->who || n == 0)
		return reply->status;
	return reply->data->len == (look->command[0] != '\0' ? n : 2 * n) ? TESLA_REPLY_OK
									  : TESLA_REPLY_GARBLED;
}

static void heard(struct line *l, unsigned address)
{
	if (address < LOOK_ADDRESSES)
		l->looks.heard[address / 8] |= (uint8_t)(1u << address % 8);
}

void line_look_done(struct line *l, const struct tesla_reply *came, const struct tesla_error *err,
		    int64_t mono_us)
{
	struct ask *ask = l->job.ask;
	struct tesla_reply reply = *came;
	int64_t began_us =
		came->sent_us != 0 ? came->sent_us : mono_us - 1000 * ask->look.timeout_ms;
	int64_t until_us = began_us + answer_within_us(l, ask);

	reply.status = status_of(&ask->look, came);
	if (reply.status == TESLA_REPLY_OK || reply.status == TESLA_REPLY_EXCEPTION)
		heard(l, ask->look.address);
	else if (l->pub.kind != TESLA_LINE_TCP && until_us > l->drain_until_us)
		l->drain_until_us = until_us;
	l->looks.ended_us = l->drain_until_us > mono_us ? l->drain_until_us : mono_us;
	l->looks.share_at_us = l->looks.ended_us + OTHERS * (l->looks.ended_us - began_us);
	l->job.ask = NULL;
	line_job_drop(l);
	line_report_look(l, ask, &reply, err);
}

int64_t line_look_linger_us(const struct line *l)
{
	return l->looks.ended_us == 0 ? 0 : l->looks.ended_us + LINGER_US;
}
