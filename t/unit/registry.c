/* SPDX-License-Identifier: Apache-2.0 */
/* The registry: what is changed is there, in memory after a refresh, and in every process. */
#include "registry_fixture.h"

/* ---- nodes ---- */

Test(registry, a_node_is_there_after_a_refresh_and_a_restart)
{
	struct rig g;
	struct registry_node_change c = { .name = "Roof",
					  .location = "Barcelona",
					  .control = "tcp://meter.example:9000",
					  .control_key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7",
					  .stream = "ipc:///run/tesla/stream",
					  .zone = "Europe/Madrid",
					  .unknown = "pending",
					  .v2_allow = "192.0.2.0/24, 2001:db8::1" };
	struct peer p;

	rig_init(&g);
	GOOD(registry_node_add(g.db, &me, "4", &c, &g.err));
	cr_assert_null(registry_node(g.reg, "4"), "before a refresh");
	refresh(&g, 1);
	refresh(&g, 0);
	for (int i = 0; i < 2; i++) {
		const struct registry_node *n = registry_node(g.reg, "4");

		cr_assert_not_null(n);
		cr_assert_eq(n->row, 1);
		cr_assert_str_eq(n->id, "4");
		cr_assert_str_eq(n->name, "Roof");
		cr_assert_str_eq(n->location, "Barcelona");
		cr_assert_str_eq(n->control, c.control);
		cr_assert_str_eq(n->control_key, c.control_key);
		cr_assert_str_eq(n->stream, c.stream);
		cr_assert_str_eq(n->zone, c.zone);
		cr_assert_eq(n->unknown, REGISTRY_PENDING);
		cr_assert_eq(n->v2_allow.n, 2);
		cr_assert_str_eq(n->v2_allow.list[1], "2001:db8::1");
		cr_assert_eq(n->created_ms, 1000);
		cr_assert_eq(registry_node_by_row(g.reg, 1), n);
		cr_assert(peer_parse("192.0.2.9", &p) && registry_v2_allows(g.reg, "4", &p));
		cr_assert_eq(registry_v2_find(g.reg, &p), n);
		cr_assert(peer_parse("192.0.3.9", &p) && !registry_v2_allows(g.reg, "4", &p));
		cr_assert_null(registry_v2_find(g.reg, &p));
		rig_close(&g);
		rig_open(&g, false);
	}
	/* What is NULL stays. */
	GOOD(registry_node_set(g.db, &me, "4",
			       &(struct registry_node_change){ .name = "", .v2_allow = "" },
			       &g.err));
	refresh(&g, 1);
	cr_assert_str_eq(registry_node(g.reg, "4")->name, "");
	cr_assert_str_eq(registry_node(g.reg, "4")->location, "Barcelona");
	cr_assert_eq(registry_node(g.reg, "4")->v2_allow.n, 0);
	cr_assert(peer_parse("192.0.2.9", &p) && !registry_v2_allows(g.reg, "4", &p));
	cr_assert_null(registry_v2_find(g.reg, &p));
	rig_release(&g);
}

static const struct node_case {
	const char *id;
	struct registry_node_change c;
} bad_nodes[] = {
	{ "", { 0 } },
	{ "a/b", { 0 } },
	{ "a,b", { 0 } },
	{ "..", { 0 } },
	{ " a", { 0 } },
	{ "a\n", { 0 } },
	{ "\xff", { 0 } },
	{ "a", { .name = "\x1b[2J" } },
	{ "a", { .control = "http://x" } },
	{ "a", { .control = "ipc://relative" } },
	{ "a", { .control = "tcp://host" } },
	{ "a", { .control = "tcp://host:0" } },
	{ "a", { .control = "tcp://ho st:1" } },
	{ "a", { .control = "tcp://host:9000" } }, /* without a key */
	{ "a", { .control_key = "short" } },
	{ "a", { .stream = "tcp://:1" } },
	{ "a", { .zone = "Europe/Nowhere" } },
	{ "a", { .zone = "../../etc/passwd" } },
	{ "a", { .zone = "/etc/passwd" } },
	{ "a", { .zone = "Europe" } },
	{ "a", { .unknown = "maybe" } },
	{ "a", { .v2_allow = "192.0.2.1/24" } },
	{ "a", { .v2_allow = "192.0.2.1,,192.0.2.2" } },
	{ "a", { .v2_allow = "example.org" } },
};

Test(registry, what_is_no_node_is_refused)
{
	char id[REGISTRY_ID_MAX + 2], allow[1000] = "";
	struct rig g;

	rig_init(&g);
	for (size_t i = 0; i < N_ELEMENTS(bad_nodes); i++) {
		int r = registry_node_add(g.db, &me, bad_nodes[i].id, &bad_nodes[i].c, &g.err);

		cr_assert_eq(r, -EINVAL, "row %zu: %d", i, r);
		cr_assert(strlen(g.err.text) > 10);
	}
	memset(id, 'x', sizeof id - 1);
	id[sizeof id - 1] = '\0';
	BAD(node_add(&g, id), -EINVAL);
	cr_assert_null(registry_node(g.reg, id));
	cr_assert_null(registry_analyzer(g.reg, id, 1));
	id[REGISTRY_ID_MAX] = '\0';
	GOOD(node_add(&g, id));
	BAD(node_add(&g, id), -EEXIST);
	for (int i = 0; i <= 64; i++)
		(void)snprintf(allow + strlen(allow), sizeof allow - strlen(allow), "%s::1",
			       i > 0 ? "," : "");
	BAD(registry_node_set(g.db, &me, id, &(struct registry_node_change){ .v2_allow = allow },
			      &g.err),
	    -EINVAL);
	BAD(registry_node_set(g.db, &me, "5", &(struct registry_node_change){ 0 }, &g.err),
	    -ENOENT);
	BAD(registry_node_remove(g.db, &me, "5", &g.err), -ENOENT);
	refresh(&g, 1);
	cr_assert_eq(registry_n_nodes(g.reg), 1);
	cr_assert_not_null(registry_node(g.reg, id));
	rig_release(&g);
}

/* ---- analyzers ---- */

static void contact(struct rig *g, const char *node, struct registry_contact *c, int want)
{
	int r = registry_contact(g->db, &me, node, c, 1, &g->err);

	cr_assert_eq(r, want, "%d: %s", r, g->err.text);
}

Test(registry, an_unknown_analyzer_comes_in_by_the_nodes_policy)
{
	static const struct {
		const char *policy;
		enum registry_state state;
	} cases[] = { { "auto", REGISTRY_IS_ACTIVE },
		      { "pending", REGISTRY_IS_PENDING },
		      { "refuse", REGISTRY_IS_REFUSED } };
	struct rig g;

	rig_init(&g);
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct registry_contact c = { .addr = 7,
					      .model = "CVM-C10",
					      .name = "Main",
					      .identity = "A 1",
					      .poll_ms = 1000,
					      .record_ms = 60000,
					      .state = 99 };
		const struct registry_analyzer *a;

		GOOD(registry_node_add(g.db, &me, cases[i].policy,
				       &(struct registry_node_change){ .unknown = cases[i].policy },
				       &g.err));
		contact(&g, cases[i].policy, &c, 0);
		cr_assert_eq(c.state, cases[i].state);
		refresh(&g, 1);
		a = registry_analyzer(g.reg, cases[i].policy, 7);
		cr_assert_not_null(a);
		cr_assert_eq(a->row, i + 1);
		cr_assert_eq(registry_analyzer_by_row(g.reg, a->row), a);
		cr_assert_str_eq(a->model, "CVM-C10");
		cr_assert_str_eq(a->name, "Main");
		cr_assert_str_eq(a->identity, "A 1");
		cr_assert_eq(a->poll_ms, 1000);
		cr_assert_eq(a->record_ms, 60000);
		cr_assert_eq(a->state, cases[i].state);
		/* Again: nothing is written. */
		unsigned before = entries(&g, REGISTRY_AUDIT);

		c.state = 99;
		cr_assert(!registry_is_news(g.reg, cases[i].policy, &c));
		cr_assert_eq(c.state, cases[i].state);
		c.state = 99;
		contact(&g, cases[i].policy, &c, 0);
		cr_assert_eq(c.state, cases[i].state);
		cr_assert_eq(entries(&g, REGISTRY_AUDIT), before);
		refresh(&g, 0);
		/* An operator has the last word. */
		GOOD(registry_analyzer_set(g.db, &me, cases[i].policy, 7, REGISTRY_IS_ACTIVE,
					   &g.err));
		contact(&g, cases[i].policy, &c, 0);
		cr_assert_eq(c.state, REGISTRY_IS_ACTIVE);
	}
	cr_assert_eq(entries(&g, REGISTRY_EVENTS), 3);
	rig_release(&g);
}

Test(registry, what_an_analyzer_says_anew_is_kept)
{
	struct registry_contact first = { .addr = 1, .model = "A", .poll_ms = 1000 },
				second = { .addr = 1, .identity = "serial 1" },
				third = { .addr = 1, .identity = "serial 2", .record_ms = 900000 },
				bad = { .addr = 0 };
	char text[400];
	struct registry_contact odd = { .addr = INT64_MAX, .model = "\x1b[2J\xff", .name = text };
	const struct registry_analyzer *a;
	struct rig g;

	memset(text, 'y', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	rig_init(&g);
	GOOD(node_add(&g, "4"));
	cr_assert(registry_is_news(g.reg, "4", &first));
	contact(&g, "4", &first, 0);
	refresh(&g, 1);
	cr_assert(!registry_is_news(g.reg, "4", &first));
	cr_assert(registry_is_news(g.reg, "4", &second));
	contact(&g, "4", &second, 0);
	cr_assert_eq(entries(&g, REGISTRY_EVENTS), 1, "it came in, and no more");
	contact(&g, "4", &third, 0);
	cr_assert_eq(entries(&g, REGISTRY_EVENTS), 2, "another meter is an event");
	refresh(&g, 1);
	a = registry_analyzer(g.reg, "4", 1);
	cr_assert_str_eq(a->model, "A");
	cr_assert_str_eq(a->identity, "serial 2");
	cr_assert_eq(a->poll_ms, 1000);
	cr_assert_eq(a->record_ms, 900000);
	contact(&g, "4", &bad, -EINVAL);
	contact(&g, "5", &first, -ENOENT);
	contact(&g, "4", &odd, 0);
	refresh(&g, 1);
	a = registry_analyzer(g.reg, "4", INT64_MAX);
	cr_assert_str_eq(a->model, "?[2J?");
	cr_assert_eq(strlen(a->name), REGISTRY_TEXT_MAX);
	contact(&g, "4", &odd, 0);
	refresh(&g, 0);
	cr_assert(!registry_is_news(g.reg, "4", &odd), "as it was cleaned");
	odd.record_ms = 1;
	cr_assert(registry_is_news(g.reg, "4", &odd));
	BAD(registry_analyzer_set(g.db, &me, "4", 2, REGISTRY_IS_ACTIVE, &g.err), -ENOENT);
	rig_release(&g);
}

Test(registry, a_node_has_so_many_analyzers_at_most)
{
	struct registry_contact *c = calloc(REGISTRY_NODE_ANALYZERS_MAX + 1, sizeof *c), other;
	size_t first;
	struct rig g;

	rig_init(&g);
	GOOD(node_add(&g, "4"));
	GOOD(node_add(&g, "44"));
	for (uint32_t i = 0; i <= REGISTRY_NODE_ANALYZERS_MAX; i++)
		c[i] = (struct registry_contact){ .addr = i + 1 };
	GOOD(registry_contact(g.db, &me, "4", c, REGISTRY_NODE_ANALYZERS_MAX + 1, &g.err));
	cr_assert_eq(c[0].state, REGISTRY_IS_ACTIVE);
	cr_assert_eq(c[REGISTRY_NODE_ANALYZERS_MAX].state, REGISTRY_IS_REFUSED);
	other = (struct registry_contact){ .addr = 5 };
	contact(&g, "44", &other, 0);
	cr_assert_eq(other.state, REGISTRY_IS_ACTIVE);
	refresh(&g, 1);
	cr_assert_eq(registry_n_analyzers(g.reg), REGISTRY_NODE_ANALYZERS_MAX + 1);
	cr_assert_eq(registry_analyzers_of(g.reg, "4", &first), REGISTRY_NODE_ANALYZERS_MAX);
	cr_assert_eq(first, 0);
	cr_assert_eq(registry_analyzers_of(g.reg, "44", &first), 1);
	cr_assert_eq(registry_analyzer_at(g.reg, first)->addr, 5);
	cr_assert_eq(registry_analyzers_of(g.reg, "40", &first), 0);
	cr_assert(!registry_is_news(g.reg, "4", &c[REGISTRY_NODE_ANALYZERS_MAX]), "no more fit");
	cr_assert_eq(c[REGISTRY_NODE_ANALYZERS_MAX].state, REGISTRY_IS_REFUSED);
	for (size_t i = 1; i < REGISTRY_NODE_ANALYZERS_MAX; i++)
		cr_assert(registry_analyzer_at(g.reg, i - 1)->addr <
			  registry_analyzer_at(g.reg, i)->addr);
	free(c);
	rig_release(&g);
}

/* Its number is nobody else's, and whoever was limited to it is not free of limits. */
Test(registry, a_node_goes_with_what_is_its_own)
{
	struct registry_contact c = { .addr = 1 };
	char secret[REGISTRY_TOKEN_TEXT], other[REGISTRY_TOKEN_TEXT];
	struct rig g;

	rig_init(&g);
	GOOD(node_add(&g, "4"));
	GOOD(node_add(&g, "40"));
	contact(&g, "4", &c, 0);
	contact(&g, "40", &c, 0);
	GOOD(user_add(&g, "ana", "viewer", "4"));
	GOOD(registry_token_add(g.db, &me, &(struct registry_token_new){ .node = "4" }, secret,
				&g.err));
	GOOD(registry_token_add(g.db, &me, &(struct registry_token_new){ .node = "40" }, other,
				&g.err));
	refresh(&g, 1);
	cr_assert_not_null(registry_token_by_secret(g.reg, secret));
	GOOD(registry_node_remove(g.db, &me, "4", &g.err));
	refresh(&g, 1);
	cr_assert_null(registry_node(g.reg, "4"));
	cr_assert_null(registry_node_by_row(g.reg, 1));
	cr_assert_null(registry_analyzer(g.reg, "4", 1));
	cr_assert_null(registry_analyzer_by_row(g.reg, 1));
	cr_assert_null(registry_token_by_secret(g.reg, secret));
	cr_assert_not_null(registry_token_by_secret(g.reg, other));
	cr_assert_not_null(registry_analyzer(g.reg, "40", 1));
	cr_assert_eq(registry_user(g.reg, "ana")->nodes.n, 1);
	GOOD(node_add(&g, "4"));
	contact(&g, "4", &c, 0);
	refresh(&g, 1);
	cr_assert_eq(registry_node(g.reg, "4")->row, 3);
	cr_assert_eq(registry_analyzer(g.reg, "4", 1)->row, 3);
	rig_release(&g);
}

/* ---- users ---- */

Test(registry, users)
{
	static const bool yes = true, no = false;
	const struct registry_user *u;
	int64_t credential;
	struct rig g;

	rig_init(&g);
	GOOD(node_add(&g, "4"));
	GOOD(registry_user_add(g.db, &me, "root",
			       &(struct registry_user_change){
				       .hash = HASH, .role = "administrator", .first = true },
			       &g.err));
	BAD(registry_user_add(g.db, &me, "root2",
			      &(struct registry_user_change){
				      .hash = HASH, .role = "administrator", .first = true },
			      &g.err),
	    -EEXIST);
	GOOD(user_add(&g, "ana", "operator", "4"));
	BAD(user_add(&g, "ana", "viewer", NULL), -EEXIST);
	BAD(user_add(&g, "bea", "viewer", "4,5"), -ENOENT);
	BAD(user_add(&g, "bea", "nobody", NULL), -EINVAL);
	BAD(user_add(&g, "bea", "administrator", "4"), -EINVAL);
	BAD(user_add(&g, "b\ta", "viewer", NULL), -EINVAL);
	BAD(registry_user_add(g.db, &me, "bea",
			      &(struct registry_user_change){ .hash = "plain", .role = "viewer" },
			      &g.err),
	    -EINVAL);
	refresh(&g, 1);
	u = registry_user(g.reg, "ana");
	cr_assert_eq(u->role, REGISTRY_OPERATOR);
	cr_assert_str_eq(u->hash, HASH);
	cr_assert_str_eq(u->nodes.list[0], "4");
	credential = u->credential;
	/* The last administrator stays. */
	BAD(registry_user_remove(g.db, &me, "root", &g.err), -EPERM);
	BAD(user_set(&g, "root", (struct registry_user_change){ .role = "viewer" }), -EPERM);
	BAD(user_set(&g, "root", (struct registry_user_change){ .disabled = &yes }), -EPERM);
	BAD(user_set(&g, "ana", (struct registry_user_change){ .role = "administrator" }), -EINVAL);
	GOOD(user_set(&g, "ana",
		      (struct registry_user_change){ .role = "administrator", .nodes = "" }));
	GOOD(user_set(&g, "root", (struct registry_user_change){ .disabled = &yes }));
	BAD(user_set(&g, "ana", (struct registry_user_change){ .role = "viewer" }), -EPERM);
	GOOD(user_set(&g, "root", (struct registry_user_change){ .disabled = &no }));
	GOOD(user_set(&g, "ana", (struct registry_user_change){ .hash = HASH, .role = "viewer" }));
	/* Who compared a password changes that one only. */
	BAD(user_set(&g, "ana", (struct registry_user_change){ .hash = HASH, .if_hash = HASH "x" }),
	    -EPERM);
	GOOD(user_set(&g, "ana", (struct registry_user_change){ .hash = HASH, .if_hash = HASH }));
	refresh(&g, 1);
	u = registry_user(g.reg, "ana");
	cr_assert_eq(u->role, REGISTRY_VIEWER);
	cr_assert_eq(u->nodes.n, 0);
	cr_assert(u->credential > credential, "its sessions go on");
	GOOD(registry_user_remove(g.db, &me, "ana", &g.err));
	BAD(registry_user_remove(g.db, &me, "ana", &g.err), -ENOENT);
	GOOD(user_add(&g, "ana", "viewer", NULL));
	refresh(&g, 1);
	cr_assert_eq(registry_user(g.reg, "ana")->row, 3, "a session of the other is its own");
	cr_assert_eq(registry_n_users(g.reg), 2);
	cr_assert_str_eq(registry_user_at(g.reg, 0)->name, "ana");
	cr_assert_null(registry_user_at(g.reg, 2));
	rig_release(&g);
}

/* ---- tokens ---- */

Test(registry, tokens)
{
	static const struct registry_token_new bad[] = {
		{ 0 },
		{ .node = "4", .role = "viewer" },
		{ .node = "4", .nodes = "4" },
		{ .role = "administrator" },
		{ .role = "nobody" },
		{ .role = "" },
		{ .node = "" },
		{ .role = "viewer", .name = "\n" },
	};
	char secret[REGISTRY_TOKEN_TEXT], other[REGISTRY_TOKEN_TEXT];
	static const char zeros[REGISTRY_TOKEN_TEXT];
	const struct registry_token *t;
	struct rig g;

	rig_init(&g);
	GOOD(node_add(&g, "4"));
	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		BAD(registry_token_add(g.db, &me, &bad[i], secret, &g.err), -EINVAL);
	memset(secret, 'x', sizeof secret);
	BAD(registry_token_add(g.db, &me, &(struct registry_token_new){ .node = "5" }, secret,
			       &g.err),
	    -ENOENT);
	cr_assert_arr_eq(secret, zeros, sizeof zeros, "one that is stored nowhere");
	GOOD(registry_token_add(
		g.db, &me,
		&(struct registry_token_new){ .role = "viewer", .nodes = "4", .name = "Grafana" },
		secret, &g.err));
	GOOD(registry_token_add(g.db, &me, &(struct registry_token_new){ .node = "4" }, other,
				&g.err));
	refresh(&g, 1);
	t = registry_token_by_secret(g.reg, secret);
	cr_assert_not_null(t);
	cr_assert_str_eq(t->name, "Grafana");
	cr_assert_eq(t->role, REGISTRY_VIEWER);
	cr_assert_str_eq(t->node, "");
	cr_assert_eq(t->nodes.n, 1);
	cr_assert(strncmp(secret + 3, t->id, strlen(t->id)) == 0);
	t = registry_token_by_secret(g.reg, other);
	cr_assert_str_eq(t->node, "4");
	cr_assert_eq(t->role, REGISTRY_NOBODY);
	/* The id of one with the secret of another. */
	memcpy(secret, other, 14);
	cr_assert_null(registry_token_by_secret(g.reg, secret));
	cr_assert_null(registry_token_by_secret(g.reg, ""));
	GOOD(registry_token_revoke(g.db, &me, t->id, &g.err));
	GOOD(registry_token_revoke(g.db, &me, t->id, &g.err));
	BAD(registry_token_revoke(g.db, &me, "none", &g.err), -ENOENT);
	cr_expect(strstr(g.err.text, "none") != NULL);
	BAD(registry_token_revoke(g.db, &me, secret, &g.err), -ENOENT);
	cr_expect(strstr(g.err.text, secret + 20) == NULL, "%s", g.err.text);
	refresh(&g, 1);
	cr_assert_null(registry_token_by_secret(g.reg, other));
	cr_assert_eq(registry_n_tokens(g.reg), 2);
	rig_release(&g);
}

/* Nothing on the disk is worth stealing. */
Test(registry, secrets_are_not_on_the_disk)
{
	char secret[REGISTRY_TOKEN_TEXT], path[128];
	_cleanup_free_ char *all = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	struct rig g;
	size_t n;

	rig_init(&g);
	GOOD(node_add(&g, "4"));
	GOOD(registry_token_add(g.db, &me, &(struct registry_token_new){ .node = "4" }, secret,
				&g.err));
	(void)snprintf(path, sizeof path, "%s/registry/data.mdb", g.dir);
	f = fopen(path, "re");
	all = malloc(1 << 20);
	cr_assert(f != NULL && all != NULL);
	n = fread(all, 1, 1 << 20, f);
	cr_assert(n > 4096 && n < 1 << 20);
	cr_assert_null(memmem(all, n, secret + 14, strlen(secret + 14)));
	rig_release(&g);
}

/* ---- logs ---- */

struct walk {
	uint64_t seqs[10];
	size_t n;
	char who[40], text[200];
};

static int note(void *arg, const struct registry_entry *e, struct tesla_error *err)
{
	struct walk *w = arg;

	(void)err;
	if (w->n < 10)
		w->seqs[w->n] = e->seq;
	w->n++;
	(void)snprintf(w->who, sizeof w->who, "%s", e->who);
	(void)snprintf(w->text, sizeof w->text, "%s", e->text);
	return 0;
}

Test(registry, changes_are_in_the_audit_log)
{
	struct registry_log_query q = { .log = REGISTRY_AUDIT, .max = 1 };
	struct walk w = { .n = 0 };
	struct rig g;

	rig_init(&g);
	GOOD(registry_node_add(g.db, &(struct registry_actor){ "user ana", "192.0.2.1", 5 }, "4",
			       &(struct registry_node_change){ .name = "Roof" }, &g.err));
	BAD(node_add(&g, "4"), -EEXIST);
	GOOD(registry_log_walk(g.db, &q, note, &w, &g.err));
	cr_assert_str_eq(w.who, "user ana");
	cr_assert_str_eq(w.text, "name=Roof");
	cr_assert_eq(entries(&g, REGISTRY_AUDIT), 1, "what was refused changed nothing");
	GOOD(user_add(&g, "ana", "viewer", "4"));
	GOOD(registry_log_walk(g.db, &q, note, &w, &g.err));
	cr_assert_str_eq(w.text, "ana password role=viewer nodes=4");
	GOOD(registry_audit(g.db, &me, "login", "somebody\x1b[2J\n\xff", &g.err));
	GOOD(registry_log_walk(g.db, &q, note, &w, &g.err));
	cr_assert_str_eq(w.text, "somebody?[2J ?");
	cr_assert_eq(entries(&g, REGISTRY_EVENTS), 0);
	rig_release(&g);
}

Test(registry, logs_are_read_from_the_newest_on)
{
	struct registry_entry e[7] = { { .at_ms = 1, .what = "node.gone", .node = "4" } };
	struct registry_log_query q = { .log = REGISTRY_EVENTS, .max = 3 };
	struct walk w = { .n = 0 };
	struct rig g;

	for (int i = 1; i < 7; i++)
		e[i] = e[0];
	rig_init(&g);
	GOOD(registry_log_walk(g.db, &q, note, &w, &g.err));
	cr_assert_eq(w.n, 0);
	GOOD(registry_event(g.db, e, 7, &g.err));
	GOOD(registry_log_walk(g.db, &q, note, &w, &g.err));
	cr_assert(w.n == 3 && w.seqs[0] == 7 && w.seqs[2] == 5);
	q.before = 5;
	w.n = 0;
	GOOD(registry_log_walk(g.db, &q, note, &w, &g.err));
	cr_assert(w.n == 3 && w.seqs[0] == 4 && w.seqs[2] == 2);
	q.before = 1;
	w.n = 0;
	GOOD(registry_log_walk(g.db, &q, note, &w, &g.err));
	cr_assert_eq(w.n, 0);
	q.before = 1000;
	GOOD(registry_log_walk(g.db, &q, note, &w, &g.err));
	cr_assert_eq(w.seqs[0], 7);
	rig_release(&g);
}

Test(registry, logs_are_bounded, .timeout = 120)
{
	struct registry_log_query q = { .log = REGISTRY_EVENTS, .max = SIZE_MAX };
	struct registry_entry *e = calloc(5000, sizeof *e);
	struct walk w = { .n = 0 };
	struct rig g;

	rig_init(&g);
	for (int i = 0; i < 5000; i++)
		e[i] = (struct registry_entry){ .what = "node.gone", .text = "some text of it" };
	for (int i = 0; i < 21; i++)
		GOOD(registry_event(g.db, e, 5000, &g.err));
	GOOD(registry_log_walk(g.db, &q, note, &w, &g.err));
	cr_assert_eq(w.n, REGISTRY_LOG_MAX);
	cr_assert_eq(w.seqs[0], 105000);
	free(e);
	rig_release(&g);
}
