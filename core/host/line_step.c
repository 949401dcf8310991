/* SPDX-License-Identifier: Apache-2.0 */
/* What the answer to one transaction of a plan means, and what a refusal teaches about a model. */
#include "host/line_parts.h"
#include "host/sweep.h"

void job_error(struct job *job, int code, const char *text)
{
	if (job->error.code == 0)
		(void)tesla_fail(&job->error, code != 0 ? code : -1, "%s", text);
}

static void forbid(struct line *l, uint16_t function, uint32_t first, uint32_t last)
{
	struct kind *kind = l->job.a->kind;
	struct model_range range = { function, (uint16_t)first, (uint16_t)last };
	struct frame f;

	if (kind_forbid(kind, range) != 0)
		return;
	l->job.learned = true;
	msgpack_packer *pk = report_begin(l->gather->to, &f, "forbidden", 5);

	mp_key_str(pk, "model", kind->model->pub.name);
	mp_key_int(pk, "function", function);
	mp_key_int(pk, "first", first);
	mp_key_int(pk, "last", last);
	report_end(l->gather->to, &f);
}

/* The meter takes no read as long as both halves; but a block is never cut. */
static void learn_limit(struct job *job, uint32_t limit)
{
	for (size_t i = 0; i < job->a->n_blocks; i++)
		if (job->a->blocks[i].count > limit)
			limit = job->a->blocks[i].count;
	if (analyzer_limit(job->a, limit))
		job->learned = true;
}

/* Both halves of a refused read were answered: what lies between them is what was refused. */
static void learn_gap(struct line *l)
{
	struct job *job = &l->job;
	const struct transaction *right = &job->plan->list[job->step];
	const struct transaction *left = job->step > 0 ? right - 1 : right;
	uint32_t end = (uint32_t)left->what.address + left->what.count;

	if (left == right || right->split == 0 || left->split != right->split || !left->ok)
		return;
	if (end < right->what.address)
		forbid(l, right->what.function, end, (uint32_t)right->what.address - 1);
	else
		learn_limit(job, left->what.count > right->what.count ? left->what.count
								      : right->what.count);
}

static enum step_end step_ok(struct line *l, const struct tesla_reply *reply)
{
	struct job *job = &l->job;
	struct transaction *t = &job->plan->list[job->step];

	job->answered = true;
	if (job->phase == PHASE_READ) {
		if (job->first_sent_us == 0)
			job->first_sent_us = reply->sent_us;
		job->last_received_us = reply->received_us;
		job->reads++;
	}
	t->ok = true;
	sweep_take(job->a, job->plan, t, reply);
	learn_gap(l);
	return STEP_DONE;
}

static enum step_end step_refused(struct line *l, const struct tesla_reply *reply,
				  const struct tesla_error *err)
{
	struct job *job = &l->job;
	struct transaction *t = &job->plan->list[job->step];
	struct tesla_error no_memory;

	job->answered = true;
	job->counts.exceptions++;
	if (reply->code == 2 && t->what.command == NULL) {
		if (t->n > 1 && plan_split(job->plan, job->step, job->a->blocks, &no_memory) == 0)
			return STEP_AGAIN;
		if (t->split != 0) /* refused alone as well: nothing is read together with it */
			forbid(l, t->what.function, t->what.address,
			       (uint32_t)t->what.address + t->what.count - 1);
	}
	sweep_take(job->a, job->plan, t, reply);
	job_error(job, err->code, err->text);
	return STEP_DONE;
}

/* Tried once more; garbled again, so would be the rest, at the cost of the neighbours. */
static enum step_end step_garbled(struct line *l, const struct tesla_error *err)
{
	struct job *job = &l->job;

	job->counts.garbled++;
	if (!job->retried) {
		job->retried = true;
		return STEP_AGAIN;
	}
	job_error(job, err->code, err->text);
	return STEP_CUT;
}

enum step_end line_step(struct line *l, const struct tesla_reply *reply,
			const struct tesla_error *err)
{
	switch (reply->status) {
	case TESLA_REPLY_OK:
		return step_ok(l, reply);
	case TESLA_REPLY_EXCEPTION:
		return step_refused(l, reply, err);
	default:
		return step_garbled(l, err);
	}
}
