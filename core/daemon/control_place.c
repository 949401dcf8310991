/* SPDX-License-Identifier: Apache-2.0 */
/* Where an ipc socket stands. */
#include "daemon/control_place.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "base/cleanup.h"

#define BACKLOG 100
#define GROUP_BYTES_MAX (1u << 20) /* of a group's entry: all its members */

int place_group(const char *name, gid_t *ret, struct tesla_error *err)
{
	int r = ERANGE;

	if (name[0] != '\0' && name[strspn(name, "0123456789")] == '\0' && strlen(name) < 10) {
		*ret = (gid_t)strtoul(name, NULL, 10);
		return 0;
	}
	for (size_t size = 4096; r == ERANGE && size <= GROUP_BYTES_MAX; size *= 4) {
		_cleanup_free_ char *bytes = malloc(size);
		struct group group, *found = NULL;

		if (bytes == NULL)
			return tesla_fail(err, -ENOMEM, "no memory for the group %s", name);
		r = getgrnam_r(name, &group, bytes, size, &found);
		if (r == 0 && found != NULL) {
			*ret = found->gr_gid;
			return 0;
		}
	}
	return tesla_fail(err, -ENOENT, "[Control] group is \"%.60s\": there is no such group",
			  name);
}

/* ---- the folder ---- */

static int group_set(const char *path, gid_t group, struct tesla_error *err)
{
	if (group == PLACE_NO_GROUP || chown(path, (uid_t)-1, group) == 0)
		return 0;
	return tesla_fail(err, -errno, "%s cannot be given to group %u: %s%s", path,
			  (unsigned)group, strerror(errno),
			  errno == EPERM ? "; the daemon's user must be in that group" : "");
}

/* One that was there before: whose is it, and does the group get through? */
static int folder_check(const struct place *p, const char *dir, struct tesla_error *err)
{
	struct stat st;

	if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
		return tesla_fail(err, -ENOTDIR, "run_dir %s is no folder", dir);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return tesla_fail(
			err, -EPERM,
			"run_dir %s belongs to user %u, expected %u: its owner could take the "
			"control socket's place",
			dir, (unsigned)st.st_uid, (unsigned)geteuid());
	if (p->group == PLACE_NO_GROUP || st.st_gid == p->group || (st.st_mode & S_IXOTH) != 0)
		return 0;
	if (st.st_uid != geteuid() || strcmp(dir, p->own_folder) != 0)
		return tesla_fail(err, -EACCES,
				  "%s: group %u cannot get through it (its group is %u, mode %04o)",
				  dir, (unsigned)p->group, (unsigned)st.st_gid,
				  (unsigned)(st.st_mode & 07777));
	if (group_set(dir, p->group, err) != 0)
		return err->code;
	if (chmod(dir, (st.st_mode & 07777) | S_IRGRP | S_IXGRP) != 0)
		return tesla_fail(err, -errno, "mode of %s: %s", dir, strerror(errno));
	return 0;
}

static int folder_make(const struct place *p, const char *path, struct tesla_error *err)
{
	_cleanup_free_ char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;

	if (slash == NULL || slash == dir)
		return 0;
	*slash = '\0';
	if (mkdir(dir, p->folder) == 0) {
		(void)chmod(dir, p->folder); /* whatever the umask is */
		return group_set(dir, p->group, err);
	}
	if (errno != EEXIST)
		return tesla_fail(err, -errno, "run_dir %s cannot be made: %s", dir,
				  strerror(errno));
	return folder_check(p, dir, err);
}

/* ---- the socket ---- */

/* ZeroMQ would unlink a socket that another daemon listens on. */
static int socket_is_free(const char *path, struct tesla_error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (strlen(path) >= sizeof addr.sun_path)
		return tesla_fail(err, -ENAMETOOLONG,
				  "control socket %s: the path is longer than %zu bytes", path,
				  sizeof addr.sun_path - 1);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	if (lstat(path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return tesla_fail(
			err, -EEXIST,
			"control socket %s: there is a file of that name that is no socket", path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0 ||
	    errno == EAGAIN)
		return tesla_fail(err, -EADDRINUSE, "another teslad is running: it listens on %s",
				  path);
	return 0;
}

static const char *path_of(const struct place *p)
{
	return p->endpoint + strlen("ipc://");
}

/* Nobody can connect before we listen, and then mode and group are right. */
static int listener_open(int fd, const struct place *p, struct tesla_error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *path = path_of(p);

	if (fd < 0)
		return tesla_fail(err, -errno, "control socket %s: %s", path, strerror(errno));
	memcpy(addr.sun_path, path, strlen(path) + 1); /* it fits: socket_is_free() saw it */
	(void)unlink(path);
	if (bind(fd, (const struct sockaddr *)&addr, sizeof addr) != 0)
		return tesla_fail(err, -errno, "control socket %s: %s", path, strerror(errno));
	if (group_set(path, p->group, err) != 0)
		return err->code;
	if (chmod(path, p->mode) != 0)
		return tesla_fail(err, -errno, "mode of %s: %s", path, strerror(errno));
	if (listen(fd, BACKLOG) != 0)
		return tesla_fail(err, -errno, "control socket %s: %s", path, strerror(errno));
	return 0;
}

/* A listener of our own: one of libzmq's would remove what has its name when it ends. */
static int socket_bind(void *socket_, const struct place *p, struct place_file *ret,
		       struct tesla_error *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = listener_open(fd, p, err);
	struct stat st;

	if (r == 0 && lstat(path_of(p), &st) != 0)
		r = tesla_fail(err, -errno, "control socket %s: %s", path_of(p), strerror(errno));
	if (r == 0 && (zmq_setsockopt(socket_, ZMQ_USE_FD, &fd, sizeof fd) != 0 ||
		       zmq_bind(socket_, p->endpoint) != 0))
		r = tesla_fail(err, -zmq_errno(), "control socket %s: %s", p->endpoint,
			       zmq_strerror(zmq_errno()));
	if (r == 0)
		*ret = (struct place_file){ st.st_dev, st.st_ino };
	else if (fd >= 0)
		(void)close(fd);
	return r;
}

int place_bind(void *socket, const struct place *p, struct place_file *ret, struct tesla_error *err)
{
	int r = folder_make(p, path_of(p), err);

	if (r == 0)
		r = socket_is_free(path_of(p), err);
	return r == 0 ? socket_bind(socket, p, ret, err) : r;
}

bool place_stands(const struct place *p, const struct place_file *f)
{
	struct stat st;

	return lstat(path_of(p), &st) == 0 && S_ISSOCK(st.st_mode) && st.st_dev == f->dev &&
	       st.st_ino == f->ino;
}

void place_leave(const struct place *p, const struct place_file *f)
{
	if (place_stands(p, f))
		(void)unlink(path_of(p));
}
