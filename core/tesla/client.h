/* SPDX-License-Identifier: Apache-2.0 */
/*
 * <tesla/client.h>: libtesla, a client of teslad's control socket and stream.  docs/client.md
 * explains it by example.  A handle belongs to one thread.  Functions return 0 or a negative errno
 * and fill *err with a sentence.  Structs that the library hands out may grow at their end.
 */
#ifndef TESLA_CLIENT_H
#define TESLA_CLIENT_H

#include <stdint.h>
#include <tesla/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Who is asked.  Keys are Z85, 40 characters each: all three over CURVE, none in plain text. */
struct tesla_peer {
	const char *endpoint; /* NULL: the default, which each function names */
	const char *server_key;
	const char *public_key, *secret_key; /* our own */
	const void *reserved[4];	     /* NULL */
};

/* ---- the control socket ---- */
struct tesla_client;

/* endpoint: "ipc:///run/tesla/control" or "tcp://..."; NULL: $TESLA_CONTROL, else the default. */
int tesla_connect(const char *endpoint, struct tesla_client **ret, struct tesla_error *err);
int tesla_connect_peer(const struct tesla_peer *peer, struct tesla_client **ret,
		       struct tesla_error *err);
void tesla_disconnect(struct tesla_client *c);

/*
 * Sends one command and waits for its answer.  `args` is a MessagePack map of further keys, or
 * NULL.  On success *reply is the answer's MessagePack map (free() it).  -ETIMEDOUT: no daemon
 * answered; -EREMOTEIO: the daemon answered with an error, which is in *err.
 */
int tesla_request(struct tesla_client *c, const char *command, const void *args, size_t args_len,
		  int timeout_ms, uint8_t **reply, size_t *reply_len, struct tesla_error *err);

/* All that the daemon said when the last request gave -EREMOTEIO; valid until the next; or NULL. */
const char *tesla_refusal(const struct tesla_client *c);

/* ---- a reading, of the stream or of a snapshot ---- */
struct tesla_client_reading {
	int64_t analyzer;
	const char *variable, *unit;
	int64_t epoch_ms; /* when the daemon started */
	int64_t t_ms;	  /* when it was measured: UTC, since 1970 */
	double dt_ms;	  /* half-width: t is right to +- this */
	uint64_t n, k;	  /* of the sweep; of this topic's messages since epoch_ms */
	size_t n_elements;
	const struct tesla_element *elements; /* value: NAN where there is none */
	const char *const *labels;	      /* one an element; NULL: not known (yet) */
	const char *error;		      /* why an element has quality 3; else NULL */
};

/* ---- the last values ---- */
struct tesla_snapshot;
/* Asks for them; *ret is independent of c. */
int tesla_snapshot(struct tesla_client *c, int timeout_ms, struct tesla_snapshot **ret,
		   struct tesla_error *err);
int64_t tesla_snapshot_epoch_ms(const struct tesla_snapshot *s);
size_t tesla_snapshot_count(const struct tesla_snapshot *s);
/* The next one, valid until the next call; -ENODATA: there are no more. */
int tesla_snapshot_next(struct tesla_snapshot *s, const struct tesla_client_reading **ret,
			struct tesla_error *err);
void tesla_snapshot_rewind(struct tesla_snapshot *s);
void tesla_snapshot_free(struct tesla_snapshot *s);

/* ---- following: the last values, then the stream, with no gap or double between them ---- */
struct tesla_follow;

enum tesla_event_kind {
	TESLA_EVENT_UP = 1,	 /* it follows: said at first, and after each DOWN */
	TESLA_EVENT_DOWN = 2,	 /* nothing has come for 3 s; `reason` says what is known */
	TESLA_EVENT_READING = 3, /* `reading` */
	TESLA_EVENT_MESSAGE = 4, /* a record, a status change or a heartbeat: `topic`, `payload` */
	TESLA_EVENT_GAP = 5,	 /* of `topic`, `missed` messages before number `k` never came */
	TESLA_EVENT_RESTART = 6, /* another daemon: `epoch_ms`, was `old_epoch_ms` */
	TESLA_EVENT_RESET = 7,	 /* the count of `topic` begins anew, in the same epoch */
};

/* Members that a kind does not name are 0 or NULL, but `topic`, `epoch_ms` and `k` of messages. */
struct tesla_event {
	enum tesla_event_kind kind;
	const char *topic;
	int64_t epoch_ms;
	uint64_t k;
	/*
	 * Of a reading: it is the last value that the daemon knew when it was asked (at first, and
	 * again after a gap or a restart), it did not come by the stream.
	 */
	bool from_snapshot;
	const struct tesla_client_reading *reading;
	const uint8_t *payload; /* MessagePack, as docs/stream.md says; NULL: from a snapshot */
	size_t len;
	uint64_t missed;
	int64_t old_epoch_ms;
	const char *reason;
};

/*
 * prefixes: topics or their beginnings, NULL: everything.  control: the default as of
 * tesla_connect.  stream: by default endpoint and server_key are what the daemon says; where it
 * says a key, a pair of our own is needed.  All is copied.
 */
struct tesla_follow_conf {
	uint32_t size; /* sizeof(struct tesla_follow_conf) */
	struct tesla_peer control, stream;
	const char *const *prefixes; /* NULL-terminated */
	/*
	 * Appended.  Another one, of the same thread, or NULL: they share what works behind them,
	 * up to some hundred of them.  For who follows many; either may end first.
	 */
	struct tesla_follow *beside;
};

/*
 * Returns at once; nobody needs to be there yet.  It connects, and connects again, by itself.  A
 * value is handed on once at most: what was missed is told by number and never made up.
 */
int tesla_follow(const struct tesla_follow_conf *conf, struct tesla_follow **ret,
		 struct tesla_error *err);
void tesla_unfollow(struct tesla_follow *f);
/*
 * The next event, valid until the next call.  timeout_ms -1: wait for ever.  -EAGAIN: none came in
 * time; -EINTR: a signal.  -EBADMSG: something came that makes no sense and was left out; -ENOBUFS:
 * so was a topic, of which there are more than are kept; go on.  -ENOMEM: no memory.
 */
int tesla_follow_next(struct tesla_follow *f, int timeout_ms, const struct tesla_event **ret,
		      struct tesla_error *err);
/*
 * The descriptor for a loop of your own: readable when something is to be done.  Call
 * tesla_follow_next(f, 0, ...) until it returns -EAGAIN before waiting for it.
 */
int tesla_follow_fd(const struct tesla_follow *f);

/* ---- the bare stream: messages as they come, for who needs nothing else ---- */
struct tesla_stream;
/*
 * prefix: a topic or its beginning, such as "reading/4/1/"; "" is everything.  endpoint NULL: what
 * the daemon at the default control endpoint says.
 */
int tesla_subscribe(const char *endpoint, const char *prefix, struct tesla_stream **ret,
		    struct tesla_error *err);
int tesla_subscribe_peer(const struct tesla_peer *peer, const char *prefix,
			 struct tesla_stream **ret, struct tesla_error *err);
void tesla_unsubscribe(struct tesla_stream *s);
/*
 * The descriptor that becomes readable when there may be messages.  It is edge-triggered: call
 * tesla_next until it returns -EAGAIN before waiting for it.
 */
int tesla_stream_fd(struct tesla_stream *s);
/*
 * The next message; topic and payload are valid until the next call.  timeout_ms -1: wait for ever.
 * -EAGAIN: none came in time.  -EBADMSG: one that makes no sense was left out; go on.
 */
int tesla_next(struct tesla_stream *s, int timeout_ms, const char **topic, const uint8_t **payload,
	       size_t *len, struct tesla_error *err);

#ifdef __cplusplus
}
#endif
#endif
