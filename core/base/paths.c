/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are when nobody says otherwise. */
#include "base/paths.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

__attribute__((format(printf, 1, 2))) static char *path_make(const char *fmt, ...)
{
	va_list ap;
	char *path;

	va_start(ap, fmt);
	if (vasprintf(&path, fmt, ap) < 0)
		path = NULL;
	va_end(ap);
	return path;
}

static const char *env(const char *name)
{
	const char *v = getenv(name);

	return v != NULL && *v != '\0' ? v : NULL;
}

char *path_run_dir(void)
{
	if (geteuid() == 0)
		return strdup("/run/tesla");
	if (env("XDG_RUNTIME_DIR"))
		return path_make("%s/tesla", env("XDG_RUNTIME_DIR"));
	return path_make("/tmp/tesla-%u", (unsigned)geteuid());
}

char *path_state_dir(void)
{
	if (geteuid() == 0)
		return strdup("/var/lib/tesla");
	if (env("XDG_STATE_HOME"))
		return path_make("%s/tesla", env("XDG_STATE_HOME"));
	return path_make("%s/.local/state/tesla", env("HOME") ? env("HOME") : "");
}

char *path_control_endpoint(void)
{
	_cleanup_free_ char *dir = NULL;

	if (env("TESLA_CONTROL"))
		return strdup(env("TESLA_CONTROL"));
	dir = path_run_dir();
	return dir ? path_make("ipc://%s/control", dir) : NULL;
}

char *path_beside(const char *file, const char *path)
{
	const char *slash = strrchr(file, '/');

	if (*path == '/' || slash == NULL)
		return strdup(path);
	return path_make("%.*s%s", (int)(slash - file + 1), file, path);
}
