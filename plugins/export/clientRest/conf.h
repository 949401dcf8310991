/* SPDX-License-Identifier: Apache-2.0 */
/* What a user sets, and what a table of parameters cannot check. */
#ifndef CLIENTREST_CONF_H
#define CLIENTREST_CONF_H

#include <tesla/plugin.h>

enum api { API_V2, API_V1 };
enum format { FORMAT_MSGPACK, FORMAT_JSON };

struct conf {
	const char *target;
	int api, format;
	bool gzip;
	int64_t timeout_ms, connect_timeout_ms;
	const char *token, *user, *password;
	const char *proxy, *ca, *cert, *key;
};

/* Rows of the tables of parameters: who we are, and how the server is reached. */
#define CONF_LOGIN_PARAMS \
	TESLA_P_STR("token", struct conf, token, .flags = TESLA_SECRET, \
		    .help = "Sent as Authorization: Bearer."), \
		TESLA_P_STR("user", struct conf, user, \
			    .help = "For HTTP Basic; goes with password."), \
		TESLA_P_STR("password", struct conf, password, .flags = TESLA_SECRET, \
			    .help = "For HTTP Basic; goes with user.")
#define CONF_PEER_PARAMS \
	TESLA_P_STR("proxy", struct conf, proxy, .flags = TESLA_SECRET, \
		    .help = "URL of a proxy; the environment's are not used."), \
		TESLA_P_STR("ca", struct conf, ca, \
			    .help = "File of the authorities (PEM) to trust, not the system's."), \
		TESLA_P_STR("cert", struct conf, cert, \
			    .help = "File of a client certificate (PEM) to show."), \
		TESLA_P_STR( \
			"key", struct conf, key, \
			.help = "File of the key (PEM) of cert, when it is not in the same file.")

int conf_check(const void *conf, struct tesla_error *err);

#endif
