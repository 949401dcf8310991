/* SPDX-License-Identifier: Apache-2.0 */
/* What the files config*.c share while one config.xml is read.  Nobody else includes it. */
#ifndef DAEMON_CONFIG_LOADER_H
#define DAEMON_CONFIG_LOADER_H

#include "daemon/config.h"
#include "daemon/config_tables.h"

#define UNSET INT64_MIN /* a number that was not given, or was wrong and reported */
#define INTERVAL_MIN_MS 10
#define MINUTE_MS 60000
#define DAY_MS 86400000
#define INTERVALS_MAX 4 /* different ones of an analyzer; the host has so many */

struct device {
	int64_t id;
	const xmlNode *node;
	bool enabled;
	const struct conf_line *on; /* NULL: disabled, or of no kind that there is */
};

struct loader {
	struct config *c;
	struct arena *a; /* &c->memory */
	const struct xml *x;
	struct diags *d;
	const char *const *model_dirs;
	char *folder;		/* of config.xml, absolute */
	struct device *devices; /* disabled ones too: they may be referred to */
	size_t n_devices;
	const xmlNode **seen; /* analyzers, by the order of the file */
	int64_t *seen_ids;
	size_t n_seen;
	const char **bad_models; /* reported once */
	size_t n_bad_models;
};

#define NAME_FORM "letters, digits, \".\", \"_\" and \"-\", a letter or digit first"
/* Names that become part of paths and topics. */
bool config_name_ok(const char *name);
/* Line of a node, for "as in line N". */
int config_line_of(const struct loader *l, const xmlNode *node);
/* Takes the child as a parameter: text only, once; NULL: reported.  Returns its value. */
const char *config_param(struct loader *l, struct conf_params *params, const xmlNode *node);
const char *config_param_get(const struct conf_params *params, const char *name);

void config_lines(struct loader *l, const xmlNode *devices);
void config_analyzers(struct loader *l, const xmlNode *analyzers);
void config_exports(struct loader *l, const xmlNode *exports, const struct conf_analyzer *analyzer);
/* The model of that name, read when it is the first to ask; NULL: reported, once per name. */
struct model *config_model(struct loader *l, const xmlNode *at, const char *name);

#endif
