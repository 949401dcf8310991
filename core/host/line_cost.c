/* SPDX-License-Identifier: Apache-2.0 */
/* What a transaction costs on a line, in characters and in what was measured. */
#include "host/line_parts.h"

int64_t line_late_max_ms(const struct line *l, const struct analyzer *a)
{
	if (l->params.late_max_ms >= 0)
		return l->params.late_max_ms;
	return a->kind->model->late_max_ms >= 0 ? a->kind->model->late_max_ms
						: l->params.timeout_ms;
}

int64_t line_pause_us(const struct line *l, const struct analyzer *a)
{
	int64_t model = a->kind->model->pause_ms, own = l->params.pause_ms;

	return 1000 * (model > own ? model : own);
}

/* ---- what a transaction costs ---- */

/* A character is 11 bits on an RTU line whatever the setting. */
static double char_us(const struct line *l)
{
	return l->params.baud > 0 ? 11e6 / (double)l->params.baud : 0;
}

/* 3.5 characters, but 1.75 ms above 19200 Bd. */
static double silence_us(const struct line *l)
{
	return l->params.baud > 19200 ? 1750 : 3.5 * char_us(l);
}

/* Request 8 and reply 5 characters and a silence before each; a register is two characters. */
struct plan_cost line_cost(const struct line *l, const struct analyzer *a)
{
	return (struct plan_cost){
		.c0_us = 13 * char_us(l) + 2 * silence_us(l) + a->turnaround_us +
			 (double)line_pause_us(l, a),
		.c1_us = l->params.baud > 0 ? 2 * char_us(l) : 1,
		.max_registers = a->max_registers,
	};
}

/* Between the first byte of a request and the last of its reply, but for the meter's turnaround. */
static double wire_us(const struct line *l, unsigned registers)
{
	return (13 + 2 * registers) * char_us(l) + silence_us(l);
}

void line_observe(struct line *l, const struct tesla_reply *reply, unsigned registers)
{
	struct job *job = &l->job;
	double took = (double)(reply->received_us - reply->sent_us);

	job->counts.bus_us += (int64_t)(took + silence_us(l));
	if (job->phase == PHASE_READ)
		job->read_us += (int64_t)(took + silence_us(l));
	if (reply->status == TESLA_REPLY_OK)
		analyzer_observe(job->a, took - wire_us(l, registers));
}

/* By then the meter has said what it had to say to this request. */
int64_t line_reply_within_us(const struct line *l, const struct analyzer *a, unsigned registers)
{
	int64_t timeout_us = 1000 * l->params.timeout_ms;
	int64_t us = (int64_t)(wire_us(l, registers) + 3 * a->turnaround_us);

	return us < timeout_us ? us : timeout_us;
}
