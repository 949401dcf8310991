/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the line's state machine share (line.c, line_cost.c, line_pick.c,
 * line_step.c, line_look.c); nobody else's.
 */
#ifndef HOST_LINE_PARTS_H
#define HOST_LINE_PARTS_H

#include "host/line.h"

#define NEVER INT64_MAX

/* ---- line_cost.c ---- */
int64_t line_pause_us(const struct line *l, const struct analyzer *a);
/* Adds a reply's time to the job's, and the meter's turnaround to what is known of it. */
void line_observe(struct line *l, const struct tesla_reply *reply, const struct tesla_block *what);
/* After a request, by when a meter has said all that it has to say to it.  what: NULL is fine. */
int64_t line_reply_within_us(const struct line *l, const struct analyzer *a,
			     const struct tesla_block *what);

/* ---- line.c ---- */
void line_set_state(struct line *l, struct analyzer *a, enum analyzer_state state,
		    const char *reason);
/* Polled from now on, at once, and asked who it is before. */
void line_release(struct analyzer *a);
/* What is under way is given up; an ask goes back to the others. */
void line_job_drop(struct line *l);

/* ---- line_ask.c ---- */
/*
 * Does what needs no meter; then l->asks and l->looks, when they are not NULL, need one that can be
 * asked.
 */
void line_asks_settle(struct line *l, int64_t mono_us);
/* The analyzer has that id; NULL. */
struct analyzer *line_analyzer(const struct line *l, int64_t id);
/* Is there any analyzer that is polled, or anything to ask? */
bool line_wanted(const struct line *l);

/* ---- line_look.c ---- */
/* It is the line's, to be done when there is time. */
void line_look_add(struct line *l, struct ask *ask, int64_t mono_us);
/* May the first look go now?  The line has nothing to do before idle_until_us. */
bool line_look_fits(const struct line *l, int64_t mono_us, int64_t idle_until_us);
void line_look_start(struct line *l);
struct action line_look_action(struct line *l);
/* What came of the look that is under way, or broke it off. */
void line_look_done(struct line *l, const struct tesla_reply *reply, const struct tesla_error *err,
		    int64_t mono_us);
/* Nobody is polled, but somebody may look again soon: the line stays open until then. */
int64_t line_look_linger_us(const struct line *l);

/* ---- line_pick.c ---- */
/* Looks at both clocks: after a step deadlines are mapped anew. */
void line_clocks(struct line *l, int64_t mono_us, int64_t wall_us);
/* The analyzer whose turn it is, and what for; NULL: nothing to do before *until_us. */
struct analyzer *line_pick(const struct line *l, int64_t mono_us, int64_t wall_us,
			   enum job_kind *kind, int64_t *until_us);

/* ---- line_step.c ---- */
/* The job's first error is the one that is told. */
void job_error(struct job *job, int code, const char *text);
enum step_end {
	STEP_DONE,  /* the plan's next transaction */
	STEP_AGAIN, /* the same, perhaps in another form */
	STEP_CUT,   /* no further one: the meter is not to be understood now */
};
/* What an answer (also a refusal, or one that is garbled) to a transaction of the plan means. */
enum step_end line_step(struct line *l, const struct tesla_reply *reply,
			const struct tesla_error *err);

#endif
