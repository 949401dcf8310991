/* SPDX-License-Identifier: Apache-2.0 */
/* Who was at work when a host died. */
#include "base/blame.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

static struct blame_page *page_map(int fd)
{
	void *p = mmap(NULL, sizeof(struct blame_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

struct blame_page *blame_create(int *fd)
{
	_cleanup_close_ int f = memfd_create("tesla-blame", MFD_CLOEXEC);
	struct blame_page *page;

	if (f < 0 || ftruncate(f, sizeof *page) != 0)
		return NULL;
	page = page_map(f);
	if (page != NULL) {
		*fd = f;
		f = -1;
	}
	return page;
}

void blame_destroy(struct blame_page *page)
{
	if (page != NULL)
		(void)munmap(page, sizeof *page);
}

static void slot_copy(const struct blame_slot *s, struct blame *ret)
{
	*ret = (struct blame){ .signal = atomic_load(&s->signal),
			       .line = s->line,
			       .analyzer = s->analyzer };
	memcpy(ret->plugin, s->plugin, sizeof ret->plugin);
	memcpy(ret->call, s->call, sizeof ret->call);
	ret->plugin[sizeof ret->plugin - 1] = ret->call[sizeof ret->call - 1] = '\0';
}

static bool slot_overdue(const struct blame_slot *s, int64_t now_us)
{
	if (!atomic_load(
		    &s->busy)) /* first: since and limit are then this call's, or a newer one's */
		return false;
	int64_t limit = s->limit_us, took = now_us - s->since_us;

	return limit > 0 && limit < INT64_MAX / 2 && took > 2 * limit;
}

bool blame_find(const struct blame_page *page, bool overdue_only, int64_t now_us, struct blame *ret)
{
	const struct blame_slot *found = NULL;
	unsigned n = 0;

	for (size_t i = 0; i < BLAME_SLOTS; i++) {
		const struct blame_slot *s = &page->slots[i];

		if (atomic_load(&s->signal) != 0) {
			slot_copy(s, ret);
			return true;
		}
		if (overdue_only ? slot_overdue(s, now_us) : atomic_load(&s->busy) != 0) {
			found = s;
			n++;
		}
	}
	if (found == NULL || (n > 1 && !overdue_only))
		return false;
	slot_copy(found, ret);
	return true;
}

struct blame_page *blame_attach(int fd)
{
	return page_map(fd);
}

/* The slot of this thread, for the handler; set once, before any plugin is called. */
static _Thread_local struct blame_slot *own;

static void on_fatal(int sig)
{
	if (own != NULL)
		atomic_store(&own->signal, sig);
	/* The handler is gone (SA_RESETHAND): the fault repeats and has its ordinary end. */
	(void)raise(sig);
}

struct handler_stack {	/* a mapping of its own */
	stack_t before; /* what the thread had: none, or a sanitizer's */
	char bytes[65536 - sizeof(stack_t)];
};

static struct handler_stack *stack_of(void *bytes)
{
	return (struct handler_stack *)(void *)((char *)bytes -
						offsetof(struct handler_stack, bytes));
}

static bool handlers_install(void)
{
	struct sigaction sa = { .sa_handler = on_fatal,
				.sa_flags = SA_ONSTACK | (int)SA_RESETHAND };
	struct handler_stack *s =
		mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (s == MAP_FAILED)
		return false;
	const stack_t stack = { .ss_sp = s->bytes, .ss_size = sizeof s->bytes };

	if (sigaltstack(&stack, &s->before) != 0) {
		(void)munmap(s, sizeof *s);
		return false;
	}
	for (size_t i = 0; i < N_ELEMENTS(fatal); i++)
		(void)sigaction(fatal[i], &sa, NULL);
	return true;
}

struct blame_slot *blame_claim(struct blame_page *page)
{
	for (size_t i = 0; i < BLAME_SLOTS; i++) {
		struct blame_slot *s = &page->slots[i];

		if (atomic_exchange(&s->taken, 1) != 0)
			continue;
		if (handlers_install()) {
			own = s;
			return s;
		}
		atomic_store(&s->taken, 0);
		return NULL;
	}
	return NULL;
}

void blame_release(struct blame_slot *s)
{
	stack_t now;

	own = NULL;
	if (sigaltstack(NULL, &now) == 0) {
		struct handler_stack *h = stack_of(now.ss_sp);

		(void)sigaltstack(&h->before, NULL);
		(void)munmap(h, sizeof *h);
	}
	atomic_store(&s->taken, 0);
}

void blame_enter(struct blame_slot *s, const char *plugin, const char *call, int64_t line,
		 int64_t analyzer, int64_t limit_us)
{
	s->since_us = clock_mono_us();
	s->limit_us = limit_us;
	s->line = line;
	s->analyzer = analyzer;
	/* Eight times a transaction: no printf.  The last byte is NUL from the start. */
	(void)memccpy(s->plugin, plugin, '\0', sizeof s->plugin - 1);
	(void)memccpy(s->call, call, '\0', sizeof s->call - 1);
	atomic_store(&s->busy, 1);
}

void blame_leave(struct blame_slot *s)
{
	atomic_store(&s->busy, 0);
}
