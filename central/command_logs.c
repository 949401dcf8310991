/* SPDX-License-Identifier: Apache-2.0 */
/* `tesla-central audit` and `tesla-central events`: what happened, the newest first. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/grid.h"
#include "central/registry_pack.h"
#include "central/verb.h"

#define LIMIT 50

static int print_entry(void *arg, const struct registry_entry *e, struct tesla_error *err)
{
	struct grid *g = arg;
	msgpack_packer *pk = grid_packer(g);
	char at[GRID_TIME];

	if (pk != NULL) {
		registry_pack_entry(pk, e);
		return grid_json(g, err);
	}
	grid_time(e->at_ms, at);
	grid_row(g, (const char *[]){ at, e->what, e->who, e->from, e->node, e->text });
	return 0;
}

static int parse_limit(const char *text, size_t *ret, struct tesla_error *err)
{
	char *end;
	unsigned long long n;

	*ret = LIMIT;
	if (text == NULL)
		return 0;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || strspn(text, "0123456789") == 0 || n < 1 || n > SIZE_MAX)
		return tesla_fail(err, -EINVAL, "--limit %s: expected a number from 1", text);
	*ret = (size_t)n;
	return 0;
}

static int run(struct verb_call *c, enum registry_log log, struct tesla_error *err)
{
	static const char *const heads[] = { "time", "what", "who", "from", "node", "text" };
	uint64_t n_damaged = 0;
	struct registry_log_query q = { .log = log, .n_damaged = &n_damaged };
	struct tesla_error ignored;
	struct grid g;
	int r = parse_limit(c->options[VERB_LIMIT], &q.max, err), end;

	if (r != 0)
		return r;
	grid_init(&g, c->options[VERB_JSON] != NULL, heads, N_ELEMENTS(heads));
	r = registry_log_walk(c->db, &q, print_entry, &g, err);
	end = grid_end(&g, r == 0 ? err : &ignored);
	if (n_damaged > 0)
		(void)fprintf(stderr, "tesla-central: %" PRIu64 " damaged entries left out\n",
			      n_damaged);
	return r != 0 ? r : end != 0 ? end : n_damaged > 0 ? COMMAND_PARTLY : 0;
}

static int run_audit(struct verb_call *c, struct tesla_error *err)
{
	return run(c, REGISTRY_AUDIT, err);
}

static int run_events(struct verb_call *c, struct tesla_error *err)
{
	return run(c, REGISTRY_EVENTS, err);
}

#define LOG_OPTIONS (VERB_TAKES(VERB_JSON) | VERB_TAKES(VERB_LIMIT))

static const struct verb audit = {
	"audit", run_audit, LOG_OPTIONS, NULL, "Prints who changed what.", 0, 0, false
};
static const struct verb events = {
	"events", run_events, LOG_OPTIONS, NULL, "Prints what happened to nodes and analyzers.",
	0,	  0,	      false
};

int command_audit(const struct command_conf *conf, int argc, char **argv)
{
	return verb_call(conf, argc, argv, &audit);
}

int command_events(const struct command_conf *conf, int argc, char **argv)
{
	return verb_call(conf, argc, argv, &events);
}
