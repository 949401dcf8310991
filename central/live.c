/* SPDX-License-Identifier: Apache-2.0 */
/* The table of what is known now: sorted lists, and of each reading one block of memory. */
#include "central/live.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define BRAKE_BURST 10
#define BRAKE_EACH_MS 60000
#define LATE_MS 60000 /* older by less than that: it came by a slower way */

struct live {
	struct live_node **nodes; /* by id */
	size_t n_nodes;
	size_t n_readings, max;
	uint64_t refused;
};

const char *const live_presence_names[] = { "unknown", "up", "down" };

/* ---- sorted lists ---- */

/* Where `key` is, or belongs. */
static size_t place(const void *key, const void *list, size_t n, size_t size,
		    int (*compare)(const void *key, const void *thing))
{
	size_t low = 0;

	while (low < n) {
		size_t middle = low + (n - low) / 2;

		if (compare(key, (const char *)list + middle * size) > 0)
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

/* Room for one more at `at`; false: no memory. */
static bool make_room(void **list, size_t n, size_t at, size_t size)
{
	char *longer = *list;

	if ((n & (n - 1)) == 0) { /* grows at each power of two */
		longer = reallocarray(*list, n == 0 ? 1 : 2 * n, size);
		if (longer == NULL)
			return false;
		*list = longer;
	}
	memmove(longer + (at + 1) * size, longer + at * size, (n - at) * size);
	memset(longer + at * size, 0, size);
	return true;
}

static void close_room(void *list, size_t n, size_t at, size_t size)
{
	char *bytes = list;

	memmove(bytes + at * size, bytes + (at + 1) * size, (n - at - 1) * size);
}

static int compare_node(const void *key, const void *thing)
{
	struct live_node *const *n = thing;

	return strcmp(key, (*n)->id);
}

static int compare_analyzer(const void *key, const void *thing)
{
	struct live_analyzer *const *a = thing;
	int64_t addr = *(const int64_t *)key;

	return addr < (*a)->addr ? -1 : addr > (*a)->addr;
}

static int compare_value(const void *key, const void *thing)
{
	const struct live_value *v = thing;

	return strcmp(key, v->reading.variable);
}

/* ---- memory ---- */

struct live *live_new(size_t readings_max)
{
	struct live *l = calloc(1, sizeof *l);

	if (l != NULL)
		l->max = readings_max;
	return l;
}

static void analyzer_free(struct live *l, struct live_analyzer *a)
{
	for (size_t i = 0; i < a->n_values; i++)
		free(a->values[i].block);
	l->n_readings -= a->n_values;
	free(a->values);
	free(a->state);
	free(a->reason);
	free(a);
}

static void node_free(struct live *l, struct live_node *n)
{
	for (size_t i = 0; i < n->n_analyzers; i++)
		analyzer_free(l, n->analyzers[i]);
	free(n->analyzers);
	free(n->reason);
	free(n->id);
	free(n);
}

void live_free(struct live *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n_nodes; i++)
		node_free(l, l->nodes[i]);
	free(l->nodes);
	free(l);
}

/* ---- nodes ---- */

size_t live_n_nodes(const struct live *l)
{
	return l->n_nodes;
}

const struct live_node *live_node_at(const struct live *l, size_t i)
{
	return l->nodes[i];
}

static size_t node_place(const struct live *l, const char *id, bool *there)
{
	size_t at = place(id, l->nodes, l->n_nodes, sizeof *l->nodes, compare_node);

	*there = at < l->n_nodes && strcmp(l->nodes[at]->id, id) == 0;
	return at;
}

struct live_node *live_find(const struct live *l, const char *node)
{
	bool there;
	size_t at = node_place(l, node, &there);

	return there ? l->nodes[at] : NULL;
}

struct live_node *live_node(struct live *l, const char *node)
{
	bool there;
	size_t at = node_place(l, node, &there);
	struct live_node *n;

	if (there)
		return l->nodes[at];
	n = calloc(1, sizeof *n);
	if (n != NULL)
		n->id = strdup(node);
	if (n == NULL || n->id == NULL ||
	    !make_room((void **)&l->nodes, l->n_nodes, at, sizeof(struct live_node *))) {
		if (n != NULL)
			free(n->id);
		free(n);
		return NULL;
	}
	l->nodes[at] = n;
	l->n_nodes++;
	return n;
}

void live_forget(struct live *l, const char *node)
{
	bool there;
	size_t at = node_place(l, node, &there);

	if (!there)
		return;
	node_free(l, l->nodes[at]);
	close_room(l->nodes, l->n_nodes--, at, sizeof(struct live_node *));
}

/* ---- whether it is there ---- */

static void text_set(char **to, const char *from)
{
	free(*to);
	*to = from != NULL ? strdup(from) : NULL;
}

void live_followed(struct live_node *n, bool up, const char *reason)
{
	n->follows = up;
	n->followed_down = !up;
	text_set(&n->reason, reason);
}

void live_not_followed(struct live_node *n)
{
	live_followed(n, false, "its stream is not followed any more");
	n->followed_down = n->presence != LIVE_UNKNOWN;
}

void live_posted(struct live_node *n, int64_t now_ms)
{
	n->posted_ms = now_ms > 0 ? now_ms : 1;
}

static enum live_presence presence_of(const struct live_node *n, int64_t now_ms)
{
	if (n->follows || (n->posted_ms > 0 && now_ms - n->posted_ms <= LIVE_SILENT_MS))
		return LIVE_UP;
	return n->followed_down || n->posted_ms > 0 ? LIVE_DOWN : LIVE_UNKNOWN;
}

enum live_turn live_judge(struct live_node *n, int64_t now_ms, int64_t utc_ms)
{
	enum live_presence was = n->presence, is = presence_of(n, now_ms);

	if (was == is)
		return LIVE_SAME;
	n->presence = is;
	n->since_ms = utc_ms;
	if (is == LIVE_UP)
		text_set(&n->reason, NULL);
	else if (n->reason == NULL)
		text_set(&n->reason, "nothing has come from it for 3 s");
	if (is == LIVE_UP)
		return was == LIVE_DOWN ? LIVE_BACK : LIVE_CAME;
	return was == LIVE_UP ? LIVE_GONE : LIVE_SAME;
}

bool live_epoch(struct live_node *n, int64_t epoch_ms)
{
	bool another = n->epoch_ms != 0 && n->epoch_ms != epoch_ms;

	n->epoch_ms = epoch_ms;
	return another;
}

bool live_brake(struct live_brake *b, int64_t now_ms, uint64_t *left_out)
{
	int64_t from_ms = b->busy_until_ms > now_ms ? b->busy_until_ms : now_ms;

	if (from_ms - now_ms > (BRAKE_BURST - 1) * (int64_t)BRAKE_EACH_MS) {
		b->left_out++;
		return false;
	}
	b->busy_until_ms = from_ms + BRAKE_EACH_MS;
	*left_out = b->left_out;
	b->left_out = 0;
	return true;
}

/* ---- analyzers ---- */

static size_t analyzer_place(const struct live_node *n, int64_t addr, bool *there)
{
	size_t at =
		place(&addr, n->analyzers, n->n_analyzers, sizeof *n->analyzers, compare_analyzer);

	*there = at < n->n_analyzers && n->analyzers[at]->addr == addr;
	return at;
}

struct live_analyzer *live_analyzer(const struct live_node *n, int64_t addr)
{
	bool there;
	size_t at = analyzer_place(n, addr, &there);

	return there ? n->analyzers[at] : NULL;
}

static struct live_analyzer *analyzer_need(struct live_node *n, int64_t addr)
{
	bool there;
	size_t at = analyzer_place(n, addr, &there);
	struct live_analyzer *a;

	if (there)
		return n->analyzers[at];
	a = calloc(1, sizeof *a);
	if (a == NULL || !make_room((void **)&n->analyzers, n->n_analyzers, at,
				    sizeof(struct live_analyzer *))) {
		free(a);
		return NULL;
	}
	a->addr = addr;
	n->analyzers[at] = a;
	n->n_analyzers++;
	return a;
}

void live_forget_analyzer(struct live *l, struct live_node *n, int64_t addr)
{
	bool there;
	size_t at = analyzer_place(n, addr, &there);

	if (!there)
		return;
	analyzer_free(l, n->analyzers[at]);
	close_room(n->analyzers, n->n_analyzers--, at, sizeof(struct live_analyzer *));
}

bool live_state(struct live_node *n, int64_t addr, const char *state, const char *reason,
		int64_t t_ms)
{
	struct live_analyzer *a = analyzer_need(n, addr);
	bool another;

	if (a == NULL || (t_ms < a->state_t_ms && a->state_t_ms - t_ms < LATE_MS))
		return false;
	another = a->state == NULL || strcmp(a->state, state) != 0;
	text_set(&a->state, state);
	text_set(&a->reason, reason);
	a->state_t_ms = t_ms;
	return another;
}

/* ---- readings ---- */

static size_t text_size(const char *text)
{
	return text != NULL ? strlen(text) + 1 : 0;
}

static const char *text_put(char **at, const char *text)
{
	size_t size = text_size(text);
	const char *put = *at;

	if (size == 0)
		return NULL;
	memcpy(*at, text, size);
	*at += size;
	return put;
}

/* One block: elements, pointers to labels, texts.  False: no memory. */
static bool reading_copy(struct live_value *to, const struct tesla_client_reading *r)
{
	size_t n = r->n_elements, n_labels = r->labels != NULL ? n : 0;
	size_t size = n * sizeof *r->elements + n_labels * sizeof *r->labels +
		      text_size(r->variable) + text_size(r->unit) + text_size(r->error);
	struct tesla_element *elements;
	const char **labels;
	char *texts;

	for (size_t i = 0; i < n_labels; i++)
		size += text_size(r->labels[i]);
	elements = malloc(size);
	if (elements == NULL)
		return false;
	memcpy(elements, r->elements, n * sizeof *elements);
	labels = (const char **)(void *)(elements + n);
	texts = (char *)(labels + n_labels);
	for (size_t i = 0; i < n_labels; i++)
		labels[i] = text_put(&texts, r->labels[i]);
	to->reading = *r;
	to->reading.elements = elements;
	to->reading.labels = n_labels > 0 ? labels : NULL;
	to->reading.variable = text_put(&texts, r->variable);
	to->reading.unit = text_put(&texts, r->unit);
	to->reading.error = text_put(&texts, r->error);
	to->block = elements;
	return true;
}

static size_t value_place(const struct live_analyzer *a, const char *variable, bool *there)
{
	size_t at = place(variable, a->values, a->n_values, sizeof *a->values, compare_value);

	*there = at < a->n_values && strcmp(a->values[at].reading.variable, variable) == 0;
	return at;
}

const struct live_value *live_value(const struct live_analyzer *a, const char *variable)
{
	bool there;
	size_t at = value_place(a, variable, &there);

	return there ? &a->values[at] : NULL;
}

static enum live_outcome refuse(struct live *l, enum live_outcome why)
{
	l->refused++;
	return why;
}

static enum live_outcome put_again(struct live *l, struct live_value *v,
				   const struct tesla_client_reading *r, int64_t now_ms)
{
	struct tesla_client_reading with = *r;
	struct live_value next = { .seen_ms = now_ms };

	if (r->epoch_ms == v->reading.epoch_ms && r->k <= v->reading.k)
		return LIVE_OLD;
	if (r->labels == NULL && r->n_elements == v->reading.n_elements)
		with.labels = v->reading.labels;
	if (r->t_ms > v->reading.t_ms)
		next.pace_ms = r->t_ms - v->reading.t_ms;
	if (!reading_copy(&next, &with))
		return refuse(l, LIVE_NO_MEMORY);
	free(v->block);
	*v = next;
	return LIVE_NEW;
}

enum live_outcome live_put(struct live *l, struct live_node *n,
			   const struct tesla_client_reading *r, int64_t now_ms)
{
	struct live_analyzer *a = analyzer_need(n, r->analyzer);
	struct live_value v = { .seen_ms = now_ms };
	bool there;
	size_t at;

	if (a == NULL)
		return refuse(l, LIVE_NO_MEMORY);
	at = value_place(a, r->variable, &there);
	if (there)
		return put_again(l, &a->values[at], r, now_ms);
	if (a->n_values == LIVE_VARIABLES_MAX || l->n_readings >= l->max)
		return refuse(l, LIVE_FULL);
	if (!reading_copy(&v, r))
		return refuse(l, LIVE_NO_MEMORY);
	if (!make_room((void **)&a->values, a->n_values, at, sizeof *a->values)) {
		free(v.block);
		return refuse(l, LIVE_NO_MEMORY);
	}
	a->values[at] = v;
	a->n_values++;
	l->n_readings++;
	return LIVE_NEW;
}

bool live_is_stale(const struct live_node *n, const struct live_analyzer *a,
		   const struct live_value *v, int64_t now_ms)
{
	return n->presence != LIVE_UP || v->reading.epoch_ms != n->epoch_ms ||
	       (a->state != NULL && strcmp(a->state, "online") != 0) ||
	       (v->pace_ms > 0 && now_ms - v->seen_ms > LIVE_MISSED * v->pace_ms + LIVE_SILENT_MS);
}

size_t live_count(const struct live *l)
{
	return l->n_readings;
}

uint64_t live_refused(const struct live *l)
{
	return l->refused;
}
