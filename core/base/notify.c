/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager is told. */
#include "base/notify.h"

#include <inttypes.h>
#include <stdbool.h>

#include "base/clock.h"

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#else
#define sd_notify(unset, state) ((void)(state))
#define sd_notifyf(unset, ...) ((void)0)
#define sd_watchdog_enabled(unset, usec) ((void)(usec), 0)
#endif

void notify_ready(void)
{
	(void)sd_notify(false, "READY=1");
}

/* The time is what newer managers tell this reload from an earlier one by. */
void notify_reloading(void)
{
	(void)sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_mono_us());
}

void notify_stopping(void)
{
	(void)sd_notify(false, "STOPPING=1");
}

void notify_watchdog(void)
{
	(void)sd_notify(false, "WATCHDOG=1");
}

static void on_beat(uv_timer_t *timer)
{
	(void)timer;
	notify_watchdog();
}

void notify_beat(uv_loop_t *loop, uv_timer_t *timer)
{
	uint64_t every_us = 0, every_ms;

	(void)uv_timer_init(loop, timer);
	uv_unref((uv_handle_t *)timer);
	if (sd_watchdog_enabled(false, &every_us) <= 0)
		return;
	every_ms = every_us / 2000 > 0 ? every_us / 2000 : 1;
	(void)uv_timer_start(timer, on_beat, 0, every_ms);
}
