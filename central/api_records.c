/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /api/v1/records: a body is taken apart, its analyzers are looked up or introduced, the rest
 * goes to the store, and each record gets its answer once the disk has it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/ahead.h"
#include "central/api.h"
#include "central/body.h"
#include "central/intake.h"

#define CONTACTS_MAX 256u /* new analyzers in a body */

struct taking {
	struct body body; /* its call is held until the end */
	struct pool_job pool;
	struct keeper_job job;
	struct intake in;
	struct tesla_error error;
	int result;
	/* What the store is handed: of each, where it stands in the body. */
	struct store_record *records;
	struct store_columns *columns;
	struct store_verdict *verdicts;
	size_t *places;
	enum intake_hold *holds; /* of what is in the body */
	struct registry_contact *contacts;
	size_t n_contacts;
	char actor[80], from[PEER_TEXT];
	int64_t now_ms;
};

static struct taking *taking_of(struct body *b)
{
	return (struct taking *)(void *)((char *)b - offsetof(struct taking, body));
}

static void taking_free(struct taking *t)
{
	if (t->verdicts != NULL)
		store_verdicts_release(t->verdicts, t->job.n + t->job.n_columns);
	intake_release(&t->in);
	body_release(&t->body);
	free(t->records);
	free(t->columns);
	free(t->verdicts);
	free(t->places);
	free(t->holds);
	free(t->contacts);
	free(t);
}

/* ---- the answer ---- */

static const char *hold_text(const struct taking *t, size_t i, char text[AHEAD_TEXT])
{
	static const char *const texts[] = {
		[INTAKE_BEHIND] = "one before it is to be stored first",
		[INTAKE_CONSENT] = "its analyzer waits until somebody accepts it",
		[INTAKE_CROWD] = "too many analyzers are new at once",
		[INTAKE_FULL] = "its node has as many analyzers as it may have",
	};

	if (t->holds[i] == INTAKE_GO)
		return NULL;
	if (t->holds[i] == INTAKE_AHEAD)
		return ahead_text(intake_who(&t->in, i).end_ms, t->now_ms, text);
	return texts[t->holds[i]];
}

static enum app_count outcome_pack(msgpack_packer *pk, const struct store_verdict *v,
				   const char *later, bool rows)
{
	const char *status = later != NULL		     ? "later"
			     : v->outcome == STORE_STORED    ? "stored"
			     : v->outcome == STORE_DUPLICATE ? "duplicate"
							     : "rejected";
	const char *reason = later != NULL		    ? later
			     : v->outcome != STORE_REJECTED ? NULL
			     : v->reason != NULL	    ? v->reason
							    : "no memory to say why";

	(void)msgpack_pack_map(pk, 1 + (reason != NULL ? 1 : 0) + (rows ? 2 : 0));
	mp_key_str(pk, "status", status);
	if (reason != NULL)
		mp_key_str(pk, "reason", reason);
	if (rows) {
		mp_key_int(pk, "stored", (int64_t)v->n_stored);
		mp_key_int(pk, "duplicate", (int64_t)v->n_duplicates);
	}
	return later != NULL		       ? APP_RECORDS_LATER
	       : v->outcome == STORE_STORED    ? APP_RECORDS_STORED
	       : v->outcome == STORE_DUPLICATE ? APP_RECORDS_DUPLICATE
					       : APP_RECORDS_REJECTED;
}

static void list_pack(struct taking *t, msgpack_packer *pk, size_t from, size_t n, bool rows)
{
	(void)msgpack_pack_array(pk, n);
	for (size_t i = from; i < from + n; i++) {
		char text[AHEAD_TEXT];
		const char *later = hold_text(t, i, text);

		t->body.call->app->counts[outcome_pack(pk, &t->in.verdicts[i], later, rows)]++;
	}
}

static void answer(struct taking *t)
{
	struct call *c = t->body.call;
	msgpack_packer pk;
	struct buf out;

	buf_init(&out, CALL_ANSWER_MAX);
	mp_writer(&pk, &out);
	(void)msgpack_pack_map(&pk, t->in.n_columns > 0 ? 2 : 1);
	mp_str(&pk, "results");
	list_pack(t, &pk, 0, t->in.n_records, false);
	if (t->in.n_columns > 0) {
		mp_str(&pk, "columns");
		list_pack(t, &pk, t->in.n_records, t->in.n_columns, true);
	}
	call_answer_ok(c, &out);
	taking_free(t);
}

static void answer_fail(struct taking *t)
{
	struct call *c = t->body.call;

	call_fail(c, &t->error);
	taking_free(t);
}

/* ---- the store ---- */

static void on_stored(struct keeper_job *job)
{
	struct taking *t = (struct taking *)(void *)((char *)job - offsetof(struct taking, job));

	if (job->result != 0) {
		t->error = job->error;
		t->error.code = job->result;
		answer_fail(t);
		return;
	}
	for (size_t i = 0; i < job->n + job->n_columns; i++) {
		t->in.verdicts[t->places[i]] = t->verdicts[i]; /* with its reason */
		t->verdicts[i].reason = NULL;
	}
	answer(t);
}

/* What is neither rejected nor has to wait. */
static int gather(struct taking *t)
{
	size_t n = t->in.n_records + t->in.n_columns;
	size_t at = 0;

	t->records = calloc(n + 1, sizeof *t->records);
	t->columns = calloc(n + 1, sizeof *t->columns);
	t->verdicts = calloc(n + 1, sizeof *t->verdicts);
	t->places = calloc(n + 1, sizeof *t->places);
	if (t->records == NULL || t->columns == NULL || t->verdicts == NULL || t->places == NULL)
		return tesla_fail(&t->error, -ENOMEM, "no memory");
	for (size_t i = 0; i < t->in.n_records; i++)
		if (t->in.records[i].record != NULL && t->holds[i] == INTAKE_GO) {
			t->places[at] = i;
			t->records[at++] = t->in.records[i];
			t->records[at - 1].node = t->body.node;
		}
	t->job.n = at;
	for (size_t i = 0; i < t->in.n_columns; i++)
		if (t->in.columns[i].n_rows > 0 && t->holds[t->in.n_records + i] == INTAKE_GO) {
			t->places[at] = t->in.n_records + i;
			t->columns[at - t->job.n] = t->in.columns[i];
			t->columns[at - t->job.n].node = t->body.node;
			at++;
		}
	t->job.n_columns = at - t->job.n;
	return 0;
}

static void submit(struct taking *t)
{
	if (gather(t) != 0) {
		answer_fail(t);
		return;
	}
	t->job.kind = KEEPER_APPEND;
	t->job.records = t->records;
	t->job.columns = t->columns;
	t->job.verdicts = t->verdicts;
	t->job.done = on_stored;
	if (t->job.n + t->job.n_columns == 0) {
		answer(t);
	} else if (!keeper_submit(t->body.call->app->keeper, &t->job)) {
		call_busy(t->body.call);
		taking_free(t);
	}
}

/* ---- its analyzers ---- */

static bool is_listed(const struct taking *t, int64_t analyzer)
{
	for (size_t i = 0; i < t->n_contacts; i++)
		if (t->contacts[i].addr == analyzer)
			return true;
	return false;
}

/*
 * Those of which something is new; what they say last counts the next time.  Of what is not taken
 * now nothing is learned.
 */
static int contacts_find(struct taking *t)
{
	const struct registry *r = t->body.call->app->registry;

	t->contacts = calloc(CONTACTS_MAX, sizeof *t->contacts);
	if (t->contacts == NULL)
		return tesla_fail(&t->error, -ENOMEM, "no memory");
	for (size_t i = 0; i < t->in.n_records + t->in.n_columns; i++) {
		struct intake_who w = intake_who(&t->in, i);
		struct registry_contact c = { .addr = w.analyzer,
					      .model = w.model,
					      .identity = w.identity };

		if (!w.there || t->holds[i] != INTAKE_GO || t->n_contacts == CONTACTS_MAX ||
		    is_listed(t, w.analyzer) || !registry_is_news(r, t->body.node, &c))
			continue;
		t->contacts[t->n_contacts++] = c;
	}
	return 0;
}

/* By what the registry has now; NULL: it did not come in. */
static bool is_refused(const struct taking *t, const struct registry_analyzer *a)
{
	const struct registry_node *n = registry_node(t->body.call->app->registry, t->body.node);

	return a != NULL ? a->state == REGISTRY_IS_REFUSED
			 : n == NULL || n->unknown == REGISTRY_REFUSE;
}

/*
 * Of one that is not refused.  There was no room for it among the contacts, or in the registry,
 * where an administrator can make some.  Behind one that waits, all of its analyzer wait.
 */
static enum intake_hold hold_of(const struct taking *t, size_t i, int64_t analyzer,
				const struct registry_analyzer *a)
{
	if (a != NULL)
		return a->state == REGISTRY_IS_PENDING ? INTAKE_CONSENT : t->holds[i];
	if (t->holds[i] != INTAKE_GO)
		return t->holds[i];
	return t->n_contacts == CONTACTS_MAX && !is_listed(t, analyzer) ? INTAKE_CROWD
									: INTAKE_FULL;
}

static void states_apply(struct taking *t)
{
	struct app *app = t->body.call->app;

	for (size_t i = 0; i < t->in.n_records + t->in.n_columns; i++) {
		struct intake_who w = intake_who(&t->in, i);
		const struct registry_analyzer *a;
		bool refused;

		if (!w.there)
			continue;
		a = registry_analyzer(app->registry, t->body.node, w.analyzer);
		refused = is_refused(t, a);
		t->holds[i] = refused ? INTAKE_GO : hold_of(t, i, w.analyzer, a);
		if (refused)
			intake_reject(&t->in, i, "analyzer %" PRId64 " of node %s is not taken",
				      w.analyzer, t->body.node);
		else if (a != NULL && t->holds[i] == INTAKE_AHEAD)
			app_say_ahead(app, a, w.end_ms, t->now_ms);
	}
	submit(t);
}

static void contact_work(struct pool_job *job)
{
	struct taking *t = job->arg;
	const struct registry_actor by = { t->actor, t->from, t->now_ms };

	t->result = registry_contact(t->body.call->app->registry_db, &by, t->body.node, t->contacts,
				     t->n_contacts, &t->error);
}

static void contact_done(struct pool_job *job)
{
	struct taking *t = job->arg;

	if (app_refresh(t->body.call->app) < 0 && t->result == 0)
		t->result = tesla_fail(&t->error, -EIO, "the registry cannot be read");
	if (t->result != 0)
		answer_fail(t);
	else
		states_apply(t);
}

static void introduce(struct taking *t)
{
	if (contacts_find(t) != 0) {
		answer_fail(t);
	} else if (t->n_contacts == 0) {
		states_apply(t);
	} else {
		t->pool = (struct pool_job){ .work = contact_work, .done = contact_done, .arg = t };
		pool_submit(t->body.call->app, &t->pool);
	}
}

/* ---- the body ---- */

static int on_read(struct body *b, const msgpack_object *o, const char **said,
		   struct tesla_error *err)
{
	struct taking *t = taking_of(b);
	int r = intake_read(o, &t->in, err);

	*said = t->in.node;
	return r;
}

static void on_body(struct body *b)
{
	struct taking *t = taking_of(b);

	t->holds = calloc(t->in.n_records + t->in.n_columns + 1, sizeof *t->holds);
	if (t->holds != NULL) {
		intake_hold(&t->in, t->now_ms, t->holds);
		introduce(t);
		return;
	}
	(void)tesla_fail(&t->error, -ENOMEM, "no memory");
	answer_fail(t);
}

static void on_over(struct body *b)
{
	taking_free(taking_of(b));
}

void api_records_post(struct call *c)
{
	struct taking *t = calloc(1, sizeof *t);

	if (t == NULL) {
		call_busy(c);
		return;
	}
	t->now_ms = app_wall_ms(c->app);
	(void)snprintf(t->actor, sizeof t->actor, "%s", c->who_text);
	(void)snprintf(t->from, sizeof t->from, "%s", request_peer(c->request));
	t->body = (struct body){
		.what = "records", .read = on_read, .done = on_body, .over = on_over
	};
	body_take(&t->body, c);
}
