/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host's libraries and plugins write to its standard error and output, line by line: a pipe,
 * so that it is in the log like the host's own messages, and bounded like them, wherever the log
 * goes and however often its file changes.  Storage is the caller's; on the loop's thread.
 */
#ifndef DAEMON_SPILL_H
#define DAEMON_SPILL_H

#include <uv.h>

#define SPILL_LINE_MAX 500u /* of a longer line the rest is lost */

struct spill {
	uv_pipe_t pipe; /* its data is `arg` */
	char line[SPILL_LINE_MAX + 1];
	size_t len;
	char room[4096];
	void (*said)(void *arg, const char *line);
};

void spill_init(struct spill *s, uv_loop_t *loop, void (*said)(void *arg, const char *line),
		void *arg);
/* The end for the child, to be closed by the caller.  0 or a negative errno. */
int spill_open(struct spill *s, int *ret_fd);
/* Takes what is still there, then closes the handle; `closed` gets it with its data as ever. */
void spill_close(struct spill *s, uv_close_cb closed);

#endif
