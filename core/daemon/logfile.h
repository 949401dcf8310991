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
};

/*
 * From now on *log, which is of log_init_stderr(), goes there, as long as *f lives.  Negative:
 * *err, and all is as it was.
 */
int logfile_open(struct logfile *f, const struct ini *ini, struct log *log,
		 struct tesla_error *err);
/* Other sizes from now on; it need not be open. */
void logfile_limit(struct logfile *f, const struct ini *ini);
/* Lines of *log, which is of log_init_stderr(), that were lost there or here since the start. */
uint64_t logfile_lost(const struct logfile *f, const struct log *log, enum outlet_loss loss);
/* Standard error stays what it is. */
void logfile_close(struct logfile *f);

#endif
