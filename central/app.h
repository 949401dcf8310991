/* SPDX-License-Identifier: Apache-2.0 */
/* The server: what its parts share.  All of it belongs to the loop's thread. */
#ifndef CENTRAL_APP_H
#define CENTRAL_APP_H

#include <uv.h>

#include "base/log.h"
#include "central/attempts.h"
#include "central/auth.h"
#include "central/conf.h"
#include "central/http.h"
#include "central/keeper.h"
#include "central/limit.h"
#include "central/registry.h"
#include "central/session.h"
#include "central/zones.h"

struct call;
TAILQ_HEAD(calls, call);
struct prom_read;
TAILQ_HEAD(prom_reads, prom_read);

enum app_count {
	APP_RECORDS_STORED,
	APP_RECORDS_DUPLICATE,
	APP_RECORDS_REJECTED,
	APP_RECORDS_LATER,
	APP_FAILED,	/* 503, or cut off: the store or the disk */
	APP_BUSY,	/* 503: too many wait for the store */
	APP_NOT_LET_IN, /* 401, 403 */
	APP_TOO_OFTEN,	/* 429 */
	N_APP_COUNTS
};

enum app_care { APP_COMPACTION, APP_MAINTENANCE, APP_N_CARES };

struct app {
	uv_loop_t loop;
	struct log log;
	const char *dir;
	struct conf *conf;
	struct http *http;
	struct http_tls *tls; /* NULL: in plain text */
	struct keeper *keeper;
	struct registry_db *registry_db;
	struct registry *registry;
	uint64_t registry_changes; /* the registry's: at another one pointers into it are new */
	struct limit *requests;	   /* per address */
	struct limit *ahead;	   /* what is said of analyzers' clocks, per row */
	struct limit *failures;	   /* what is said of requests that fail, per sentence */
	struct zones *zones;
	struct sessions *sessions;
	struct attempts *attempts;
	struct passwords *passwords;
	struct calls calls; /* that are not over */
	uv_signal_t signals[3];
	uv_timer_t watchdog, care_timers[APP_N_CARES];
	struct care *care;
	struct backing *backing; /* a backup that is under way, or NULL */
	struct said *said;	 /* what is damaged */
	struct watch *watch;
	struct catalogue *catalogue; /* the models that are known */
	struct v2 *v2;
	struct prom_reads prom_waiting; /* remote reads (api_prom.c) */
	size_t n_prom_waiting, n_prom_reading;
	uint64_t counts[N_APP_COUNTS];
	struct store_info info; /* as it was at info_at_ms; 0: never asked */
	int64_t info_at_ms;
	int64_t tried_at_ms; /* when the store was last asked whether it takes records again */
	size_t working;	     /* pieces of work in libuv's pool */
	size_t n_pieces;     /* answers under way that are read from the store */
	bool stopping;
	bool keeper_ends; /* what it hands back from now on, it hands back as it has ended */
};

int64_t app_wall_ms(const struct app *app); /* UTC */
int64_t app_now_ms(const struct app *app);  /* monotonic */
/* What other processes, or the store's thread, changed is seen from here on. */
int app_refresh(struct app *app); /* negative: it could not be read, and was logged */

/* A record of that analyzer ends in the future: the log says it, of each once a day. */
void app_say_ahead(struct app *app, const struct registry_analyzer *a, int64_t end_ms,
		   int64_t now_ms);
/* What fails for one request, and so will for others: each sentence is logged once a minute. */
void app_say_failure(struct app *app, const char *where, const char *sentence);

#endif
