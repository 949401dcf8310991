/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugins that a configuration names: found, described, and the configuration checked against
 * them.
 */
#ifndef DAEMON_PLUGINS_H
#define DAEMON_PLUGINS_H

#include "daemon/config.h"
#include "daemon/describe.h"
#include "daemon/ini.h"

struct places {		       /* where the installation is: built in, or from the environment */
	const char *host;      /* tesla-host; TESLA_HOST */
	const char *plugins;   /* folder with drivers, data, export; TESLA_PLUGINDIR */
	const char *models[2]; /* NULL-terminated; TESLA_MODELDIR */
};
void places_init(struct places *p);

struct plugin_use {
	const struct plugin *driver, *data;
	char *why;
}; /* why: it cannot run; or NULL */

struct plugins {
	struct plugin **list; /* every one that is named, also those that cannot be used */
	size_t n;
	struct plugin_use *uses; /* by analyzer of config */
	/*
	 * By exporter of config; NULL: it is live and cannot run.  One with an `error` cannot run
	 * either, but its records are kept.
	 */
	const struct plugin **exporters;
	const struct plugin
		*stream; /* zmqPublish, when [Stream] endpoint is not empty and it can be used */
	size_t n_analyzers;
};

struct plugins_how {
	bool strict;
	int stop_fd; /* once it can be read, whatever is under way ends at once; -1: never */
};

/*
 * Describes the plugins (blocks) and checks line, data and exporter parameters against their
 * tables.  A driver or data plugin that cannot be used is an error when `strict`, else a warning
 * and its analyzers have a `why`; a missing exporter is always a warning.  NULL: no memory.
 */
struct plugins *plugins_load(const struct config *c, const struct ini *ini,
			     const struct places *places, const struct plugins_how *how,
			     struct diags *diags);
void plugins_free(struct plugins *p);

/* The file of a plugin, for free(); NULL with `*tried`, the paths looked for, also for free(). */
char *plugin_find(const char *name, enum tesla_kind kind, const char *plugin_dir,
		  char *const *plugin_path, char **tried);

#endif
