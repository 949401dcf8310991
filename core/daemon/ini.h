/* SPDX-License-Identifier: Apache-2.0 */
/* lector.ini: the daemon's own settings.  All have defaults, also for a user who is not root. */
#ifndef DAEMON_INI_H
#define DAEMON_INI_H

#include "base/xml.h"
#include "daemon/journal.h"

struct ini_journal {		      /* [Journal] */
	struct journal_limits limits; /* max_size, max_age, rejects, policy */
	int64_t sync_interval_ms;     /* sync_interval */
};

struct ini_metrics {  /* [Metrics] */
	char *listen; /* listen: an address that address_parse takes; "" is off */
	bool remote;  /* remote: it need not be a loopback address; default no */
	int line;     /* where `listen` stands */
};

struct ini {
	int log_level;			   /* [General] log_level: debug, info, warning, error */
	bool auto_start;		   /* [General] auto_start: poll at once; default yes */
	bool confine;			   /* [General] confine: hosts; default yes */
	char *log_dir;			   /* [General] log_dir; NULL: standard error */
	int64_t log_size;		   /* [General] log_size: bytes of a log file, about */
	int64_t log_files;		   /* [General] log_files: with the one in use */
	char *run_dir, *state_dir;	   /* [General]; defaults: base/paths.h */
	char **plugin_path;		   /* [General] plugin_path: folders; NULL-terminated */
	char *stream;			   /* [Stream] endpoint; "" is off */
	int stream_line;		   /* where `endpoint` stands; 0: nowhere */
	char *stream_key, *stream_clients; /* [Stream]; files; both, or both NULL: in plain text */
	char *stream_public;		   /* the public key of that file; NULL: in plain text */
	char *control;		/* [Control] endpoint; ipc:// always; default <run_dir>/control */
	char *control_readonly; /* readonly: likewise; default <endpoint>-ro; "": none */
	char *control_group;	/* group: of the sockets and their folder; NULL: the process's */
	/* tcp, key, clients: all of them, or all NULL: nobody from elsewhere. */
	char *control_tcp, *control_key, *control_clients;
	struct ini_journal journal;
	struct ini_metrics metrics;
};

/* A file that does not exist is an error only when `must_exist`.  NULL: *diags says why. */
struct ini *ini_load(const char *file, bool must_exist, struct diags *diags);
/*
 * What only a start can change stays what it was: `next` has that of `was` then, which is left with
 * what `next` had.
 */
void ini_keep_fixed(struct ini *next, struct ini *was);
void ini_free(struct ini *ini);

#endif
