/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plugin says of itself.  The core loads no plugin: a child (tesla-host --describe) does,
 * and writes the description, which is foreign and checked here.
 */
#ifndef DAEMON_DESCRIBE_H
#define DAEMON_DESCRIBE_H

#include <tesla/plugin.h>

struct plugin {
	enum tesla_kind kind; /* as it is used */
	char *name;	      /* as in config.xml */
	char *path;	      /* NULL: there is no such file */
	char *stamp; /* path, inode, size and time of the file: another version has another */
	char *error; /* why it cannot be used; NULL: it can */
	char *version, *abi, *help;
	char **aliases; /* NULL-terminated, or NULL */
	uint32_t takes, lines, max_registers, caps;
	int64_t first_address, last_address; /* of a driver, on lines of bytes; last 0: any */
	struct tesla_param *params;	     /* ended by TESLA_P_END, or NULL; offsets are 0 */
};

/*
 * Runs `host --describe p->path`, at most 10 s and no longer than until `stop_fd` can be read (-1:
 * never), and fills the rest of p, or p->error.  Blocks.
 */
void describe(const char *host, struct plugin *p, int stop_fd);
void plugin_release(struct plugin *p);
const char *plugin_kind_name(enum tesla_kind kind);

#endif
