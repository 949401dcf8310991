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

int conf_check(const void *conf, struct tesla_error *err);

#endif
