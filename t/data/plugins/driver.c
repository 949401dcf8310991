/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver that is wrong in one way, chosen when it is compiled (local.mk): what the loader must
 * refuse, and what must not take down more than its own line.  Or one that is good, in versions:
 * every register is ANSWER.
 */
#include <stdlib.h>
#include <string.h>
#include <tesla/plugin.h>
#include <time.h>
#include <unistd.h>

#ifndef PLUGIN_MAGIC
#define PLUGIN_MAGIC TESLA_MAGIC
#endif
#ifndef PLUGIN_ABI
#define PLUGIN_ABI TESLA_ABI_MAJOR
#endif
#ifndef PLUGIN_KIND
#define PLUGIN_KIND TESLA_DRIVER
#endif
#ifndef ANSWER
#define ANSWER 0
#endif
#ifndef DESCRIPTOR
#define DESCRIPTOR tesla_plugin
#endif

#ifdef MISSING_SYMBOL
int function_that_is_nowhere(void);
#endif

#ifdef HANG_LOAD
__attribute__((constructor)) static void hang(void)
{
	(void)sleep(60);
}
#endif

#ifdef HANG_UNLOAD
__attribute__((destructor)) static void hang(void)
{
	(void)sleep(600);
}
#endif

static void crash(void)
{
	volatile uintptr_t nowhere = 64;

	*(volatile int *)nowhere = 1;
}

static int bad_open(const void *conf, struct tesla_line *line, const struct tesla_host *host,
		    void **self, struct tesla_error *err)
{
	(void)conf, (void)host, (void)err;
#ifdef CRASH_OPEN
	crash();
#endif
	*self = line;
	return 0;
}

static int bad_read(void *self, unsigned address, const struct tesla_block *block,
		    int64_t timeout_ms, struct tesla_reply *reply, struct tesla_error *err)
{
	static const uint8_t reg[2] = { 0, ANSWER };
	struct timespec t;
	int r = 0;

	(void)self, (void)address, (void)timeout_ms, (void)err;
#ifdef MISSING_SYMBOL
	(void)function_that_is_nowhere();
#endif
#ifdef CRASH_READ
	crash();
#endif
#ifdef HANG_READ
	for (;;)
		(void)pause();
#endif
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	reply->sent_us = reply->received_us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
	reply->status = TESLA_REPLY_OK;
	for (unsigned i = 0; r == 0 && i < block->count; i++)
		r = reply->data->append(reply->data, reg, sizeof reg);
	return r;
}

static void bad_close(void *self)
{
	if (self == NULL)
		crash();
}

static const struct tesla_driver driver = {
	.size = sizeof driver,
	.takes = TESLA_TAKES_REGISTERS,
	.lines = TESLA_ON(TESLA_LINE_SERIAL) | TESLA_ON(TESLA_LINE_TCP) |
		 TESLA_ON(TESLA_LINE_RAW_TCP),
	.max_registers = 125,
	.open = bad_open,
	.read = bad_read,
	.close = bad_close,
};

const struct tesla_plugin DESCRIPTOR = {
	.magic = PLUGIN_MAGIC,
	.abi_major = PLUGIN_ABI,
	.abi_minor = TESLA_ABI_MINOR,
	.size = sizeof(struct tesla_plugin),
	.kind = PLUGIN_KIND,
	.name = PLUGIN_NAME,
	.version = "1",
	.help = "A driver of the tests.",
	.driver = &driver,
};
