/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/models: what kinds of meters offer, from their folder, read anew at each call. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/model_dir.h"
#include "central/api.h"
#include "central/api_help.h"
#include "central/pool.h"

struct reading {
	struct call *call; /* held */
	struct pool_job pool;
	const char *dir;
	char *name; /* NULL: a list of all */
	struct buf models;
	msgpack_packer pk;
	size_t n;
	int result;
};

static const char *const kinds[] = {
	[TESLA_GAUGE] = "gauge", [TESLA_COUNTER] = "counter", [TESLA_STATUS] = "status"
};

static void head_pack(msgpack_packer *pk, const struct model *m)
{
	mp_key_str(pk, "name", m->pub.name);
	mp_key_str(pk, "manufacturer", m->pub.manufacturer);
	mp_key_str(pk, "description", m->description);
	mp_key_bool(pk, "proven", m->proven);
}

static void variable_pack(msgpack_packer *pk, const struct tesla_variable *v)
{
	(void)msgpack_pack_map(pk, 5);
	mp_key_str(pk, "name", v->name);
	mp_key_str(pk, "unit", v->unit);
	mp_key_str(pk, "kind", kinds[v->kind]);
	mp_key_int(pk, "elements", (int64_t)v->n_elements);
	mp_key_str(pk, "description", v->description);
}

static void on_model(void *arg, struct model *m, const char *why)
{
	struct reading *r = arg;
	const bool all = r->name == NULL;

	(void)why; /* `teslad --check` says it */
	if (m == NULL)
		return;
	if (all || strcmp(m->pub.name, r->name) == 0) {
		r->n++;
		(void)msgpack_pack_map(&r->pk, 5);
		head_pack(&r->pk, m);
		mp_str(&r->pk, "variables");
		if (all)
			(void)msgpack_pack_uint64(&r->pk, m->pub.n_variables);
		else
			(void)msgpack_pack_array(&r->pk, m->pub.n_variables);
		for (size_t i = 0; i < m->pub.n_variables && !all; i++)
			variable_pack(&r->pk, m->pub.variables[i]);
	}
	model_free(m);
}

static void on_work(struct pool_job *job)
{
	struct reading *r = job->arg;

	r->result = model_dir_read(r->dir, on_model, r);
}

static void answer(struct reading *r)
{
	struct call *c = r->call;
	msgpack_packer pk;
	struct buf out;

	if (r->result < 0) {
		call_error(c, 503, "%s: %s", r->dir, strerror(-r->result));
		return;
	}
	if (r->name != NULL && r->n != 1) {
		call_error(c, 404, "there is no model %.80s", r->name);
		return;
	}
	if (r->name != NULL) {
		call_answer_ok(c, &r->models);
		return;
	}
	buf_init(&out, CALL_ANSWER_MAX);
	mp_writer(&pk, &out);
	(void)msgpack_pack_map(&pk, 1);
	mp_str(&pk, "models");
	(void)msgpack_pack_array(&pk, r->n);
	(void)buf_append(&out, r->models.pub.bytes, r->models.pub.len);
	out.failed = out.failed || r->models.failed;
	call_answer_ok(c, &out);
}

static void on_done(struct pool_job *job)
{
	struct reading *r = job->arg;

	answer(r);
	buf_release(&r->models);
	free(r->name);
	free(r);
}

static void read_models(struct call *c, const char *name)
{
	const char *dir = c->app->conf->models;
	struct reading *r = calloc(1, sizeof *r);

	if (r != NULL && name != NULL)
		r->name = strdup(name);
	if (r == NULL || (name != NULL && r->name == NULL)) {
		free(r);
		call_busy(c);
		return;
	}
	r->call = c;
	r->dir = dir[0] != '\0' ? dir : MODEL_DIR;
	buf_init(&r->models, CALL_ANSWER_MAX);
	mp_writer(&r->pk, &r->models);
	r->pool = (struct pool_job){ .work = on_work, .done = on_done, .arg = r };
	request_hold(c->request);
	pool_submit(c->app, &r->pool);
}

void api_models_get(struct call *c)
{
	read_models(c, NULL);
}

void api_model_get(struct call *c)
{
	read_models(c, c->args[0]);
}
