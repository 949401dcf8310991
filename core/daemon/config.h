/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What config.xml says, checked: lines, analyzers, exporters, with every name resolved that can be
 * without loading a plugin.  Immutable once loaded; owned by one struct.  Both spellings are read,
 * Catalan and English (docs/config.md has the table).
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include "base/model.h"

struct conf_param {
	char *name, *value;
	int line, column;
}; /* where it stands, for messages */
struct conf_params {
	struct conf_param *list;
	size_t n;
};

struct conf_line { /* `device` */
	int64_t id;
	enum tesla_line_kind kind;
	char *name;		   /* its endpoint: "/dev/ttyS0", "10.0.0.7:502" */
	struct conf_params params; /* all child elements: the line's own and the drivers' */
	int line, column;
};

struct conf_variable {
	const struct tesla_variable *variable; /* belongs to the model */
	int64_t interval_ms;
};

struct conf_analyzer {
	int64_t id;
	unsigned address;
	const struct conf_line *on;
	struct model *model; /* belongs to config->models */
	char *driver, *data; /* as written: may be an alias */
	int64_t interval_ms, record_ms;
	struct conf_variable *variables;
	size_t n_variables;
	struct conf_params params; /* unknown children of `params`: the data plugin's */
	int line, column;
};

struct conf_exporter {		   /* one instance; several analyzers may name it */
	char *id, *type, *target;  /* target is absolute, or has a scheme; NULL: none */
	struct conf_params params; /* further attributes: the plugin's */
	uint32_t batch;		   /* records handed over at once, at most */
	double rate;		   /* records a second, at most; 0: no bound */
	const struct conf_analyzer **analyzers;
	size_t n_analyzers;
	int line, column;
};

struct config {
	char *file;
	char *text; /* of that file, in UTF-8; NULL: it cannot be converted */
	char *node_id, *node_name, *node_location;
	struct conf_line *lines; /* enabled ones, in the order of the file */
	size_t n_lines;
	struct conf_analyzer *analyzers; /* on enabled lines, in the order of the file */
	size_t n_analyzers;
	struct conf_exporter *exporters;
	size_t n_exporters;
	struct model **models; /* every model in use */
	char **model_texts;    /* the file of each, as read: hosts parse the same bytes */
	size_t n_models;
	struct arena memory; /* all of the above but the models */
};

/*
 * The line's own parameters are checked here, by the table that the host uses too
 * (core/base/line_params.h); what is not in it is a driver's, checked once drivers are described.
 *
 * NULL: *diags has every error.  With warnings only, the configuration is good.
 * model_dirs: NULL-terminated; a model NAME is <dir>/NAME.xml, the first that is there.
 */
struct config *config_parse(const char *file, const char *text, size_t len,
			    const char *const *model_dirs, struct diags *diags);
struct config *config_load(const char *file, const char *const *model_dirs, struct diags *diags);
void config_free(struct config *c);

#endif
