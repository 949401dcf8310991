/* SPDX-License-Identifier: Apache-2.0 */
/* What the core asks of one analyzer now, before anything that is due. */
#include "host/line_parts.h"

struct analyzer *line_analyzer(const struct line *l, int64_t id)
{
	for (size_t i = 0; i < l->n_analyzers; i++)
		if (l->analyzers[i]->id == id)
			return l->analyzers[i];
	return NULL;
}

bool line_wanted(const struct line *l)
{
	if (l->job.kind != JOB_NONE || l->asks != NULL || l->looks.first != NULL)
		return true;
	for (size_t i = 0; i < l->n_analyzers; i++)
		if (!l->analyzers[i]->held)
			return true;
	return false;
}

static bool needs_meter(const struct ask *ask)
{
	return ask->what != ASK_HOLD && ask->what != ASK_RELEASE;
}

/* A line that waits to be opened again does not let who asks wait. */
static void open_now(struct line *l, int64_t mono_us)
{
	if (l->state != LINE_OPEN)
		l->open_at_us = mono_us;
}

void line_ask(struct line *l, struct ask *ask, int64_t mono_us)
{
	struct ask **end = &l->asks;

	if (ask->what == ASK_LOOK) {
		line_look_add(l, ask, mono_us);
		open_now(l, mono_us);
		return;
	}
	while (*end != NULL)
		end = &(*end)->next;
	ask->next = NULL;
	*end = ask;
	if (needs_meter(ask))
		open_now(l, mono_us);
}

/* Why the meter cannot be asked; NULL: it can. */
static const char *obstacle(const struct line *l, const struct analyzer *a, const struct ask *ask)
{
	if (a == NULL)
		return "the analyzer is on this line no longer";
	if (a->state == ANALYZER_FAILED)
		return "one of the analyzer's plugins failed";
	if (ask->what == ASK_LOOK && ask->look.who &&
	    l->drivers[a->driver].plugin->driver.identify == NULL)
		return "the driver cannot ask a meter who it is";
	if ((ask->what == ASK_IDENTIFY || ask->what == ASK_ACCEPT) &&
	    !enquiry_possible(a, &l->drivers[a->driver].plugin->driver))
		return "the driver cannot ask a meter who it is";
	return NULL;
}

static void hold(struct line *l, struct analyzer *a, bool held, int64_t mono_us)
{
	bool changes = a->held != held;

	a->held = held;
	if (!changes)
		return;
	if (!held) {
		line_release(a);
		open_now(l, mono_us);
	}
	line_report_plan(l); /* its share of the line's time */
}

static void looks_settle(struct line *l)
{
	while (l->looks.first != NULL) {
		struct ask *ask = l->looks.first;
		const char *why = obstacle(l, line_analyzer(l, ask->analyzer), ask);

		if (why == NULL)
			return;
		l->looks.first = ask->next;
		line_report_answer(l, ask, why);
	}
}

void line_asks_settle(struct line *l, int64_t mono_us)
{
	looks_settle(l);
	while (l->asks != NULL) {
		struct ask *ask = l->asks;
		struct analyzer *a = line_analyzer(l, ask->analyzer);
		const char *why = NULL;

		if (a == NULL || needs_meter(ask))
			why = obstacle(l, a, ask);
		if (why == NULL && needs_meter(ask))
			return;
		l->asks = ask->next;
		if (why == NULL)
			hold(l, a, ask->what == ASK_HOLD, mono_us);
		line_report_answer(l, ask, why);
	}
}

void line_asks_fail(struct line *l, const char *why)
{
	struct ask **at = &l->asks;

	while (*at != NULL) {
		struct ask *ask = *at;

		if (!needs_meter(ask) && !l->ending) {
			at = &ask->next;
			continue;
		}
		*at = ask->next;
		line_report_answer(l, ask, why);
	}
	while (l->looks.first != NULL) {
		struct ask *ask = l->looks.first;

		l->looks.first = ask->next;
		line_report_answer(l, ask, why);
	}
}
