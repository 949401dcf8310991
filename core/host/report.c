/* SPDX-License-Identifier: Apache-2.0 */
/* What a host tells the core. */
#include "host/report.h"

#include <errno.h>
#include <unistd.h>

#include "base/blame.h"
#include "base/cleanup.h"

static void log_to_core(void *arg, int level, const char *text)
{
	struct report *r = arg;
	struct frame f;
	msgpack_packer *pk = report_begin(r, &f, "log", 3);

	mp_key_int(pk, "level", level);
	mp_key_str(pk, "text", text);
	report_end(r, &f);
}

void report_init(struct report *r, int fd, int level)
{
	*r = (struct report){ .fd = fd, .log = { .level = level, .sink = log_to_core, .arg = r } };
	(void)pthread_mutex_init(&r->lock, NULL);
	buf_init(&r->out, 2 * FRAME_MAX);
}

void report_release(struct report *r)
{
	buf_release(&r->out);
	(void)pthread_mutex_destroy(&r->lock);
}

/* The pair has a send time-out (main.c): a core that reads nothing for so long is lost. */
static void report_write(struct report *r)
{
	size_t done = 0;

	while (r->fd >= 0 && done < r->out.pub.len) {
		ssize_t n = write(r->fd, r->out.pub.bytes + done, r->out.pub.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(BLAME_EXIT_LOST);
		done += (size_t)n;
	}
	if (r->fd >= 0)
		buf_clear(&r->out);
}

msgpack_packer *report_begin(struct report *r, struct frame *f, const char *m, size_t n)
{
	(void)pthread_mutex_lock(&r->lock);
	frame_begin(f, &r->out);
	(void)msgpack_pack_map(&f->pk, n);
	mp_key_str(&f->pk, "m", m);
	return &f->pk;
}

void report_end(struct report *r, struct frame *f)
{
	(void)frame_end(f); /* too long for a message: it is left out */
	report_write(r);
	(void)pthread_mutex_unlock(&r->lock);
}

void report_failed(struct report *r, const char *plugin, int64_t line, int64_t analyzer,
		   const char *text)
{
	struct frame f;
	msgpack_packer *pk = report_begin(r, &f, "failed", 5);

	mp_key_str(pk, "plugin", plugin);
	mp_str(pk, "line");
	(void)(line != 0 ? msgpack_pack_int64(pk, line) : msgpack_pack_nil(pk));
	mp_str(pk, "analyzer");
	(void)(analyzer != 0 ? msgpack_pack_int64(pk, analyzer) : msgpack_pack_nil(pk));
	mp_key_str(pk, "text", text);
	report_end(r, &f);
}

void gather_init(struct gather *g, struct report *to)
{
	*g = (struct gather){ .to = to };
	buf_init(&g->sweeps, FRAME_MAX / 2);
	buf_init(&g->frames, FRAME_MAX / 2);
}

void gather_release(struct gather *g)
{
	buf_release(&g->sweeps);
	buf_release(&g->frames);
}

/* One message: an array of what `list` is called, and its n values. */
static void list_send(struct report *to, const char *name, struct buf *list, size_t *n)
{
	struct frame f;

	if (*n == 0)
		return;
	(void)pthread_mutex_lock(&to->lock);
	frame_begin(&f, &to->out);
	(void)msgpack_pack_array(&f.pk, 1 + *n);
	mp_str(&f.pk, name);
	(void)buf_append(&to->out, list->pub.bytes, list->pub.len);
	report_end(to, &f);
	buf_clear(list);
	*n = 0;
}

void gather_flush(struct gather *g)
{
	list_send(g->to, "f", &g->frames, &g->n_frames);
	list_send(g->to, "s", &g->sweeps, &g->n);
}
