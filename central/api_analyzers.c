/* SPDX-License-Identifier: Apache-2.0 */
/* Analyzers of nodes, as the registry has them: lists, and who is accepted or refused. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/api.h"
#include "central/api_help.h"

static void period_pack(msgpack_packer *pk, const char *key, int64_t ms)
{
	mp_str(pk, key);
	if (ms > 0)
		(void)msgpack_pack_int64(pk, ms);
	else
		(void)msgpack_pack_nil(pk);
}

static void analyzer_pack(msgpack_packer *pk, const struct registry_analyzer *a)
{
	(void)msgpack_pack_map(pk, 9);
	mp_key_str(pk, "node", a->node);
	mp_key_int(pk, "analyzer", a->addr);
	pack_text_or_nil(pk, "model", a->model);
	pack_text_or_nil(pk, "name", a->name);
	pack_text_or_nil(pk, "identity", a->identity);
	mp_key_str(pk, "state", registry_state_name(a->state));
	period_pack(pk, "poll_ms", a->poll_ms);
	period_pack(pk, "record_ms", a->record_ms);
	mp_key_int(pk, "first_seen_ms", a->first_seen_ms);
}

struct analyzer_page {
	const char *node, *after_node; /* NULL: all; from the beginning */
	int64_t after_addr;
	const char *state;
	size_t limit;
};

static bool is_behind(const struct analyzer_page *p, const struct registry_analyzer *a)
{
	int order = p->after_node != NULL ? strcmp(a->node, p->after_node) : 1;

	return order > 0 || (order == 0 && a->addr > p->after_addr);
}

static bool is_shown(const struct call *c, const struct analyzer_page *p,
		     const struct registry_analyzer *a)
{
	return (p->node == NULL || strcmp(p->node, a->node) == 0) &&
	       (p->state == NULL || strcmp(p->state, registry_state_name(a->state)) == 0) &&
	       is_behind(p, a) && auth_may(&c->who, AUTH_READ, a->node);
}

static void analyzers_answer(struct call *c, const struct analyzer_page *p)
{
	const struct registry *r = c->app->registry;
	const struct registry_analyzer **page = calloc(p->limit, sizeof *page);
	char next[REGISTRY_ID_MAX + 32] = "";
	msgpack_packer pk;
	struct buf out;
	size_t n = 0;

	if (page == NULL) {
		call_busy(c);
		return;
	}
	for (size_t i = 0; i < registry_n_analyzers(r) && next[0] == '\0'; i++) {
		const struct registry_analyzer *a = registry_analyzer_at(r, i);

		if (!is_shown(c, p, a))
			continue;
		if (n == p->limit)
			(void)snprintf(next, sizeof next, "%s/%" PRId64, page[n - 1]->node,
				       page[n - 1]->addr);
		else
			page[n++] = a;
	}
	buf_init(&out, CALL_ANSWER_MAX);
	mp_writer(&pk, &out);
	(void)msgpack_pack_map(&pk, 2);
	mp_str(&pk, "analyzers");
	(void)msgpack_pack_array(&pk, n);
	for (size_t i = 0; i < n; i++)
		analyzer_pack(&pk, page[i]);
	pack_text_or_nil(&pk, "next", next);
	free(page);
	call_answer_ok(c, &out);
}

static void analyzers_list(struct call *c, const char *node)
{
	struct analyzer_page p = { .node = node, .state = request_query(c->request, "state") };
	const char *after = request_query(c->request, "after");
	char of[REGISTRY_ID_MAX + 32];
	struct tesla_error err = { 0 };
	char *slash;

	if (call_limit(c, &p.limit, &err) != 0) {
		call_fail(c, &err);
		return;
	}
	if (after != NULL) { /* NODE/ANALYZER, as `next` had it */
		(void)snprintf(of, sizeof of, "%s", after);
		slash = strchr(of, '/');
		if (slash == NULL) {
			call_error(c, 400, "after: expected what \"next\" of the page before is");
			return;
		}
		*slash = '\0';
		p.after_node = of;
		p.after_addr = strtoll(slash + 1, NULL, 10);
	}
	analyzers_answer(c, &p);
}

void api_analyzers_get(struct call *c)
{
	analyzers_list(c, request_query(c->request, "node"));
}

void api_node_analyzers_get(struct call *c)
{
	if (registry_node(c->app->registry, c->args[0]) == NULL)
		call_error(c, 404, "there is no node %.80s", c->args[0]);
	else
		analyzers_list(c, c->args[0]);
}

static bool address_parse_of(struct call *c, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(c->args[1], &end, 10);
	return errno == 0 && c->args[1][0] >= '0' && c->args[1][0] <= '9' && *end == '\0';
}

static void analyzer_answer(struct call *c, const char *node, int64_t addr)
{
	const struct registry_analyzer *a = registry_analyzer(c->app->registry, node, addr);
	msgpack_packer pk;
	struct buf out;

	if (a == NULL) {
		call_error(c, 404, "node %.80s has no analyzer %" PRId64, node, addr);
		return;
	}
	buf_init(&out, CALL_ANSWER_MAX);
	mp_writer(&pk, &out);
	analyzer_pack(&pk, a);
	call_answer_ok(c, &out);
}

void api_analyzer_get(struct call *c)
{
	int64_t addr;

	if (address_parse_of(c, &addr))
		analyzer_answer(c, c->args[0], addr);
	else
		call_error(c, 404, "an analyzer has a number");
}

struct analyzer_change {
	const char *node;
	int64_t addr;
	enum registry_state state;
};

static int analyzer_make(struct change *ch, struct registry_db *db, const struct registry_actor *by,
			 struct tesla_error *err)
{
	const struct analyzer_change *a = ch->arg;

	return registry_analyzer_set(db, by, a->node, a->addr, a->state, err);
}

static void analyzer_made(struct change *ch, struct call *c)
{
	const struct analyzer_change *a = ch->arg;

	analyzer_answer(c, a->node, a->addr);
}

static int analyzer_sent(struct change *ch, struct call *c, struct tesla_error *err)
{
	static const char *const keys[] = { "state", NULL };
	struct analyzer_change *a = ch->arg;
	const char *state = NULL;
	struct sent sent;
	int r = sent_read(c, &sent, err);

	if (r != 0)
		return r;
	r = sent_check(&sent, keys, err);
	if (r == 0)
		r = sent_text(&sent, "state", &ch->memory, &state, err);
	sent_release(&sent);
	if (r != 0)
		return r;
	if (state != NULL && strcmp(state, "active") == 0)
		a->state = REGISTRY_IS_ACTIVE;
	else if (state != NULL && strcmp(state, "refused") == 0)
		a->state = REGISTRY_IS_REFUSED;
	else
		return tesla_fail(err, -EINVAL, "state: expected active or refused");
	return 0;
}

void api_analyzer_patch(struct call *c)
{
	struct tesla_error err = { 0 };
	struct analyzer_change *a;
	struct change *ch;
	int64_t addr;

	if (!address_parse_of(c, &addr)) {
		call_error(c, 404, "an analyzer has a number");
		return;
	}
	ch = change_new(c, sizeof *a);
	if (ch == NULL)
		return;
	a = ch->arg;
	a->node = arena_strdup(&ch->memory, c->args[0]);
	a->addr = addr;
	if (a->node == NULL || analyzer_sent(ch, c, &err) != 0) {
		change_drop(ch, &err);
		return;
	}
	ch->make = analyzer_make;
	ch->answer = analyzer_made;
	change_submit(ch);
}
