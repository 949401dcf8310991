/* SPDX-License-Identifier: Apache-2.0 */
/* Signals as reads. */
#include "teslactl/signals.h"

#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"

int signals_open(sigset_t *mask)
{
	static const int list[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH };
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < N_ELEMENTS(list); i++)
		(void)sigaddset(&set, list[i]);
	(void)sigprocmask(SIG_BLOCK, &set, mask);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool signals_end(int fd)
{
	struct signalfd_siginfo info;
	bool end = false;

	while (read(fd, &info, sizeof info) == sizeof info)
		end |= info.ssi_signo != SIGWINCH;
	return end;
}

void signals_close(int fd, const sigset_t *mask)
{
	if (fd < 0)
		return;
	(void)close(fd);
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
}
