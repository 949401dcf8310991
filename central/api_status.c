/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/status and /metrics: one table of numbers, told in two ways. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/metrics_accept.h"
#include "base/metrics_process.h"
#include "base/metrics_text.h"
#include "central/api.h"
#include "central/api_help.h"
#include "central/care.h"
#include "central/passwords.h"
#include "central/said.h"
#include "central/watch.h"

#define INFO_MS 10000 /* counting what is in the store takes longer, the more there is */

struct numbers {
	struct store_info store;
	struct keeper_counts keeper;
	struct care_counts care;
	uint64_t damage;
	struct attempts_counts attempts;
	struct process_usage process;
	uint64_t waiting[N_KEEPER_KINDS], app[N_APP_COUNTS], http[N_HTTP_COUNTS];
	uint64_t connections, body_bytes, pieces, descriptors;
	uint64_t nodes, analyzers, users, tokens, damaged;
	struct watch_counts watch;
	uint64_t live_readings, nodes_followed, nodes_left_out, streams, stream_bytes;
	uint64_t sessions, sessions_pushed_out, addresses_pushed_out, passwords_refused;
};

struct row {
	const char *group, *key; /* in the status */
	struct metric_family family;
	size_t at; /* of a uint64_t in struct numbers */
};

#define ROW(GROUP, KEY, NAME, TYPE, AT, HELP) \
	{ \
		GROUP, KEY, { "tesla_central_" NAME, METRIC_##TYPE, HELP }, \
			offsetof(struct numbers, AT) \
	}

static const struct row rows[] = {
	/* groups together */
	ROW("store", "sets", "store_sets", GAUGE, store.n_sets, "Forms of records."),
	ROW("store", "blocks", "store_blocks", GAUGE, store.n_blocks, "Blocks."),
	ROW("store", "block_rows", "store_block_rows", GAUGE, store.block_rows,
	    "Records in blocks."),
	ROW("store", "block_bytes", "store_block_bytes", GAUGE, store.block_bytes,
	    "Bytes of blocks."),
	ROW("store", "samples", "store_samples", GAUGE, store.samples, "Numbers in blocks."),
	ROW("store", "recent_rows", "store_recent_rows", GAUGE, store.recent_rows,
	    "Records that are in no block yet."),
	ROW("store", "file_bytes", "store_file_bytes", GAUGE, store.file_bytes,
	    "Length of the store's file."),
	ROW("store", "used_bytes", "store_used_bytes", GAUGE, store.used_bytes,
	    "Bytes of it in use."),
	ROW("store", "map_bytes", "store_map_bytes", GAUGE, store.map_bytes,
	    "Its length at most; it grows."),
	ROW("store", "duplicates", "store_duplicates_total", COUNTER, store.duplicates,
	    "Records that were there already."),
	ROW("store", "transactions", "store_transactions_total", COUNTER, store.transactions,
	    "Transactions of the store."),
	ROW("store", "slow_transactions", "store_slow_transactions_total", COUNTER,
	    store.slow_transactions, "Transactions that took more than 20 ms."),
	ROW("keeper", "groups", "groups_total", COUNTER, keeper.groups,
	    "Groups of records, each with one sync."),
	ROW("keeper", "failed_groups", "failed_groups_total", COUNTER, keeper.failed_groups,
	    "Groups that the disk did not take."),
	ROW("keeper", "records", "group_records_total", COUNTER, keeper.records,
	    "Records in groups."),
	ROW("keeper", "rejected", "group_rejected_total", COUNTER, keeper.rejected,
	    "Records that the store rejected."),
	ROW("keeper", "appends_waiting", "appends_waiting", GAUGE, waiting[KEEPER_APPEND],
	    "Requests with records that wait for the store."),
	ROW("keeper", "reads_waiting", "reads_waiting", GAUGE, waiting[KEEPER_READ],
	    "Answers that wait for the store."),
	ROW("keeper", "appends_refused", "appends_refused_total", COUNTER,
	    keeper.refused[KEEPER_APPEND],
	    "Requests with records that were refused, as too many waited."),
	ROW("keeper", "reads_refused", "reads_refused_total", COUNTER, keeper.refused[KEEPER_READ],
	    "Answers that were refused, as too many waited."),
	ROW("keeper", "care_refused", "care_refused_total", COUNTER, keeper.refused[KEEPER_CARE],
	    "Work behind the others that was refused, as too much waited."),
	ROW("care", "compactions", "compactions_total", COUNTER, care.rounds[APP_COMPACTION],
	    "Rounds of compaction."),
	ROW("care", "compactions_failed", "compactions_failed_total", COUNTER,
	    care.failed[APP_COMPACTION], "Rounds of compaction that failed."),
	ROW("care", "rounds", "maintenance_rounds_total", COUNTER, care.rounds[APP_MAINTENANCE],
	    "Rounds of roll-ups and retention."),
	ROW("care", "failed", "maintenance_failed_total", COUNTER, care.failed[APP_MAINTENANCE],
	    "Rounds of roll-ups and retention that failed."),
	ROW("care", "buckets", "rollup_buckets_total", COUNTER, care.done.buckets,
	    "Buckets of roll-ups that were made."),
	ROW("care", "late_buckets", "rollup_late_buckets_total", COUNTER, care.done.late,
	    "Of them: anew, since a record came late."),
	ROW("care", "rows_gone", "rows_gone_total", COUNTER, care.done.rows_gone,
	    "Recent records that were removed by age."),
	ROW("care", "blocks_gone", "blocks_gone_total", COUNTER, care.done.blocks_gone,
	    "Blocks that were removed by age."),
	ROW("care", "damage", "damage_total", COUNTER, damage,
	    "How often something damaged was met."),
	ROW("records", "stored", "records_stored_total", COUNTER, app[APP_RECORDS_STORED],
	    "Records that were stored."),
	ROW("records", "duplicate", "records_duplicate_total", COUNTER, app[APP_RECORDS_DUPLICATE],
	    "Records that came again."),
	ROW("records", "rejected", "records_rejected_total", COUNTER, app[APP_RECORDS_REJECTED],
	    "Records that were rejected."),
	ROW("records", "later", "records_later_total", COUNTER, app[APP_RECORDS_LATER],
	    "Records to come again: an analyzer waits for consent or room, or a clock is wrong."),
	ROW("http", "requests", "http_requests_total", COUNTER, http[HTTP_REQUESTS], "Requests."),
	ROW("http", "accepted", "http_connections_total", COUNTER, http[HTTP_CONNECTIONS],
	    "Connections that were accepted."),
	ROW("http", "connections", "http_connections", GAUGE, connections,
	    "Connections there are."),
	ROW("http", "body_bytes", "http_body_bytes", GAUGE, body_bytes,
	    "Bytes of bodies that are held."),
	ROW("http", "answers_under_way", "http_answers_under_way", GAUGE, pieces,
	    "Answers that are being read from the store."),
	ROW("http", "deadlines", "http_deadlines_total", COUNTER, http[HTTP_DEADLINES],
	    "Connections cut, as a client took too long."),
	ROW("http", "bodies_too_long", "http_bodies_too_long_total", COUNTER,
	    http[HTTP_BODY_TOO_LONG], "Bodies that were too long."),
	ROW("http", "bodies_full", "http_bodies_full_total", COUNTER, http[HTTP_BODIES_FULL],
	    "Bodies refused, as all together were too long."),
	ROW("http", "gone", "http_gone_total", COUNTER, http[HTTP_GONE],
	    "Clients that left before their answer was whole."),
	ROW("http", "failed", "http_failed_total", COUNTER, app[APP_FAILED],
	    "Requests answered 503, or cut off, as the store or the disk failed."),
	ROW("http", "busy", "http_busy_total", COUNTER, app[APP_BUSY],
	    "Requests answered 503, as too many waited."),
	ROW("http", "not_let_in", "http_not_let_in_total", COUNTER, app[APP_NOT_LET_IN],
	    "Requests answered 401 or 403."),
	ROW("http", "too_often", "http_too_often_total", COUNTER, app[APP_TOO_OFTEN],
	    "Requests answered 429."),
	ROW("http", "addresses_pushed_out", "http_addresses_pushed_out_total", COUNTER,
	    addresses_pushed_out,
	    "Addresses whose requests are counted anew, as there were too many."),
	ROW("registry", "nodes", "nodes", GAUGE, nodes, "Nodes."),
	ROW("registry", "analyzers", "analyzers", GAUGE, analyzers, "Analyzers."),
	ROW("registry", "users", "users", GAUGE, users, "Users."),
	ROW("registry", "tokens", "tokens", GAUGE, tokens, "Tokens, be they revoked."),
	ROW("registry", "damaged", "registry_damaged", GAUGE, damaged,
	    "Entries of the registry that are damaged."),
	ROW("sessions", "open", "sessions", GAUGE, sessions, "Sessions of browsers."),
	ROW("sessions", "pushed_out", "sessions_pushed_out_total", COUNTER, sessions_pushed_out,
	    "Sessions ended, as there were too many."),
	ROW("sessions", "attempts", "attempts_total", COUNTER, attempts.allowed,
	    "Passwords that were looked at."),
	ROW("sessions", "failed", "attempts_failed_total", COUNTER, attempts.failed,
	    "Passwords that were wrong."),
	ROW("sessions", "slowed", "attempts_slowed_total", COUNTER, attempts.slowed,
	    "Attempts that have to wait."),
	ROW("sessions", "attempts_pushed_out", "attempts_pushed_out_total", COUNTER,
	    attempts.pushed_out, "Attempts forgotten, as there were too many."),
	ROW("sessions", "passwords_refused", "passwords_refused_total", COUNTER, passwords_refused,
	    "Passwords not looked at, as too many waited."),
	ROW("live", "readings", "live_readings", GAUGE, live_readings,
	    "Last readings that are kept."),
	ROW("live", "taken", "live_taken_total", COUNTER, watch.taken, "Readings that were new."),
	ROW("live", "refused", "live_refused_total", COUNTER, watch.refused,
	    "Readings that were not kept: too many, or of analyzers that are not taken."),
	ROW("live", "bad", "live_bad_total", COUNTER, watch.bad, "Messages that made no sense."),
	ROW("live", "gaps", "live_gaps_total", COUNTER, watch.gaps,
	    "Messages of nodes that never came."),
	ROW("live", "nodes_followed", "nodes_followed", GAUGE, nodes_followed,
	    "Nodes whose stream is followed."),
	ROW("live", "nodes_left_out", "nodes_left_out", GAUGE, nodes_left_out,
	    "Nodes whose stream is not followed, as there are too many."),
	ROW("live", "events_braked", "events_braked_total", COUNTER, watch.braked,
	    "Events left out, as there were too many of the same thing."),
	ROW("live", "events_lost", "events_lost_total", COUNTER, watch.events_lost,
	    "Events that could not be written."),
	ROW("streams", "clients", "streams", GAUGE, streams, "Clients of the event stream."),
	ROW("streams", "bytes", "stream_bytes", GAUGE, stream_bytes, "Bytes that wait for them."),
	ROW("streams", "opened", "streams_total", COUNTER, watch.streams.opened,
	    "Event streams that were begun."),
	ROW("streams", "refused", "streams_refused_total", COUNTER, watch.streams.refused,
	    "Event streams that were refused, as there were too many."),
	ROW("streams", "missed", "stream_missed_total", COUNTER, watch.streams.missed,
	    "Messages that clients did not take in time."),
	ROW("process", "descriptors", "process_open_fds", GAUGE, descriptors,
	    "Descriptors that are open."),
	ROW("process", "resident_bytes", "process_resident_memory_bytes", GAUGE,
	    process.resident_bytes, "Resident memory."),
	ROW("process", "virtual_bytes", "process_virtual_memory_bytes", GAUGE,
	    process.virtual_bytes, "Virtual memory."),
};

struct asking {
	struct call *call; /* held */
	struct keeper_job job;
	struct store_counting *counting; /* NULL: not begun */
	struct store_info info;
	bool metrics;
};

/* ---- telling ---- */

static void numbers_take(struct app *app, const struct store_info *info, struct numbers *n)
{
	*n = (struct numbers){
		.store = *info,
		.connections = http_connections(app->http),
		.body_bytes = http_body_bytes(app->http),
		.pieces = app->n_pieces,
		.nodes = registry_n_nodes(app->registry),
		.analyzers = registry_n_analyzers(app->registry),
		.users = registry_n_users(app->registry),
		.tokens = registry_n_tokens(app->registry),
		.damaged = registry_damaged(app->registry),
		.sessions = sessions_count(app->sessions),
		.sessions_pushed_out = sessions_pushed_out(app->sessions),
		.addresses_pushed_out = limit_pushed_out(app->requests),
		.passwords_refused = passwords_refused(app->passwords),
	};
	keeper_count(app->keeper, &n->keeper);
	care_count(app, &n->care);
	watch_count(app->watch, &n->watch);
	n->live_readings = n->watch.readings;
	n->nodes_followed = n->watch.nodes_followed;
	n->nodes_left_out = n->watch.nodes_left_out;
	n->streams = n->watch.streams.clients;
	n->stream_bytes = n->watch.streams.bytes;
	n->damage = said_count(app->said);
	attempts_count(app->attempts, &n->attempts);
	for (int i = 0; i < N_KEEPER_KINDS; i++)
		n->waiting[i] = n->keeper.waiting[i];
	for (int i = 0; i < N_HTTP_COUNTS; i++)
		n->http[i] = http_counted(app->http, (enum http_count)i);
	memcpy(n->app, app->counts, sizeof n->app);
	(void)process_usage(getpid(), &n->process);
	(void)process_descriptors(&n->descriptors);
}

static uint64_t number_at(const struct numbers *n, const struct row *row)
{
	uint64_t v;

	memcpy(&v, (const char *)n + row->at, sizeof v);
	return v;
}

static size_t group_size(size_t at)
{
	size_t n = 1;

	while (at + n < N_ELEMENTS(rows) && strcmp(rows[at + n].group, rows[at].group) == 0)
		n++;
	return n;
}

static void status_answer(struct call *c, const struct numbers *n)
{
	msgpack_packer pk;
	struct buf out;
	size_t groups = 0;

	for (size_t i = 0; i < N_ELEMENTS(rows); i += group_size(i))
		groups++;
	buf_init(&out, CALL_ANSWER_MAX);
	mp_writer(&pk, &out);
	(void)msgpack_pack_map(&pk, groups + 2);
	mp_key_str(&pk, "version", PACKAGE_VERSION);
	mp_key_int(&pk, "now_ms", app_wall_ms(c->app));
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		if (i == 0 || strcmp(rows[i].group, rows[i - 1].group) != 0) {
			mp_str(&pk, rows[i].group);
			(void)msgpack_pack_map(&pk, group_size(i));
		}
		mp_str(&pk, rows[i].key);
		(void)msgpack_pack_uint64(&pk, number_at(n, &rows[i]));
	}
	call_answer_ok(c, &out);
}

static void metrics_answer(struct call *c, const struct numbers *n)
{
	static const struct metric_family build = { "tesla_central_build_info", METRIC_GAUGE,
						    "What runs." };
	static const struct metric_family cpu = { "tesla_central_process_cpu_seconds_total",
						  METRIC_COUNTER, "Time of processors." };
	const struct metric_label version[] = { { "version", PACKAGE_VERSION }, { 0 } };
	const struct metric_label none[] = { { 0 } };
	enum metrics_format format = metrics_accept(request_header(c->request, "Accept"));
	struct metrics_text text;
	struct buf out;

	buf_init(&out, CALL_ANSWER_MAX);
	metrics_text_init(&text, &out, format);
	metrics_text_family(&text, &build);
	metrics_text_count(&text, version, 1);
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		metrics_text_family(&text, &rows[i].family);
		metrics_text_count(&text, none, number_at(n, &rows[i]));
	}
	metrics_text_family(&text, &cpu);
	metrics_text_real(&text, none, n->process.cpu_s);
	metrics_text_end(&text);
	if (out.failed) {
		buf_release(&out);
		call_busy(c);
		return;
	}
	request_answer(c->request, 200, metrics_content_type(format), &out);
}

static void tell(struct call *c, const struct store_info *info, bool metrics)
{
	struct numbers n;

	numbers_take(c->app, info, &n);
	if (metrics)
		metrics_answer(c, &n);
	else
		status_answer(c, &n);
}

/* ---- asking the store ---- */

static struct asking *asking_of(struct keeper_job *job)
{
	return (struct asking *)(void *)((char *)job - offsetof(struct asking, job));
}

static bool on_work(struct keeper_job *job, struct store *store)
{
	struct asking *a = asking_of(job);
	int r = a->counting != NULL ? 0 : store_info_begin(store, &a->counting, &job->error);

	if (r == 0)
		r = store_info_step(a->counting, &a->info, &job->error);
	job->result = r;
	return r == 1;
}

static void on_done(struct keeper_job *job)
{
	struct asking *a = asking_of(job);
	struct app *app = a->call->app;

	if (job->result != 0) {
		job->error.code = job->result;
		call_fail(a->call, &job->error);
	} else {
		app->info = a->info;
		app->info_at_ms = app_now_ms(app);
		tell(a->call, &a->info, a->metrics);
	}
	store_info_end(a->counting);
	free(a);
}

static void ask(struct call *c, bool metrics)
{
	struct app *app = c->app;
	struct asking *a;

	if (app->info_at_ms > 0 && app_now_ms(app) - app->info_at_ms < INFO_MS) {
		tell(c, &app->info, metrics);
		return;
	}
	a = calloc(1, sizeof *a);
	if (a == NULL) {
		call_busy(c);
		return;
	}
	a->call = c;
	a->metrics = metrics;
	a->job = (struct keeper_job){ .kind = KEEPER_READ, .work = on_work, .done = on_done };
	if (!keeper_submit(app->keeper, &a->job)) {
		free(a);
		call_busy(c);
		return;
	}
	request_hold(c->request);
}

void api_status_get(struct call *c)
{
	ask(c, false);
}

void api_metrics_get(struct call *c)
{
	ask(c, true);
}
