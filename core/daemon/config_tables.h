/* SPDX-License-Identifier: Apache-2.0 */
/* config.xml by table: what may stand where, in both spellings. */
#ifndef DAEMON_CONFIG_TABLES_H
#define DAEMON_CONFIG_TABLES_H

#include "base/xml.h"

struct node_row {
	const char *id, *name, *location;
};
struct device_row {
	int64_t id;
	int type;
	bool enabled;
}; /* type: index into device_kinds */
struct analyzer_row {
	int64_t id, device, address;
	const char *model, *driver, *data;
};
struct export_row {
	const char *type, *target, *id;
	int64_t batch;
	double rate;
};
struct variable_row {
	int64_t interval_ms;
};

extern const enum tesla_line_kind device_kinds[];

extern const struct xml_attr analyzer_attrs[], device_attrs[], export_attrs[], node_attrs[],
	variable_attrs[];
extern const struct xml_element config_element, node_element, devices_element, device_element,
	analyzers_element, analyzer_element, params_element, manufacturer_element, model_element,
	record_element, poll_element, exports_element, export_element, variables_element,
	variable_element;

#endif
