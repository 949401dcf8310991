/* SPDX-License-Identifier: Apache-2.0 */
/* The doors that are files. */
#include "daemon/control_local.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "daemon/ini.h"

#define LOOK_MS 200	 /* whoever removes a folder with all that is in it is let finish */
#define LISTENERS_MAX 8u /* of one door, that nobody can reach any more */

/* ---- made ---- */

static int local_open(struct local *l, void *ctx, const struct place *p, struct tesla_error *err)
{
	int r;

	l->place = *p;
	l->place.endpoint = l->endpoint = strdup(p->endpoint);
	l->place.own_folder = l->own_folder = strdup(p->own_folder);
	if (l->endpoint == NULL || l->own_folder == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for the control socket");
	r = door_open(l->door, ctx, p->endpoint, err);
	return r == 0 ? place_bind(l->door->socket, &l->place, &l->file, err) : r;
}

int locals_open(struct locals *l, void *ctx, const struct ini *ini, struct door *doors,
		struct tesla_error *err)
{
	const struct place places[] = {
		[LOCAL_FULL] = { ini->control, 0750, 0660, PLACE_NO_GROUP, ini->run_dir },
		[LOCAL_READONLY] = { ini->control_readonly, 0755, 0666, PLACE_NO_GROUP,
				     ini->run_dir },
	};
	gid_t group = PLACE_NO_GROUP;
	int r = ini->control_group ? place_group(ini->control_group, &group, err) : 0;

	for (int i = 0; r == 0 && i < LOCAL_N; i++) {
		struct place p = places[i];

		if (p.endpoint[0] == '\0')
			continue;
		p.group = group;
		l->list[i].door = &doors[i];
		r = local_open(&l->list[i], ctx, &p, err);
	}
	return r;
}

/* ---- made anew ---- */

/* The old listener stays in libzmq: to unbind it ends those that came in by it. */
static void local_remake(struct locals *l, struct local *one)
{
	const char *path = one->place.endpoint + strlen("ipc://");
	struct tesla_error err = { .code = 0 };
	bool lost = one->lost;

	if (++one->remade % LISTENERS_MAX == 0)
		(void)zmq_unbind(one->door->socket, one->place.endpoint);
	one->lost = place_bind(one->door->socket, &one->place, &one->file, &err) != 0;
	if (!one->lost) {
		log_msg(l->log, LOG_LEVEL_ERROR, "control socket %s was removed: it is made anew",
			path);
		if (l->remade != NULL)
			l->remade(l->arg);
	} else if (!lost) {
		log_msg(l->log, LOG_LEVEL_ERROR,
			"control socket %s was removed, and nobody can connect: %s", path,
			err.text);
	}
}

/* Those that stand, and are not where they were: in order, since the first makes the folder. */
static bool look(struct locals *l)
{
	bool missing = false;

	for (int i = 0; i < LOCAL_N; i++) {
		struct local *one = &l->list[i];

		if (one->door == NULL || place_stands(&one->place, &one->file))
			continue;
		missing = true;
		local_remake(l, one);
	}
	return missing;
}

static int arm(struct locals *l)
{
	int r = 0;

	for (int i = 0; i < LOCAL_N; i++)
		if (l->list[i].watch.path != NULL && r == 0)
			r = watch_arm(&l->list[i].watch);
	return r;
}

static void on_seen(void *arg);

/* A folder that was made anew is to be watched anew; it may have gone again before it was. */
static void on_look(uv_timer_t *timer)
{
	struct locals *l = timer->data;

	(void)arm(l);
	if (!look(l))
		return;
	(void)arm(l);
	for (int i = 0; i < LOCAL_N; i++) {
		const struct local *one = &l->list[i];

		if (one->door != NULL && !one->lost && !place_stands(&one->place, &one->file))
			on_seen(l);
	}
}

static void on_seen(void *arg)
{
	struct locals *l = arg;

	if (!uv_is_active((uv_handle_t *)&l->timer))
		(void)uv_timer_start(&l->timer, on_look, LOOK_MS, 0);
}

void locals_watch(struct locals *l, uv_loop_t *loop)
{
	int r = 0;

	(void)uv_timer_init(loop, &l->timer);
	uv_unref((uv_handle_t *)&l->timer);
	l->timer.data = l;
	l->watched = true;
	for (int i = 0; i < LOCAL_N && r == 0; i++)
		if (l->list[i].door != NULL)
			r = watch_init(&l->list[i].watch, loop,
				       l->list[i].place.endpoint + strlen("ipc://"), on_seen, l);
	if (r == 0)
		r = arm(l);
	if (r != 0)
		log_msg(l->log, LOG_LEVEL_WARNING,
			"the folder of the control socket cannot be watched: %s: when it is "
			"removed nobody can connect, and nobody says so",
			uv_strerror(r));
	on_seen(l); /* it may have gone before it was watched */
}

unsigned locals_close(struct locals *l, uv_close_cb closed, void *data)
{
	unsigned n = 0;

	if (!l->watched)
		return 0;
	for (int i = 0; i < LOCAL_N; i++) {
		if (l->list[i].watch.path == NULL)
			continue;
		watch_close(&l->list[i].watch, closed, data);
		n++;
	}
	l->timer.data = data;
	uv_close((uv_handle_t *)&l->timer, closed);
	return n + 1;
}

void locals_release(struct locals *l)
{
	for (int i = 0; i < LOCAL_N; i++) {
		const struct local *one = &l->list[i];

		if (one->file.ino != 0)
			place_leave(&one->place, &one->file);
		free(one->endpoint);
		free(one->own_folder);
	}
}
