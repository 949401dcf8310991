/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who was at work when a host died: a page of memory that host and core share.  A thread of the
 * host writes before every call into a plugin what it calls; on a fatal signal its handler adds
 * the signal. The core reads the page after the host's death, as foreign bytes: a wild plugin may
 * have written it.
 */
#ifndef BASE_BLAME_H
#define BASE_BLAME_H

#include <stdatomic.h>
#include <tesla/plugin.h>

/* Exit code of a host that gave up on its core: whatever was at work then is not to blame. */
#define BLAME_EXIT_LOST 3
#define BLAME_SLOTS 96 /* threads of a host at once: 64 lines and a few */

struct blame_slot {
	_Atomic uint32_t taken;	  /* 1 while a thread has it; the host's own business */
	_Atomic uint32_t busy;	  /* 1 while inside the plugin */
	_Atomic int32_t signal;	  /* the one that it died of, or 0 */
	_Atomic int64_t since_us; /* monotonic; this and the next are read while the thread works */
	_Atomic int64_t limit_us; /* the call should take this long at most; 0: no limit */
	int64_t line, analyzer;	  /* 0: none */
	char plugin[40], call[16];
};

struct blame_page {
	struct blame_slot slots[BLAME_SLOTS];
};

/* What a host was doing, in the core's own memory. */
struct blame {
	int signal;		/* 0: no signal was caught (killed, or hangs) */
	int64_t line, analyzer; /* 0: none */
	char plugin[40], call[16];
};

/* ---- core ---- */
/* Makes a page; *fd is for the host to inherit.  NULL with errno. */
struct blame_page *blame_create(int *fd);
void blame_destroy(struct blame_page *page);
/*
 * True: *ret names the call to blame.  A slot with a signal wins; else, if `overdue_only`, a call
 * that takes twice its limit; else a call that is under way, if it is the only one.
 */
bool blame_find(const struct blame_page *page, bool overdue_only, int64_t now_us,
		struct blame *ret);

/* ---- host ---- */
struct blame_page *blame_attach(int fd); /* NULL with errno */
/*
 * A slot for the calling thread, with handlers for SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT on
 * a stack of its own.  NULL: no slot is left, or no memory.
 */
struct blame_slot *blame_claim(struct blame_page *page);
/* By the thread that claimed it, before it ends. */
void blame_release(struct blame_slot *s);
void blame_enter(struct blame_slot *s, const char *plugin, const char *call, int64_t line,
		 int64_t analyzer, int64_t limit_us);
void blame_leave(struct blame_slot *s);

#endif
