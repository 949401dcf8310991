/* SPDX-License-Identifier: Apache-2.0 */
/* `tesla-host --describe PATH`: what a plugin says of itself, for the core, which loads none. */
#ifndef HOST_DESCRIBE_H
#define HOST_DESCRIBE_H

/*
 * Writes one frame (docs/wire.md) to out_fd, and unloads the plugin, from which it may not come
 * back: the core does not wait for that.  The exit code: 0, also for a refusal, else 1.
 */
int describe_main(const char *path, int out_fd);

#endif
