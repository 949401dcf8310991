/* SPDX-License-Identifier: Apache-2.0 */
/* config.xml by table.  docs/config.md and etc/config.rng say the same. */
#include "daemon/config_tables.h"

#define ROW(TYPE, S, F, NAME, ...) \
	(&(const struct tesla_param)TESLA_P_##TYPE(NAME, struct S##_row, F, __VA_ARGS__))
#define TEXT .flags = TESLA_REQUIRED /* not empty */
#define ANY .flags = 0

static const char *const kind_names[] = { "serial", "tcp", "rtu-over-tcp", NULL };
const enum tesla_line_kind device_kinds[] = { TESLA_LINE_SERIAL, TESLA_LINE_TCP,
					      TESLA_LINE_RAW_TCP };

const struct xml_attr node_attrs[] = { { "id", NULL, true, ROW(STR, node, id, "id", TEXT) },
				       { "name", NULL, false, ROW(STR, node, name, "name", ANY) },
				       { "location", NULL, false,
					 ROW(STR, node, location, "location", ANY) },
				       { .name = NULL } };

const struct xml_attr device_attrs[] = {
	{ "id", NULL, true, ROW(INT, device, id, "id", ANY) },
	{ "type", NULL, true, ROW(CHOICE, device, type, "type", .choices = kind_names) },
	{ "enabled", NULL, false, ROW(BOOL, device, enabled, "enabled", ANY) },
	{ .name = NULL }
};

const struct xml_attr analyzer_attrs[] = {
	{ "id", NULL, true, ROW(INT, analyzer, id, "id", ANY) },
	{ "device", NULL, true, ROW(INT, analyzer, device, "device", ANY) },
	{ "address", NULL, false, ROW(INT, analyzer, address, "address", .min = 0, .max = 255) },
	{ "model", NULL, false, ROW(STR, analyzer, model, "model", ANY) },
	{ "driver", NULL, true, ROW(STR, analyzer, driver, "driver", TEXT) },
	{ "data_driver", "dataDriver", true, ROW(STR, analyzer, data, "data_driver", TEXT) },
	{ .name = NULL }
};

const struct xml_attr export_attrs[] = {
	{ "type", NULL, true, ROW(STR, export, type, "type", TEXT) },
	{ "target", NULL, false, ROW(STR, export, target, "target", TEXT) },
	{ "id", NULL, false, ROW(STR, export, id, "id", TEXT) },
	{ "batch", NULL, false,
	  ROW(INT, export, batch, "batch", .min = 1, .max = 1000, .unit = "records") },
	{ "rate", NULL, false,
	  ROW(REAL, export, rate, "rate", .min = 0, .max = 1e6, .unit = "records a second") },
	{ .name = NULL }
};

const struct xml_attr variable_attrs[] = { { "interval", NULL, false,
					     ROW(MS, variable, interval_ms, "interval", .min = 10,
						 .max = 86400000, .unit = "s") },
					   { .name = NULL } };

static const struct tesla_param name_row = { .name = "", .type = TESLA_T_STR, TEXT };

#define CHILDREN(...) \
	(const struct xml_element *const[]) \
	{ \
		__VA_ARGS__, NULL \
	}
#define ONCE .min = 1, .max = 1

const struct xml_element node_element = { .name = "node", .attrs = node_attrs, ONCE };
const struct xml_element device_element = { .name = "device", .attrs = device_attrs, .open = true };
const struct xml_element devices_element = { .name = "devices",
					     .children = CHILDREN(&device_element),
					     ONCE };
const struct xml_element manufacturer_element = {
	.name = "manufacturer", .alias = "fabricant", .text = true, .max = 1
};
const struct xml_element model_element = { .name = "model", .value = &name_row, ONCE };
const struct xml_element record_element = {
	.name = "record_interval", .alias = "tempsgravacio", .text = true, .max = 1
};
const struct xml_element poll_element = {
	.name = "poll_interval", .alias = "tempslectura", .text = true, .max = 1
};
const struct xml_element params_element = {
	.name = "params",
	.open = true,
	ONCE,
	.children = CHILDREN(&manufacturer_element, &model_element, &record_element, &poll_element)
};
const struct xml_element export_element = {
	.name = "export", .alias = "dataexport", .attrs = export_attrs, .open = true
};
const struct xml_element exports_element = {
	.name = "exports", .alias = "dataexports", .children = CHILDREN(&export_element), .max = 1
};
const struct xml_element variable_element = { .name = "variable",
					      .alias = "consulta",
					      .attrs = variable_attrs,
					      .value = &name_row,
					      .min = 1 };
const struct xml_element variables_element = {
	.name = "variables", .alias = "peticions", .children = CHILDREN(&variable_element), ONCE
};
const struct xml_element analyzer_element = {
	.name = "analyzer",
	.alias = "analitzador",
	.attrs = analyzer_attrs,
	.children = CHILDREN(&params_element, &exports_element, &variables_element)
};
const struct xml_element analyzers_element = {
	.name = "analyzers", .alias = "equips", .children = CHILDREN(&analyzer_element), ONCE
};
const struct xml_element config_element = { .name = "configuration",
					    .alias = "configuracio",
					    ONCE,
					    .children = CHILDREN(&node_element, &devices_element,
								 &analyzers_element) };
