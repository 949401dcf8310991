/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /api/v1/backup: a copy of everything while the server runs.  The keeper copies the store
 * step by step, behind all others; the pool the registry; then the keeper gives the folder its
 * name.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "central/api.h"
#include "central/api_help.h"
#include "central/backup.h"
#include "central/pool.h"
#include "central/store_backup.h"

#define NAME_MAX_BYTES 100
#define STEP_BYTES ((size_t)256 << 10)

struct backing {	   /* app->backing: there is one at a time */
	struct call *call; /* held */
	struct keeper_job job;
	struct pool_job pool;
	struct store_backup *backup; /* the keeper's thread has it */
	struct arena memory;
	const char *name;
	char *folder, *to, *part;
	char who[80], from[PEER_TEXT + 20];
	int64_t now_ms;
	bool complete; /* all of it is there, but for its name */
	struct tesla_error error;
	int result;
};

static struct backing *backing_of(struct keeper_job *job)
{
	return (struct backing *)(void *)((char *)job - offsetof(struct backing, job));
}

static void backing_free(struct backing *b)
{
	arena_release(&b->memory);
	free(b->folder);
	free(b->to);
	free(b->part);
	free(b);
}

static void answer(struct backing *b)
{
	struct call *c = b->call;
	msgpack_packer pk;
	struct buf out;

	store_backup_end(b->backup); /* where the server ends: the keeper does no more */
	c->app->backing = NULL;
	if (b->result != 0) {
		b->error.code = b->result;
		call_fail(c, &b->error);
	} else {
		log_msg(&c->app->log, LOG_LEVEL_INFO, "backup: %s is there", b->to);
		buf_init(&out, CALL_ANSWER_MAX);
		mp_writer(&pk, &out);
		(void)msgpack_pack_map(&pk, 1);
		mp_key_str(&pk, "to", b->name);
		call_answer(c, 201, &out);
	}
	backing_free(b);
}

/* ---- in the keeper's thread ---- */

static int begin(struct backing *b, struct store *store)
{
	const struct store_backup_conf conf = { .to = b->to, .step_bytes = STEP_BYTES };

	if (mkdir(b->folder, 0750) != 0 && errno != EEXIST)
		return tesla_fail(&b->error, -EIO, "%s: %s", b->folder, strerror(errno));
	return store_backup_begin(store, &conf, &b->backup, &b->error);
}

/* True: there is more for the keeper to do. */
static bool copy_some(struct backing *b, struct store *store)
{
	if (b->backup == NULL)
		b->result = begin(b, store);
	else if (!store_backup_is_copied(b->backup))
		b->result = store_backup_step(b->backup, &b->error);
	if (b->result < 0)
		return false;
	b->result = 0;
	return !store_backup_is_copied(b->backup);
}

static bool on_work(struct keeper_job *job, struct store *store)
{
	struct backing *b = backing_of(job);
	bool more = b->result == 0 && !b->complete && copy_some(b, store);

	if (b->result == 0 && b->complete)
		b->result = store_backup_step(b->backup, &b->error);
	if (b->result != 0 || b->complete) {
		store_backup_end(b->backup);
		b->backup = NULL;
	}
	return more;
}

/* ---- the registry ---- */

static void on_pool(struct pool_job *job)
{
	struct backing *b = job->arg;
	struct registry_db *db = b->call->app->registry_db;
	const struct registry_actor by = { b->who, b->from, b->now_ms };

	b->result = registry_audit(db, &by, "backup", b->name, &b->error);
	if (b->result == 0)
		b->result = backup_registry(db, b->part, &b->error);
}

static void submit(struct backing *b)
{
	bool taken = keeper_submit(b->call->app->keeper, &b->job);

	assert(taken); /* there are few such jobs, and room for more */
	(void)taken;
}

static void on_pool_done(struct pool_job *job)
{
	struct backing *b = job->arg;

	b->complete = b->result == 0;
	submit(b);
}

static void on_done(struct keeper_job *job)
{
	struct backing *b = backing_of(job);

	if (b->result != 0 || b->backup == NULL) {
		answer(b);
	} else if (b->call->app->keeper_ends) {
		b->result = tesla_fail(&b->error, -EAGAIN, "backup %s: the server ends", b->name);
		answer(b);
	} else {
		b->pool = (struct pool_job){ .work = on_pool, .done = on_pool_done, .arg = b };
		pool_submit(b->call->app, &b->pool);
	}
}

/* ---- the call ---- */

/* One folder below that of all, and none that is hidden, or half made. */
static bool name_is_good(const char *name)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t len = strlen(name);

	return len > 0 && len <= NAME_MAX_BYTES && name[0] != '.' && name[0] != '-' &&
	       strspn(name, letters) == len && (len < 5 || strcmp(name + len - 5, ".part") != 0);
}

static int read_name(struct call *c, struct backing *b, struct tesla_error *err)
{
	static const char *const keys[] = { "to", NULL };
	struct sent sent;
	int r = sent_read(c, &sent, err);

	if (r != 0)
		return r;
	r = sent_check(&sent, keys, err);
	if (r == 0)
		r = sent_text(&sent, "to", &b->memory, &b->name, err);
	sent_release(&sent);
	if (r == 0 && (b->name == NULL || !name_is_good(b->name)))
		r = tesla_fail(
			err, -EINVAL,
			"to: expected the name of a folder: at most %d letters, digits, '.', "
			"'_' and '-', the first of them a letter or a digit or '_', and no "
			".part at the end",
			NAME_MAX_BYTES);
	return r;
}

static int prepare(struct call *c, struct backing *b, struct tesla_error *err)
{
	const struct conf *conf = c->app->conf;
	int r = read_name(c, b, err);

	if (r != 0)
		return r;
	if (conf->backups[0] != '\0')
		b->folder = strdup(conf->backups);
	else if (asprintf(&b->folder, "%s/backups", c->app->dir) < 0)
		b->folder = NULL;
	if (b->folder == NULL || asprintf(&b->to, "%s/%s", b->folder, b->name) < 0)
		b->to = NULL;
	if (b->to == NULL || asprintf(&b->part, "%s.part", b->to) < 0)
		b->part = NULL;
	return b->part != NULL ? 0 : tesla_fail(err, -ENOMEM, "no memory");
}

void api_backup_post(struct call *c)
{
	struct backing *b = calloc(1, sizeof *b);
	struct tesla_error err = { 0 };
	int r;

	if (b == NULL) {
		call_busy(c);
		return;
	}
	r = prepare(c, b, &err);
	if (r == 0 && c->app->backing != NULL)
		r = tesla_fail(&err, -EEXIST, "backup %s: another one is under way", b->name);
	if (r != 0) {
		err.code = r;
		call_fail(c, &err);
		backing_free(b);
		return;
	}
	b->call = c;
	b->job = (struct keeper_job){ .kind = KEEPER_CARE, .work = on_work, .done = on_done };
	b->now_ms = app_wall_ms(c->app);
	(void)snprintf(b->who, sizeof b->who, "%s", c->who_text);
	(void)snprintf(b->from, sizeof b->from, "%s", request_peer(c->request));
	c->app->backing = b;
	request_hold(c->request);
	submit(b);
}
