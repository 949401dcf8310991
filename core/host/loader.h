/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One loaded plugin.  The only place that opens shared objects.  libltdl is not made for threads:
 * all of this belongs to the thread that starts the others.
 */
#ifndef HOST_LOADER_H
#define HOST_LOADER_H

#include <ltdl.h>
#include <tesla/plugin.h>

struct loader {
	char *path; /* resolved */
	/*
	 * Copies: what this build knows of the plugin's tables, zero where the plugin is older.
	 * plugin.driver, .data or .exporter points to the table below that is its kind's.
	 */
	struct tesla_plugin plugin;
	union {
		struct tesla_driver driver;
		struct tesla_data data;
		struct tesla_exporter exporter;
	};
	lt_dlhandle handle;
};

/*
 * Checks the file and its folder, binds all symbols, checks the descriptor.  `kind` 0: any.
 * `name`: what the configuration calls it, its name or one of its aliases; NULL: any.  On failure
 * one sentence with the path, and *ret is untouched.
 */
int loader_open(const char *path, enum tesla_kind kind, const char *name, struct loader **ret,
		struct tesla_error *err);
/* After the last instance was closed.  NULL is fine. */
void loader_close(struct loader *l);

/* loader_open's second half, for tests: checks and copies a descriptor; messages need l->path. */
int loader_adopt(struct loader *l, const struct tesla_plugin *foreign, enum tesla_kind kind,
		 const char *name, struct tesla_error *err);

struct loader_pair {
	const char *name, *value;
};
/*
 * A conf struct for the plugin: defaults, then the values, then the plugin's own check.  Pairs with
 * names that the plugin does not know are other plugins' or the line's: the core checked them.
 * free(*conf) after the last instance; its strings point into `pairs`, which must live as long.
 */
int loader_conf(const struct loader *l, const struct loader_pair *pairs, size_t n, void **conf,
		struct tesla_error *err);

const char *loader_kind_name(enum tesla_kind kind); /* "driver", "data", "exporter" */

#endif
