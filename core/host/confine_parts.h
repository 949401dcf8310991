/* SPDX-License-Identifier: Apache-2.0 */
/* What the files confine*.c share. */
#ifndef HOST_CONFINE_PARTS_H
#define HOST_CONFINE_PARTS_H

#include <tesla/plugin.h>

enum confine_access {
	CONFINE_READ,
	CONFINE_WRITE,	/* and make, rename and remove */
	CONFINE_DEVICE, /* read, write, set: no file is made */
	CONFINE_SOCKET, /* make and remove sockets of the file system */
};

/* A folder with all in it, or a file; what does not exist is left out. */
struct confine_path {
	enum confine_access access;
	char *path;
};

/*
 * No file but these and what the system's libraries need, those of the network included if asked.
 * Negative: *err says what is missing, and all files are as before.
 */
int confine_files(const struct confine_path *paths, size_t n, bool network,
		  struct tesla_error *err);
/* No program is started, no other process touched; without the network no socket is made. */
int confine_calls(bool network, struct tesla_error *err);

#endif
