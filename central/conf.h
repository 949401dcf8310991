/* SPDX-License-Identifier: Apache-2.0 */
/* central.ini: the settings of the server.  All have defaults. */
#ifndef CENTRAL_CONF_H
#define CENTRAL_CONF_H

#include "base/address.h"
#include "base/xml.h"

struct conf {
	struct address where; /* [Server] listen */
	const char *listen;
	const char *cert, *key;	 /* [Server]; PEM files; both, or both "": in plain text */
	bool plain;		 /* [Server]: other machines may come in plain text */
	const char *control_key; /* [Control] key: our own pair, for nodes with a key; "": none */
	const char *models;	 /* [Server] models: a folder; "": where they were installed */
	int log_level;		 /* [Server] log_level */
	/* [Limits] */
	int64_t connections, connections_per_address;
	int64_t requests_per_second; /* of an address */
	int64_t body_mib, bodies_mib;
	int64_t request_time_ms;
	int64_t group_jobs, read_jobs; /* that wait for the store */
	int64_t streams, streams_per_user, nodes_followed;
	struct arena memory; /* has the texts */
};

/* NULL: *diags says why.  Its warnings are there in any case. */
struct conf *conf_load(const char *file, bool must_exist, struct diags *diags);
void conf_free(struct conf *c);

#endif
