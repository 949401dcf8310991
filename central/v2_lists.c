/* SPDX-License-Identifier: Apache-2.0 */
/* What there is: nodes, their analyzers, and what those measure. */
#include <string.h>

#include "base/cleanup.h"
#include "central/catalogue.h"
#include "central/signin.h"
#include "central/v2_internal.h"

#define QUERY "sQuery="

/* ---- nodes ---- */

/* A number where the id is one, as the predecessor's always were. */
static void pack_id(msgpack_packer *pk, const char *id)
{
	int64_t number;

	mp_str(pk, "id");
	if (v2_number(id, &number) && id[0] != '0')
		(void)msgpack_pack_int64(pk, number);
	else
		mp_str(pk, id);
}

/* The machine of "tcp://10.0.0.5:5557". */
static void pack_host(msgpack_packer *pk, const char *control)
{
	char host[REGISTRY_TEXT_MAX + 1] = "";
	char *port;

	if (strncmp(control, "tcp://", 6) == 0) {
		(void)snprintf(host, sizeof host, "%s", control + 6);
		port = strrchr(host, ':');
		if (port != NULL)
			*port = '\0';
	} else if (control[0] != '\0') {
		(void)snprintf(host, sizeof host, "localhost");
	}
	mp_key_str(pk, "host", host);
}

/* By name, the last one first. */
static int by_name_down(const void *a, const void *b)
{
	const struct registry_node *x = *(const struct registry_node *const *)a;
	const struct registry_node *y = *(const struct registry_node *const *)b;
	int order = strcmp(y->name, x->name);

	return order != 0 ? order : strcmp(y->id, x->id);
}

static void give_nodes(struct call *c, const char *part)
{
	const struct registry *r = c->app->registry;
	size_t n = 0, n_all = registry_n_nodes(r);
	_cleanup_free_ const struct registry_node **nodes =
		calloc(n_all + 1, sizeof(const struct registry_node *));
	msgpack_packer pk;
	struct buf out;

	for (size_t i = 0; i < n_all && nodes != NULL; i++) {
		const struct registry_node *node = registry_node_at(r, i);

		if (strstr(node->name, part) != NULL && signin_sees(c, node->id))
			nodes[n++] = node;
	}
	if (nodes == NULL) {
		call_busy(c);
		return;
	}
	qsort(nodes, n, sizeof(const struct registry_node *), by_name_down);
	buf_init(&out, CALL_ANSWER_MAX);
	mp_writer(&pk, &out);
	(void)msgpack_pack_map(&pk, 1);
	mp_str(&pk, "ResultSet");
	(void)msgpack_pack_map(&pk, 1);
	mp_str(&pk, "Nodes");
	(void)msgpack_pack_array(&pk, n);
	for (size_t i = 0; i < n; i++) {
		(void)msgpack_pack_map(&pk, 4);
		pack_id(&pk, nodes[i]->id);
		mp_key_str(&pk, "nom", nodes[i]->name);
		pack_host(&pk, nodes[i]->control);
		mp_key_str(&pk, "ubicacio", nodes[i]->location);
	}
	v2_answer(c, &out);
}

void v2_nodes(struct call *c)
{
	give_nodes(c, "");
}

void v2_nodes_named(struct call *c)
{
	if (strncmp(c->args[0], QUERY, strlen(QUERY)) == 0)
		give_nodes(c, c->args[0] + strlen(QUERY));
	else
		v2_say(c, 404, "#there is no such path");
}

/* ---- analyzers of a node ---- */

void v2_analyzers(struct call *c)
{
	const struct registry *r = c->app->registry;
	const struct registry_node *node = registry_node(r, c->args[0]);
	size_t first = 0, n;
	msgpack_packer pk;
	struct buf out;

	buf_init(&out, CALL_ANSWER_MAX);
	if (node == NULL) {
		request_answer(c->request, 400, NULL, &out);
		return;
	}
	n = registry_analyzers_of(r, node->id, &first);
	mp_writer(&pk, &out);
	(void)msgpack_pack_map(&pk, 1);
	mp_str(&pk, "ResultSet");
	(void)msgpack_pack_map(&pk, 1);
	mp_str(&pk, "Analitzadors");
	(void)msgpack_pack_array(&pk, n);
	for (size_t i = first; i < first + n; i++) {
		const struct registry_analyzer *a = registry_analyzer_at(r, i);
		const struct model *m = catalogue_model(c->app->catalogue, a->model);

		(void)msgpack_pack_map(&pk, 4);
		mp_key_int(&pk, "id", a->row);
		mp_key_str(&pk, "fabricant", m != NULL ? m->pub.manufacturer : "");
		mp_key_str(&pk, "model", a->model);
		mp_key_int(&pk, "addr", a->addr);
	}
	v2_answer(c, &out);
}

/* ---- of one analyzer ---- */

void v2_parameters(struct call *c)
{
	int64_t row;
	const struct registry_analyzer *a =
		v2_number(c->args[0], &row) && row <= UINT32_MAX
			? registry_analyzer_by_row(c->app->registry, (uint32_t)row)
			: NULL;
	const struct model *m = a != NULL ? catalogue_model(c->app->catalogue, a->model) : NULL;
	msgpack_packer pk;
	struct buf out;

	if (m == NULL) {
		v2_say(c, 404,
		       a != NULL ? "#the model %.80s is not known" : "#there is no analyzer %.80s",
		       a != NULL ? a->model : c->args[0]);
		return;
	}
	buf_init(&out, CALL_ANSWER_MAX);
	mp_writer(&pk, &out);
	(void)msgpack_pack_map(&pk, m->pub.n_variables + 1);
	mp_key_str(&pk, "ALL", "Totes les variables");
	for (size_t i = 0; i < m->pub.n_variables; i++) {
		const struct tesla_variable *v = m->pub.variables[i];

		mp_key_str(&pk, v->name, v->description != NULL ? v->description : "");
	}
	v2_answer(c, &out);
}

/* There are no tariffs so far, so nothing has a period. */
void v2_costs(struct call *c)
{
	int64_t days_s[2];

	if (!v2_days(c->args[1], c->args[2], days_s))
		v2_say(c, 400, "#expected two days, such as 01-05-2012, the earlier one first");
	else
		v2_say(c, 404, "#analyzer %.80s has no tariff in that time", c->args[0]);
}
