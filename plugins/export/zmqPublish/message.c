/* SPDX-License-Identifier: Apache-2.0 */
/* The two frames of a message on the stream. */
#include "message.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

void message_init(struct message *m)
{
	msgpack_sbuffer_init(&m->topic);
	msgpack_sbuffer_init(&m->body);
	msgpack_sbuffer_init(&m->sweep);
	m->prefix = 0;
}

void message_release(struct message *m)
{
	msgpack_sbuffer_destroy(&m->topic);
	msgpack_sbuffer_destroy(&m->body);
	msgpack_sbuffer_destroy(&m->sweep);
}

/* ---- the topic: kind/node/analyzer/variable/, each part ended by a slash ---- */

static int topic_part(struct message *m, const char *text)
{
	int r = msgpack_sbuffer_write(&m->topic, text, strlen(text));

	return r != 0 ? r : msgpack_sbuffer_write(&m->topic, "/", 1);
}

static int topic_begin(struct message *m, const char *kind, const char *node, int64_t analyzer)
{
	char number[24];
	int r;

	msgpack_sbuffer_clear(&m->topic);
	r = topic_part(m, kind);
	if (r == 0)
		r = topic_part(m, node);
	if (r != 0 || analyzer == 0)
		return r;
	(void)snprintf(number, sizeof number, "%" PRId64, analyzer);
	return topic_part(m, number);
}

/* ---- the map ---- */

static int put_str(msgpack_packer *pk, const char *text)
{
	size_t len = strlen(text);
	int r = msgpack_pack_str(pk, len);

	return r != 0 ? r : msgpack_pack_str_body(pk, text, len);
}

static int put_key_str(msgpack_packer *pk, const char *key, const char *text)
{
	int r = put_str(pk, key);

	return r != 0 ? r : text != NULL ? put_str(pk, text) : msgpack_pack_nil(pk);
}

static int put_key_int(msgpack_packer *pk, const char *key, int64_t v)
{
	int r = put_str(pk, key);

	return r != 0 ? r : msgpack_pack_int64(pk, v);
}

static int put_key_count(msgpack_packer *pk, const char *key, uint64_t v)
{
	int r = put_str(pk, key);

	return r != 0 ? r : msgpack_pack_uint64(pk, v);
}

static int put_key_real(msgpack_packer *pk, const char *key, double v)
{
	int r = put_str(pk, key);

	return r != 0 ? r : msgpack_pack_double(pk, v);
}

/* The last guard of "a value is never invented": a quality that has a number, and a number. */
static bool has_value(const struct tesla_element *e)
{
	return (e->quality == TESLA_GOOD || e->quality == TESLA_SUSPECT) && isfinite(e->value);
}

static enum tesla_quality quality(const struct tesla_element *e)
{
	bool needs_value = e->quality == TESLA_GOOD || e->quality == TESLA_SUSPECT;

	return needs_value && !has_value(e) ? TESLA_ERROR : e->quality;
}

static int put_values(msgpack_packer *pk, const struct tesla_reading *r)
{
	int rc = put_str(pk, "v");

	rc |= msgpack_pack_array(pk, r->n_elements);
	for (size_t i = 0; i < r->n_elements; i++)
		rc |= has_value(&r->elements[i]) ? msgpack_pack_double(pk, r->elements[i].value)
						 : msgpack_pack_nil(pk);
	return rc;
}

static int put_qualities(msgpack_packer *pk, const struct tesla_reading *r)
{
	int rc = put_str(pk, "q");

	rc |= msgpack_pack_array(pk, r->n_elements);
	for (size_t i = 0; i < r->n_elements; i++)
		rc |= msgpack_pack_int(pk, (int)quality(&r->elements[i]));
	return rc;
}

static msgpack_packer body_begin(struct message *m)
{
	msgpack_packer pk;

	msgpack_sbuffer_clear(&m->body);
	msgpack_packer_init(&pk, &m->body, msgpack_sbuffer_write);
	return pk;
}

int message_sweep(struct message *m, const struct tesla_batch *batch, const struct tesla_item *item)
{
	msgpack_packer pk;
	int rc = topic_begin(m, "reading", batch->node, item->analyzer);

	m->prefix = m->topic.size;
	msgpack_sbuffer_clear(&m->sweep);
	msgpack_packer_init(&pk, &m->sweep, msgpack_sbuffer_write);
	rc |= put_key_int(&pk, "e", batch->epoch_ms);
	rc |= put_key_count(&pk, "n", item->n);
	return rc == 0 ? 0 : -ENOMEM;
}

int message_reading(struct message *m, const struct tesla_item *item, const struct tesla_reading *r)
{
	bool all_good = true, errors = false;
	msgpack_packer pk = body_begin(m);
	int rc;

	m->topic.size = m->prefix;
	for (size_t i = 0; i < r->n_elements; i++) {
		all_good = all_good && quality(&r->elements[i]) == TESLA_GOOD;
		errors = errors || quality(&r->elements[i]) == TESLA_ERROR;
	}
	errors = errors && item->error != NULL;
	rc = topic_part(m, r->variable);
	rc |= msgpack_pack_map(&pk, 7u + !all_good + errors);
	rc |= put_key_int(&pk, "t", r->t_ms);
	rc |= put_key_real(&pk, "dt", r->dt_ms);
	rc |= msgpack_sbuffer_write(&m->body, m->sweep.data, m->sweep.size);
	rc |= put_key_count(&pk, "k", r->k);
	rc |= put_key_str(&pk, "u", r->unit ? r->unit : "");
	rc |= put_values(&pk, r);
	if (!all_good)
		rc |= put_qualities(&pk, r);
	if (errors)
		rc |= put_key_str(&pk, "x", item->error);
	return rc == 0 ? 0 : -ENOMEM;
}

int message_status(struct message *m, const struct tesla_batch *batch,
		   const struct tesla_item *item)
{
	msgpack_packer pk = body_begin(m);
	int rc = topic_begin(m, "status", batch->node, item->analyzer);

	rc |= msgpack_pack_map(&pk, 5);
	rc |= put_key_str(&pk, "state", item->state);
	rc |= put_key_str(&pk, "reason", item->reason);
	rc |= put_key_int(&pk, "t", item->t_ms);
	rc |= put_key_int(&pk, "e", batch->epoch_ms);
	rc |= put_key_count(&pk, "k", item->k);
	return rc == 0 ? 0 : -ENOMEM;
}

/* ---- records ---- */

/* The guard of has_value() again, for what was kept of an interval. */
static struct tesla_element record_value(const struct tesla_record_element *e)
{
	return (struct tesla_element){ e->value, e->quality };
}

static bool record_has_value(const struct tesla_record_element *e)
{
	const struct tesla_element v = record_value(e);

	return has_value(&v);
}

static enum tesla_quality record_quality(const struct tesla_record_element *e)
{
	const struct tesla_element v = record_value(e);

	return quality(&v);
}

/* A number per element, each the member at `offset`; nil where the element has none. */
static int put_reals(msgpack_packer *pk, const char *key, const struct tesla_record_variable *v,
		     size_t offset)
{
	int rc = put_str(pk, key);

	rc |= msgpack_pack_array(pk, v->n_elements);
	for (size_t i = 0; i < v->n_elements; i++) {
		const struct tesla_record_element *e = &v->elements[i];
		double number;

		memcpy(&number, (const char *)e + offset, sizeof number);
		rc |= record_has_value(e) && isfinite(number) ? msgpack_pack_double(pk, number)
							      : msgpack_pack_nil(pk);
	}
	return rc;
}

static int put_coverage(msgpack_packer *pk, const struct tesla_record_variable *v)
{
	int rc = put_str(pk, "c");

	rc |= msgpack_pack_array(pk, v->n_elements);
	for (size_t i = 0; i < v->n_elements; i++)
		rc |= msgpack_pack_uint32(pk, v->elements[i].count);
	rc |= put_str(pk, "cov");
	rc |= msgpack_pack_array(pk, v->n_elements);
	for (size_t i = 0; i < v->n_elements; i++)
		rc |= msgpack_pack_int64(pk, v->elements[i].covered_ms);
	return rc;
}

static int put_record_qualities(msgpack_packer *pk, const struct tesla_record_variable *v)
{
	int rc = put_str(pk, "q");

	rc |= msgpack_pack_array(pk, v->n_elements);
	for (size_t i = 0; i < v->n_elements; i++)
		rc |= msgpack_pack_int(pk, (int)record_quality(&v->elements[i]));
	return rc;
}

static const char *kind_name(enum tesla_variable_kind kind)
{
	return kind == TESLA_GAUGE ? "gauge" : kind == TESLA_COUNTER ? "counter" : "status";
}

static int put_variable(msgpack_packer *pk, const struct tesla_record_variable *v)
{
	bool gauge = v->kind == TESLA_GAUGE, counter = v->kind == TESLA_COUNTER, all_good = true;
	int rc = put_str(pk, v->name);

	for (size_t i = 0; i < v->n_elements; i++)
		all_good = all_good && record_quality(&v->elements[i]) == TESLA_GOOD;
	rc |= msgpack_pack_map(pk, 5u + 2 * gauge + counter + !all_good);
	rc |= put_key_str(pk, "u", v->unit);
	rc |= put_key_str(pk, "kind", kind_name(v->kind));
	rc |= put_reals(pk, "v", v, offsetof(struct tesla_record_element, value));
	if (gauge) {
		rc |= put_reals(pk, "min", v, offsetof(struct tesla_record_element, min));
		rc |= put_reals(pk, "max", v, offsetof(struct tesla_record_element, max));
	}
	if (counter)
		rc |= put_reals(pk, "i", v, offsetof(struct tesla_record_element, increase));
	rc |= put_coverage(pk, v);
	if (!all_good)
		rc |= put_record_qualities(pk, v);
	return rc;
}

int message_record(struct message *m, const struct tesla_batch *batch,
		   const struct tesla_item *item)
{
	msgpack_packer pk = body_begin(m);
	int rc = topic_begin(m, "record", batch->node, item->analyzer);

	rc |= msgpack_pack_map(&pk, 6);
	rc |= put_key_int(&pk, "t", item->t_ms);
	rc |= put_key_int(&pk, "s", item->start_ms);
	rc |= put_key_int(&pk, "e", batch->epoch_ms);
	rc |= put_key_count(&pk, "k", item->k);
	rc |= put_key_str(&pk, "m", item->model);
	rc |= put_str(&pk, "v");
	rc |= msgpack_pack_map(&pk, item->n_variables);
	for (size_t i = 0; i < item->n_variables; i++)
		rc |= put_variable(&pk, item->variables[i]);
	return rc == 0 ? 0 : -ENOMEM;
}

int message_heartbeat(struct message *m, const struct tesla_batch *batch,
		      const struct tesla_item *item)
{
	msgpack_packer pk = body_begin(m);
	int rc = topic_begin(m, "node", batch->node, 0);

	rc |= msgpack_pack_map(&pk, 3);
	rc |= put_key_int(&pk, "t", item->t_ms);
	rc |= put_key_int(&pk, "e", batch->epoch_ms);
	rc |= put_key_count(&pk, "k", item->k);
	return rc == 0 ? 0 : -ENOMEM;
}
