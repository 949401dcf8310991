/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host may touch, from what it is for (docs/wire.md, `confine`): the core knows that, and
 * the host confines itself to it (host/confine.h).
 */
#ifndef DAEMON_CONFINEMENT_H
#define DAEMON_CONFINEMENT_H

#include <sys/types.h>

#include "daemon/setup.h"

/*
 * What a host that begins now may touch.  It is kept as long as the host lives, since the kernel's
 * rules are for what stood at a path then: not for what replaces it, nor for what comes later.
 */
struct confinement_rule {
	const char *access; /* read, write, device, socket */
	char *path, *real;  /* real: without links; NULL: there was nothing */
	dev_t dev;
	ino_t ino; /* 0: there was nothing */
};
struct confinement {
	struct confinement_rule *list;
	size_t n;
	bool network, failed; /* failed: not confined, by lector.ini or for want of memory */
};			      /* all zero: it may touch nothing */

/* Of lines: serial devices, or the network. */
void confinement_of_lines(const struct setup *s, size_t owner, struct confinement *ret);
/*
 * Of an exporter: the network, the folder that is its target, and those of the files that its
 * parameters name.  `e` NULL: the stream at `endpoint`.
 */
void confinement_of_exporter(const struct setup *s, const struct plugin *p,
			     const struct conf_exporter *e, const char *endpoint,
			     struct confinement *ret);
void confinement_release(struct confinement *c);
/* What a line of `s` needs, with all of its analyzers that can run. */
void confinement_of_line(const struct setup *s, const struct conf_line *l, struct confinement *ret);
/* Whether a host has what is wanted.  What is not there is left out: nobody can have it. */
bool confinement_has(const struct confinement *c, const struct confinement *wanted);
/* The folder that the host may write to; NULL: none, or all. */
const struct confinement_rule *confinement_target(const struct confinement *c);

/*
 * The key `confine` and its value, as above; nil when lector.ini says confine = no, or without
 * memory, which `status` then shows.
 */
void confinement_pack_lines(msgpack_packer *pk, const struct setup *s, size_t owner);
void confinement_pack_exporter(msgpack_packer *pk, const struct setup *s, const struct plugin *p,
			       const struct conf_exporter *e, const char *endpoint);

#endif
