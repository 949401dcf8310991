/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the service manager is told (sd_notify(3)).  Without one, or built --without-systemd,
 * nothing happens.  From the loop's thread.
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include <uv.h>

void notify_ready(void);     /* after the start, and after a reload, also one that failed */
void notify_reloading(void); /* to be followed by notify_ready */
void notify_stopping(void);
void notify_watchdog(void); /* still alive */

/*
 * notify_watchdog again and again, twice as often as the service manager expects, from the loop
 * and only from there: a loop that no longer turns sends none.  Hosts have no part in it.  The loop
 * pings each every 500 ms and kills and restarts those that do not answer (host.h), so a beat says
 * that they are being watched; a host that the kernel will not end must not end the others.
 * `timer` is initialised in any case, does not keep the loop alive, and is to be closed by the
 * caller.
 */
void notify_beat(uv_loop_t *loop, uv_timer_t *timer);

#endif
