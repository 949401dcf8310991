/* SPDX-License-Identifier: Apache-2.0 */
/* A file in a folder, watched. */
#include "daemon/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Is that the last part of `path`, which has `len` bytes? */
static bool is_last(const char *name, const char *path, size_t len)
{
	size_t n = strlen(name);

	return n < len && path[len - n - 1] == '/' && memcmp(path + len - n, name, n) == 0;
}

/* Of the folder itself libuv gives the name. */
static void on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
	struct watch *w = event->data;
	size_t folder = (size_t)(strrchr(w->path, '/') - w->path);

	(void)events;
	if (status < 0 || name == NULL || w->above || is_last(name, w->path, strlen(w->path)) ||
	    is_last(name, w->path, folder))
		w->seen(w->arg);
}

int watch_init(struct watch *w, uv_loop_t *loop, const char *path, void (*seen)(void *arg),
	       void *arg)
{
	*w = (struct watch){ .path = strdup(path), .seen = seen, .arg = arg };
	if (w->path == NULL)
		return -ENOMEM;
	(void)uv_fs_event_init(loop, &w->event);
	uv_unref((uv_handle_t *)&w->event);
	w->event.data = w;
	return 0;
}

int watch_arm(struct watch *w)
{
	_cleanup_free_ char *dir = strdup(w->path);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	int r = UV_ENOMEM;

	(void)uv_fs_event_stop(&w->event);
	for (w->above = false; slash != NULL; w->above = true) {
		slash[slash == dir] = '\0'; /* of "/x" the slash stays */
		r = uv_fs_event_start(&w->event, on_event, dir, 0);
		if (r == 0 || (r != UV_ENOENT && r != UV_ENOTDIR))
			return r;
		slash = slash == dir ? NULL : strrchr(dir, '/');
	}
	return r;
}

void watch_close(struct watch *w, uv_close_cb closed, void *data)
{
	free(w->path);
	w->path = NULL;
	w->event.data = data;
	uv_close((uv_handle_t *)&w->event, closed);
}
