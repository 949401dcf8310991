/* SPDX-License-Identifier: Apache-2.0 */
/* What the service manager is told, as it hears it. */
#include "base/notify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "base/clock.h"

#ifdef HAVE_SYSTEMD
static int ear_open(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)snprintf(at.sun_path, sizeof at.sun_path, "/tmp/tesla-notify-%d", (int)getpid());
	(void)unlink(at.sun_path);
	cr_assert(fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0);
	cr_assert(setenv("NOTIFY_SOCKET", at.sun_path, 1) == 0);
	return fd;
}

static void ear_close(int fd)
{
	(void)close(fd);
	(void)unlink(getenv("NOTIFY_SOCKET"));
	(void)unsetenv("NOTIFY_SOCKET");
}

/* "": nothing was told. */
static void hear(int fd, char text[200])
{
	ssize_t n = recv(fd, text, 199, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
}

Test(notify, words)
{
	static const struct {
		void (*tell)(void);
		const char *text;
	} rows[] = {
		{ notify_ready, "READY=1" },
		{ notify_stopping, "STOPPING=1" },
		{ notify_watchdog, "WATCHDOG=1" },
	};
	_cleanup_(cleanup_close) int fd = ear_open();
	char text[200];

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		rows[i].tell();
		hear(fd, text);
		cr_expect_str_eq(text, rows[i].text);
	}
	(void)unlink(getenv("NOTIFY_SOCKET"));
}

Test(notify, a_reload_says_when)
{
	int fd = ear_open();
	int64_t before_us = clock_mono_us(), us = 0;
	char text[200];

	notify_reloading();
	hear(fd, text);
	cr_assert(sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%" SCNd64, &us) == 1, "%s", text);
	cr_expect(us >= before_us && us <= clock_mono_us());
	ear_close(fd);
}

static void on_end(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

/* Messages of a loop that turned for so long. */
static int beats(int fd, uint64_t ms)
{
	uv_timer_t beat, end;
	uv_loop_t loop;
	char text[200];
	int n = 0;

	cr_assert(uv_loop_init(&loop) == 0 && uv_timer_init(&loop, &end) == 0);
	notify_beat(&loop, &beat);
	cr_expect(!uv_has_ref((uv_handle_t *)&beat), "it would keep the loop alive");
	(void)uv_timer_start(&end, on_end, ms, 0);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&beat, NULL);
	uv_close((uv_handle_t *)&end, NULL);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	cr_expect_eq(uv_loop_close(&loop), 0);
	for (hear(fd, text); *text != '\0'; hear(fd, text), n++)
		cr_expect_str_eq(text, "WATCHDOG=1");
	return n;
}

Test(notify, beats_when_asked_to)
{
	int fd = ear_open(), n;

	cr_expect_eq(beats(fd, 100), 0, "nobody asked");
	(void)setenv("WATCHDOG_USEC", "40000", 1);
	n = beats(fd, 210); /* every 20 ms, the first at once */
	cr_expect(n >= 2 && n <= 12, "%d", n);
	(void)setenv("WATCHDOG_PID", "1", 1); /* meant for another process */
	cr_expect_eq(beats(fd, 100), 0);
	ear_close(fd);
}
#endif

Test(notify, nobody_listens)
{
	(void)unsetenv("NOTIFY_SOCKET");
	notify_ready();
	notify_reloading();
	(void)setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
	notify_watchdog();
	notify_stopping();
}
