/* SPDX-License-Identifier: Apache-2.0 */
/* config.xml: devices, which are the lines that analyzers share. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/line_params.h"
#include "base/param.h"
#include "daemon/config_loader.h"

static void param_check(struct loader *l, const xmlNode *node, enum tesla_line_kind kind,
			const char *value)
{
	const struct tesla_param *row =
		param_find(line_params_table(kind), (const char *)node->name);
	struct tesla_error err;

	if (row != NULL && param_set(row, value, NULL, &err) != 0)
		xml_error(l->x, l->d, node, "%s", err.text);
}

static void params_required(struct loader *l, const xmlNode *node, const struct conf_line *on)
{
	const struct tesla_param *row = line_params_table(on->kind);

	for (; row->type != TESLA_T_END; row++)
		if ((row->flags & TESLA_REQUIRED) &&
		    config_param_get(&on->params, row->name) == NULL)
			xml_error(l->x, l->d, node, "<device> has no <%s>", row->name);
}

static void params_take(struct loader *l, const xmlNode *device, struct conf_line *on)
{
	for (xmlNode *node = xml_child_any(device); node != NULL; node = xml_next_any(node)) {
		const char *value = config_param(l, &on->params, node);

		if (value != NULL)
			param_check(l, node, on->kind, value);
	}
	params_required(l, device, on);
}

static bool tcp_port_ok(const char *text)
{
	size_t len = strlen(text);

	return len >= 1 && len <= 5 && strspn(text, "0123456789") == len &&
	       strtol(text, NULL, 10) >= 1 && strtol(text, NULL, 10) <= 65535;
}

/* "/dev/ttyS0", "10.0.0.7:502", "[fe80::1]:502": two lines would fight over the same one. */
static char *endpoint(struct loader *l, const xmlNode *node, const struct conf_line *on)
{
	const char *port = config_param_get(&on->params, "port"),
		   *host = config_param_get(&on->params, "host");

	if (on->kind == TESLA_LINE_SERIAL)
		return arena_strdup(l->a, port ? port : "");
	if (port == NULL)
		port = param_find(line_params_network, "port")->dflt;
	if (!tcp_port_ok(port))
		xml_error(l->x, l->d, node,
			  "<device>: port is \"%.60s\": expected a TCP port, 1 to 65535", port);
	if (host == NULL)
		host = "";
	return arena_printf(l->a, strchr(host, ':') && *host != '[' ? "[%s]:%s" : "%s:%s", host,
			    port);
}

static void endpoint_unique(struct loader *l, const xmlNode *node, const struct conf_line *on)
{
	for (const struct conf_line *other = l->c->lines; other < on; other++)
		if (other->name != NULL && on->name != NULL && *on->name != '\0' &&
		    strcasecmp(other->name, on->name) == 0)
			xml_error(l->x, l->d, node,
				  "<device> %" PRId64 " uses %s, as device %" PRId64
				  " in line %d does: expected one enabled device for one "
				  "connection",
				  on->id, on->name, other->id, other->line);
}

static const struct conf_line *line_add(struct loader *l, const xmlNode *node,
					const struct device_row *row)
{
	struct conf_line *on = &l->c->lines[l->c->n_lines++];

	on->id = row->id;
	on->kind = device_kinds[row->type];
	xml_where(l->x, node, &on->line, &on->column);
	on->params.list = arena_alloc(l->a, xml_count_any(node), sizeof *on->params.list);
	if (on->params.list == NULL)
		return on;
	params_take(l, node, on);
	on->name = endpoint(l, node, on);
	endpoint_unique(l, node, on);
	return on;
}

static void device_id_check(struct loader *l, const struct device *new)
{
	if (new->id == UNSET)
		return;
	if (new->id < 1)
		xml_error(l->x, l->d, new->node,
			  "<device>: id is %" PRId64 ": expected a positive number", new->id);
	for (const struct device *other = l->devices; other < new; other++)
		if (other->id == new->id)
			xml_error(l->x, l->d, new->node,
				  "<device>: id %" PRId64 " is also that of line %d", new->id,
				  config_line_of(l, other->node));
}

static void device_add(struct loader *l, const xmlNode *node)
{
	struct device_row row = { .id = UNSET, .type = -1, .enabled = true };
	struct device *new = &l->devices[l->n_devices++];

	xml_read(node, device_attrs, &row, l->a);
	new->node = node;
	new->id = row.id;
	new->enabled = row.enabled;
	device_id_check(l, new);
	if (row.enabled && row.type >= 0)
		new->on = line_add(l, node, &row);
}

void config_lines(struct loader *l, const xmlNode *devices)
{
	size_t n = xml_count(devices, &device_element);

	l->c->lines = arena_alloc(l->a, n, sizeof *l->c->lines);
	l->devices = arena_alloc(l->a, n, sizeof *l->devices);
	if (l->a->failed)
		return;
	for (xmlNode *node = xml_child(devices, &device_element); node != NULL;
	     node = xml_next(node, &device_element))
		device_add(l, node);
}
