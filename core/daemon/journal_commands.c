/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command `journal`.  What needs the disk is a job of the clerk's; its answer is made in the
 * pool and sent when it is back.
 */
#include "daemon/journal_commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/record.h"
#include "daemon/pack.h"
#include "daemon/record_map.h"
#include "daemon/status.h"

#define ROWS_MAX 500
#define BYTES_MAX (512u << 10) /* an answer ends with the row that goes beyond */
#define ANY 0xffff
#define SEQ_BITS 48 /* `next` of a walk over all rejects: exporter, sequence */

struct command { /* one under way */
	struct clerk_job job;
	struct daemon *daemon;
	struct control_peer peer;
	int (*run)(struct command *c, struct journal *j);
	uint16_t exporter;    /* whose; ANY: all */
	char *to;	      /* drain: to whom */
	struct durable *held; /* takes nothing meanwhile; NULL: nobody does */
	uint64_t from, max;
	bool rejects, whole; /* whole: the records too */
	/* what comes of it */
	struct buf rows, reply;
	uint64_t n, next; /* next: of the first that was left out */
	bool more;
	bool again; /* only a part is done: others have their turn, then it goes on */
	struct tesla_error err;
};

/* ---- rejects, export: a walk, in the pool ---- */

static void pack_record(msgpack_packer *pk, const struct journal_shown *s)
{
	struct arena memory = { .failed = false };
	struct tesla_error err;
	struct record r;

	mp_str(pk, "record");
	if (record_parse(s->record, s->len, &memory, &r, &err) == 0)
		record_map_pack(pk, &r);
	else
		(void)msgpack_pack_nil(pk);
	arena_release(&memory);
}

/* Those two of it that a list needs; the rest is not looked at. */
static void pack_key(msgpack_packer *pk, const struct journal_shown *s)
{
	struct arena memory = { .failed = false };
	struct record r = { .analyzer = 0 };
	struct tesla_error err;

	(void)record_parse(s->record, s->len, &memory, &r, &err);
	mp_key_int(pk, "analyzer", r.analyzer);
	mp_key_int(pk, "end_ms", r.end_ms);
	arena_release(&memory);
}

/* In the pool too: what the clerk knows changes only between its turns. */
static const char *exporter_id(const struct command *c, uint16_t no)
{
	const struct journal_info *info = clerk_info(c->daemon->recording.clerk);

	for (size_t i = 0; i < info->n_exporters; i++)
		if (info->exporters[i].no == no)
			return info->exporters[i].id;
	return NULL;
}

static bool show(void *arg, const struct journal_shown *s)
{
	struct command *c = arg;
	uint64_t place = c->rejects ? (uint64_t)s->exporter << SEQ_BITS | s->seq : s->seq;
	msgpack_packer pk;

	if (place < c->from) /* of a walk that goes on */
		return true;
	if (c->n >= c->max || c->rows.pub.len > BYTES_MAX) {
		c->next = place;
		c->more = true;
		return false;
	}
	mp_writer(&pk, &c->rows);
	(void)msgpack_pack_map(&pk, c->whole ? (c->rejects ? 4 : 2) : 6);
	key_count(&pk, "seq", s->seq);
	if (c->rejects) {
		mp_key_str(&pk, "exporter", exporter_id(c, s->exporter));
		mp_key_str(&pk, "reason", s->reason);
	}
	if (c->whole) {
		pack_record(&pk, s);
	} else {
		mp_key_int(&pk, "rejected_ms", s->rejected_ms);
		pack_key(&pk, s);
	}
	c->n++;
	return true;
}

static int run_walk(struct command *c, struct journal *j)
{
	uint64_t seq = c->from & ((UINT64_C(1) << SEQ_BITS) - 1);
	msgpack_packer pk;
	int r;

	if (!c->rejects)
		r = journal_walk(j, c->exporter, c->from, show, c, &c->err);
	else
		r = journal_walk_rejects(j, c->exporter, c->exporter == ANY ? 0 : seq, show, c,
					 &c->err);
	if (r != 0)
		return r;
	mp_writer(&pk, &c->reply);
	(void)msgpack_pack_map(&pk, 3);
	mp_key_bool(&pk, "ok", true);
	key_array(&pk, c->whole ? "records" : "rejects", c->n);
	(void)buf_append(&c->reply, c->rows.pub.bytes, c->rows.pub.len);
	key_int_or_nil(&pk, "next", (int64_t)c->next, c->more);
	return c->rows.failed || c->reply.failed ? tesla_fail(&c->err, -ENOMEM, "no memory") : 0;
}

/* ---- drain, purge ---- */

static void answer_count(struct buf *reply, uint64_t n)
{
	msgpack_packer pk;

	mp_writer(&pk, reply);
	(void)msgpack_pack_map(&pk, 2);
	mp_key_bool(&pk, "ok", true);
	key_count(&pk, "records", n);
}

static int count_part(struct command *c, int r, uint64_t n)
{
	c->n += n;
	if (r == 0 && !c->again)
		answer_count(&c->reply, c->n);
	return r;
}

static int run_purge(struct command *c, struct journal *j)
{
	uint64_t n = 0;
	int r = journal_purge(j, c->exporter, c->rejects, &n, &c->again, &c->err);

	return count_part(c, r, n);
}

static int run_move(struct command *c, struct journal *j)
{
	uint16_t to = ANY;
	uint64_t n = 0;
	int r = journal_exporter(j, c->to, &to, &c->err);

	if (r == 0)
		r = journal_move(j, c->exporter, to, &n, &c->again, &c->err);
	return count_part(c, r, n);
}

/* ---- a command's way ---- */

static void in_pool(struct clerk_job *job, struct journal *j)
{
	struct command *c = (struct command *)((char *)job - offsetof(struct command, job));
	bool begun = c->again;
	int r = j ? c->run(c, j) : tesla_fail(&c->err, -EAGAIN, "the journal cannot be used now");

	if (r == 0)
		return;
	c->again = false;
	if (begun)
		control_error(&c->reply, "%" PRIu64 " records are done with, but not all: %s", c->n,
			      c->err.text);
	else
		control_error(&c->reply, "%s", c->err.text);
}

static void command_free(struct command *c)
{
	buf_release(&c->rows);
	buf_release(&c->reply);
	free(c->to);
	free(c);
}

static void command_end(struct command *c)
{
	if (c->held != NULL)
		durable_release(c->held);
	c->daemon->n_walks--;
	if (!c->daemon->stopping)
		control_reply(c->daemon->control, &c->peer, &c->reply);
	command_free(c);
}

static void on_done(struct clerk_job *job)
{
	struct command *c = (struct command *)((char *)job - offsetof(struct command, job));

	if (c->again && !c->daemon->stopping) {
		clerk_do(c->daemon->recording.clerk, job);
		return;
	}
	command_end(c);
}

/* NULL: *reply says why. */
static struct command *command_new(struct daemon *d, const struct control_peer *peer,
				   const msgpack_object *request, struct buf *reply)
{
	const char *reason;
	enum clerk_state state = clerk_state(d->recording.clerk, &reason);
	struct command *c;

	if (state == CLERK_CHECKING) {
		control_error(reply, "the journal is being checked: try again");
		return NULL;
	}
	c = d->n_walks < DAEMON_WALKS_MAX ? calloc(1, sizeof *c) : NULL;
	if (c == NULL) {
		control_error(reply, "%u commands work on the journal already: try again",
			      d->n_walks);
		return NULL;
	}
	*c = (struct command){ .job = { .work = in_pool, .done = on_done },
			       .daemon = d,
			       .peer = *peer,
			       .exporter = ANY,
			       .rejects = mp_bool(request, "rejects", false) };
	buf_init(&c->rows, 2 * BYTES_MAX);
	buf_init(&c->reply, CONTROL_REPLY_MAX);
	return c;
}

static bool command_start(struct command *c)
{
	c->daemon->n_walks++;
	clerk_do(c->daemon->recording.clerk, &c->job);
	return false;
}

static void on_held(void *arg)
{
	struct command *c = arg;

	if (c->daemon->stopping)
		command_end(c);
	else
		clerk_do(c->daemon->recording.clerk, &c->job);
}

/*
 * What is under way is settled first, and nothing is taken meanwhile: what was delivered must not
 * go to somebody else as well.
 */
static bool command_start_alone(struct command *c, struct buf *reply)
{
	struct slot *s = fleet_durable(&c->daemon->fleet, exporter_id(c, c->exporter));

	if (s == NULL)
		return command_start(c);
	c->held = s->durable;
	c->daemon->n_walks++;
	if (durable_hold(c->held, on_held, c))
		return false;
	control_error(reply, "another command works on what waits for it: try again");
	c->daemon->n_walks--;
	command_free(c);
	return true;
}

/* ---- what is asked ---- */

/* False: *reply says that there is no such exporter.  Without an id: all. */
static bool exporter_asked(const struct daemon *d, const msgpack_object *request, uint16_t *no,
			   struct buf *reply)
{
	_cleanup_free_ char *id = mp_strdup(request, "id");
	const struct journal_exporter_info *e = NULL;

	if (id == NULL)
		return true;
	e = clerk_exporter(d->recording.clerk, id);
	if (e == NULL) {
		control_error(reply, "the journal knows no exporter %.256s: see list", id);
		return false;
	}
	*no = e->no;
	return true;
}

static bool op_list(struct daemon *d, const struct control_peer *peer,
		    const msgpack_object *request, struct buf *reply)
{
	msgpack_packer pk;

	(void)peer, (void)request;
	mp_writer(&pk, reply);
	journal_pack(d, &pk);
	return true;
}

static bool op_walk(struct daemon *d, const struct control_peer *peer,
		    const msgpack_object *request, struct buf *reply)
{
	int64_t from = mp_int(request, "from", 0), n = mp_int(request, "n", ROWS_MAX);
	uint16_t exporter = ANY;
	struct command *c;

	if (from < 0 || n < 1 || n > ROWS_MAX) {
		control_error(reply, "expected from, 0 or a `next`, and n, 1 to %d", ROWS_MAX);
		return true;
	}
	if (!exporter_asked(d, request, &exporter, reply))
		return true;
	c = command_new(d, peer, request, reply);
	if (c == NULL)
		return true;
	c->run = run_walk;
	c->whole = mp_is(request, "op", "export");
	c->rejects = c->rejects || !c->whole;
	c->exporter = exporter;
	c->from = (uint64_t)from;
	c->max = (uint64_t)n;
	return command_start(c);
}

static bool op_purge(struct daemon *d, const struct control_peer *peer,
		     const msgpack_object *request, struct buf *reply)
{
	uint16_t exporter = ANY;
	struct command *c;

	if (!exporter_asked(d, request, &exporter, reply))
		return true;
	if (exporter == ANY) {
		control_error(reply, "expected id, the exporter whose records are to be forgotten");
		return true;
	}
	c = command_new(d, peer, request, reply);
	if (c == NULL)
		return true;
	c->run = run_purge;
	c->exporter = exporter;
	log_msg(&d->log, LOG_LEVEL_WARNING, "purged by the control socket: what waits for %s%s",
		exporter_id(c, exporter), c->rejects ? ", and its rejects" : "");
	return command_start_alone(c, reply);
}

static bool drain_to(struct daemon *d, const struct control_peer *peer,
		     const msgpack_object *request, struct buf *reply)
{
	uint16_t exporter = ANY;
	struct command *c;
	char *to;

	if (!exporter_asked(d, request, &exporter, reply))
		return true;
	to = mp_strdup(request, "to");
	if (exporter == ANY || to == NULL || fleet_durable(&d->fleet, to) == NULL) {
		control_error(reply,
			      "expected id, an exporter, and to, one that is configured and takes "
			      "records");
		free(to);
		return true;
	}
	c = command_new(d, peer, request, reply);
	if (c == NULL) {
		free(to);
		return true;
	}
	c->run = run_move;
	c->exporter = exporter;
	c->to = to;
	return command_start_alone(c, reply);
}

static bool op_drain(struct daemon *d, const struct control_peer *peer,
		     const msgpack_object *request, struct buf *reply)
{
	_cleanup_free_ char *id = mp_strdup(request, "id");
	const msgpack_object *to = mp_get(request, "to");
	const struct journal_exporter_info *e;
	struct slot *s;

	if (to != NULL && to->type != MSGPACK_OBJECT_NIL)
		return drain_to(d, peer, request, reply);
	s = id ? fleet_durable(&d->fleet, id) : NULL;
	if (s == NULL) {
		control_error(reply,
			      "expected id, an exporter that is configured and takes records; what "
			      "waits for another needs to, who is to have it");
		return true;
	}
	e = clerk_exporter(d->recording.clerk, id);
	answer_count(reply, e ? e->waiting : 0);
	fleet_drain(s);
	return true;
}

static const struct {
	const char *op;
	bool (*run)(struct daemon *, const struct control_peer *, const msgpack_object *,
		    struct buf *);
} ops[] = {
	{ "list", op_list },   { "rejects", op_walk }, { "export", op_walk },
	{ "drain", op_drain }, { "purge", op_purge },
};

bool journal_command(struct daemon *d, const struct control_peer *peer,
		     const msgpack_object *request, struct buf *reply)
{
	for (size_t i = 0; i < N_ELEMENTS(ops); i++)
		if (mp_is(request, "op", ops[i].op))
			return ops[i].run(d, peer, request, reply);
	control_error(reply, "expected op: list, rejects, export, drain or purge");
	return true;
}
