/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clientRest: records from the journal to a server over HTTP, in the predecessor's form (v2) or in
 * batches (v1).  Retries are the core's: here a record is sent once per call.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "link.h"
#include "rest.h"

bool rest_has_time(const struct rest *r, const struct tesla_batch *batch)
{
	return batch->deadline_us == 0 ||
	       r->host->now_us(r->host) + r->timeout_ms * 1000 <= batch->deadline_us;
}

static void rest_close(void *self)
{
	struct rest *r = self;

	if (r == NULL)
		return;
	if (r->http != NULL)
		http_free(r->http);
	free(r->base);
	free(r);
}

static int rest_open(const void *conf, const struct tesla_host *host, void **self,
		     struct tesla_error *err)
{
	const struct conf *c = conf;
	int r = conf_check(conf, err);
	struct rest *rest;

	if (r != 0)
		return r;
	rest = calloc(1, sizeof *rest);
	if (rest == NULL || (rest->base = link_base(c->target)) == NULL) {
		rest_close(rest);
		return tesla_fail(err, -ENOMEM, "no memory");
	}
	rest->host = host;
	rest->api = (enum api)c->api;
	rest->format = (enum format)c->format;
	rest->gzip = c->gzip;
	rest->timeout_ms = c->timeout_ms;
	r = http_new(c, link_headers(c, c->api == API_V2), &rest->http, err);
	if (r != 0) {
		rest_close(rest);
		return r;
	}
	tzset(); /* localtime_r() alone need not look at TZ */
	link_warn(c, host);
	*self = rest;
	return 0;
}

static int rest_deliver(void *self, const struct tesla_batch *batch, struct tesla_verdict *verdicts,
			struct tesla_error *err)
{
	struct rest *r = self;

	return r->api == API_V1 ? v1_deliver(r, batch, verdicts, err)
				: v2_deliver(r, batch, verdicts, err);
}

static const char *const apis[] = { [API_V2] = "v2", [API_V1] = "v1", NULL };
static const char *const formats[] = { [FORMAT_MSGPACK] = "msgpack", [FORMAT_JSON] = "json", NULL };

static const struct tesla_param params[] = {
	TESLA_P_STR("target", struct conf, target, .flags = TESLA_REQUIRED,
		    .help = "Where the server's interface begins: http://host/ws/v2, or /api/v1."),
	TESLA_P_CHOICE("api", struct conf, api, .dflt = "v2", .choices = apis,
		       .help = "v2: the predecessor's, one record a request; v1: batches."),
	TESLA_P_MS("timeout", struct conf, timeout_ms, .dflt = "10", .min = 100, .max = 15000,
		   .unit = "s", .help = "How long one request may take in all."),
	TESLA_P_MS("connect_timeout", struct conf, connect_timeout_ms, .dflt = "5", .min = 100,
		   .max = 15000, .unit = "s", .help = "How long of that connecting may take."),
	CONF_LOGIN_PARAMS,
	TESLA_P_CHOICE("format", struct conf, format, .dflt = "msgpack", .choices = formats,
		       .help = "Of v1's requests and answers."),
	TESLA_P_BOOL("gzip", struct conf, gzip, .dflt = "true",
		     .help = "v1's requests are compressed."),
	CONF_PEER_PARAMS,
	TESLA_P_END
};

static const struct tesla_exporter exporter = {
	.size = sizeof exporter,
	.open = rest_open,
	.deliver = rest_deliver,
	.close = rest_close,
};

/* Serial: whether curl_global_init() may run twice at a time depends on libcurl's build. */
TESLA_EXPORTER_PLUGIN("clientRest", PACKAGE_VERSION, &exporter, .threading = TESLA_SERIAL_PLUGIN,
		      .help = "Records to a server over HTTP.", .params = params,
		      .conf_size = sizeof(struct conf), .check = conf_check);
