/* SPDX-License-Identifier: Apache-2.0 */
/* The text of config.xml for others to read: in UTF-8, and without what is secret in it.  Pure. */
#ifndef DAEMON_CONFIG_TEXT_H
#define DAEMON_CONFIG_TEXT_H

#include "base/arena.h"
#include "base/buf.h"

#define CONFIG_MASK "***"

/* In UTF-8, whatever `encoding` it is in (NULL: UTF-8 already); NULL: it cannot be converted. */
char *config_text_utf8(const char *text, size_t len, const char *encoding, struct arena *a);

/*
 * Appends `text`, well-formed XML, with CONFIG_MASK for the value of each attribute, and for all
 * that is inside each element, whose name `secret` says is one, and for each comment that has such
 * a name.
 */
void config_text_mask(const char *text, bool (*secret)(void *arg, const char *name, size_t len),
		      void *arg, struct buf *out);

#endif
