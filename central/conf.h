/* SPDX-License-Identifier: Apache-2.0 */
/* central.ini: the settings of the server.  All have defaults. */
#ifndef CENTRAL_CONF_H
#define CENTRAL_CONF_H

#include "base/address.h"
#include "base/xml.h"
#include "central/store_maintain.h"

/* [Retention MODEL]: what is not said there is as in [Retention]. */
struct conf_retention {
	struct conf_retention *next;
	const char *model;
	struct store_policy policy; /* without a zone */
};

struct conf {
	struct address where; /* [Server] listen */
	const char *listen;
	const char *cert, *key;	 /* [Server]; PEM files; both, or both "": in plain text */
	bool plain;		 /* [Server]: other machines may come in plain text */
	const char *control_key; /* [Control] key: our own pair, for nodes with a key; "": none */
	const char *models;	 /* [Server] models: a folder; "": where they were installed */
	const char *models_at;	 /* where that is said: a file and a line; "": nowhere */
	const char *backups;	 /* [Store] backups: a folder; "": DIR/backups */
	int log_level;		 /* [Server] log_level */
	/* [Limits] */
	int64_t connections, connections_per_address;
	int64_t requests_per_second; /* of an address */
	int64_t body_mib, bodies_mib;
	int64_t request_time_ms;
	int64_t group_jobs, read_jobs; /* that wait for the store */
	int64_t streams, streams_per_user, nodes_followed;
	struct store_policy retention; /* [Retention], without a zone */
	struct conf_retention *models_retention;
	struct arena memory; /* has the texts */
};

/* NULL: *diags says why.  Its warnings are there in any case. */
struct conf *conf_load(const char *file, bool must_exist, struct diags *diags);
void conf_free(struct conf *c);
/* What is kept for how long of a model; of any thread. */
const struct store_policy *conf_retention(const struct conf *c, const char *model);

#endif
