/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd within a libuv loop, for who answers over HTTP: its epoll is a descriptor of the
 * loop, and each client has so long to get on.  libmicrohttpd's own time-out is not that: a client
 * that sends a byte now and then is cut too.
 */
#ifndef BASE_WEB_H
#define BASE_WEB_H

#include <microhttpd.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <tesla/plugin.h>
#include <uv.h>

#include "base/address.h"

struct web_client { /* a part of what its owner keeps for the connection; all zero: no deadline */
	TAILQ_ENTRY(web_client) by_deadline;
	int fd;
	uint64_t until_ms;
	bool timed; /* in the list */
	bool cut;
};
TAILQ_HEAD(web_clients, web_client);

struct web { /* not to be touched outside; a part of what its owner frees in `closed` */
	struct MHD_Daemon *daemon;
	uv_poll_t poll;	     /* the daemon's own epoll */
	uv_timer_t again;    /* the daemon wants to run by then */
	uv_timer_t deadline; /* of the first of: */
	struct web_clients clients;
	uint64_t deadline_ms;
	uint64_t n_cut; /* clients that did not get on in time */
	bool running;	/* in MHD_run */
	bool rerun;	/* something was resumed */
	unsigned open_handles;
	void (*closed)(void *owner);
	void *owner;
};

/* A socket for MHD_OPTION_LISTEN_SOCKET; -errno: *err says why. */
int web_listen(const struct address *where, int backlog, struct tesla_error *err);
/* The daemon was started with MHD_USE_EPOLL; web_stop ends it. */
void web_start(struct web *w, uv_loop_t *loop, struct MHD_Daemon *daemon, uint64_t deadline_ms);
/* The daemon has something to do that no socket tells. */
void web_run_again(struct web *w);
/* Ends all connections at once; `closed` is called when the loop has let go of the struct. */
void web_stop(struct web *w, void (*closed)(void *owner), void *owner);

void web_deadline(struct web *w, struct web_client *c); /* its time begins now */
void web_no_deadline(struct web *w, struct web_client *c);
/* The daemon sees that the socket is shut down, and closes it. */
void web_cut(struct web *w, struct web_client *c);

#endif
