/* SPDX-License-Identifier: Apache-2.0 */
/*
 * teslad.log in log_dir, and older ones beside it: teslad.log.1 is the last, and the oldest of
 * log_files is dropped when log_size is reached.  Standard error is the file in use, so that what
 * libraries write in the core is there too; hosts write to the core (spill.h), so that no process
 * but ours has the file open.  What goes wrong with it is said on what was standard error before.
 * On the loop's thread.
 */
#ifndef DAEMON_LOGFILE_H
#define DAEMON_LOGFILE_H

#include "base/log.h"
#include "daemon/ini.h"

struct logfile {
	char *path;
	struct outlet out, *err; /* standard error: as it is and as it was, which is the log's */
	int64_t max_bytes, n_files, next_bytes; /* when a change is tried next */
	int64_t look_us; /* when it is looked next whether the file is still there */
	int why;	 /* it is not, and this is why there is no other one; 0: it is */
	bool nowhere;	 /* it was removed: lines go to standard error as it was */
};

/*
 * From now on *log, which is of log_init_stderr(), goes there, as long as *f lives.  Negative:
 * *err, and all is as it was.
 */
int logfile_open(struct logfile *f, const struct ini *ini, struct log *log,
		 struct tesla_error *err);
/*
 * Goes over to the file that has the name now, or makes it, when that is another one: somebody
 * moved or removed ours.  A line does it too, once a second at most; it need not be open.
 */
void logfile_follow(struct logfile *f);
/* Other sizes from now on; it need not be open. */
void logfile_limit(struct logfile *f, const struct ini *ini);
/* Lines of *log, which is of log_init_stderr(), that were lost there or here since the start. */
uint64_t logfile_lost(const struct logfile *f, const struct log *log, enum outlet_loss loss);
/* Standard error stays what it is. */
void logfile_close(struct logfile *f);

#endif
