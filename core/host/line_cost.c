/* SPDX-License-Identifier: Apache-2.0 */
/* What a transaction costs on a line, in characters and in what was measured. */
#include <string.h>

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

#define FRAME_CHARS 13 /* Modbus: request 8 and reply 5, without registers */
#define COMMAND_CHARS \
	12 /* begin, address, sum and end of both; the CVMk's, and much like others' */

static double bits_us(const struct line *l, double bits)
{
	return l->params.baud > 0 ? bits * 1e6 / (double)l->params.baud : 0;
}

/* A character is 11 bits on an RTU line whatever the setting. */
static double char_us(const struct line *l)
{
	return bits_us(l, 11);
}

/* Of a command it is what the line is set to, if that is known: a start bit and the rest. */
static double text_char_us(const struct line *l)
{
	const struct line_params *p = &l->params;

	if (p->bits == 0)
		return char_us(l);
	return bits_us(l, 1 + (double)p->bits + (p->parity != LINE_PARITY_N) + (double)p->stop);
}

/* 3.5 characters, but 1.75 ms above 19200 Bd. */
static double silence_us(const struct line *l)
{
	return l->params.baud > 19200 ? 1750 : 3.5 * char_us(l);
}

/* The characters, and a silence before the request and before the reply; a register is two. */
struct plan_cost line_cost(const struct line *l, const struct analyzer *a)
{
	double quiet_us = 2 * silence_us(l) + a->turnaround_us + (double)line_pause_us(l, a);

	return (struct plan_cost){
		.c0_us = FRAME_CHARS * char_us(l) + quiet_us,
		.c1_us = l->params.baud > 0 ? 2 * char_us(l) : 1,
		.max_registers = a->max_registers,
		.command_us = COMMAND_CHARS * text_char_us(l) + quiet_us,
		.char_us = text_char_us(l),
	};
}

/* Between the first byte of a request and the last of its reply, but for the meter's turnaround. */
static double wire_us(const struct line *l, const struct tesla_block *what)
{
	if (what != NULL && what->command != NULL)
		return (double)(COMMAND_CHARS + strlen(what->command) + what->count) *
			       text_char_us(l) +
		       silence_us(l);
	return (FRAME_CHARS + 2.0 * (what != NULL ? what->count : 0)) * char_us(l) + silence_us(l);
}

void line_observe(struct line *l, const struct tesla_reply *reply, const struct tesla_block *what)
{
	struct job *job = &l->job;
	double took = (double)(reply->received_us - reply->sent_us);

	job->counts.bus_us += (int64_t)(took + silence_us(l));
	if (job->phase == PHASE_READ)
		job->read_us += (int64_t)(took + silence_us(l));
	if (reply->status == TESLA_REPLY_OK)
		analyzer_observe(job->a, took - wire_us(l, what));
}

/* By then the meter has said what it had to say to this request. */
int64_t line_reply_within_us(const struct line *l, const struct analyzer *a,
			     const struct tesla_block *what)
{
	int64_t timeout_us = 1000 * l->params.timeout_ms;
	int64_t us = (int64_t)(wire_us(l, what) + 3 * a->turnaround_us);

	return us < timeout_us ? us : timeout_us;
}
