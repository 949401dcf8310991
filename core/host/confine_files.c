/* SPDX-License-Identifier: Apache-2.0 */
/* Which files a host can open: Landlock, as much of it as the kernel has. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "host/confine_parts.h"

/* Newer than Debian 12's header; kernels that do not know them are not asked for them. */
#define FS_TRUNCATE (UINT64_C(1) << 14)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
#define SCOPE_ABSTRACT_SOCKETS (UINT64_C(1) << 0)
#define SCOPE_SIGNALS (UINT64_C(1) << 1)
#define ABI_SCOPES 6

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_OF_FILES \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | \
	 LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

struct ruleset { /* the kernel's struct landlock_ruleset_attr, as it is from ABI 6 on */
	uint64_t fs, net, scopes;
};

/* Nobody gets EXECUTE: a host starts no program, and shared objects are mapped without it. */
static const uint64_t rights[] = {
	[CONFINE_READ] = FS_READ,
	[CONFINE_WRITE] = FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE |
			  LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
			  LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
			  LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER,
	[CONFINE_DEVICE] = FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_IOCTL_DEV,
	[CONFINE_SOCKET] = LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
			   LANDLOCK_ACCESS_FS_MAKE_SOCK,
};

/* What the system's own libraries open in every host. */
static const struct {
	enum confine_access access;
	const char *path;
} always[] = {
	{ CONFINE_READ, "/usr" },
	{ CONFINE_READ, "/lib" },
	{ CONFINE_READ, "/lib32" },
	{ CONFINE_READ, "/lib64" },
	{ CONFINE_READ, "/opt" },
	{ CONFINE_READ, "/proc/self/exe" }, /* by name: for who prints where it crashed */
	{ CONFINE_READ, "/etc/ld.so.cache" },
	{ CONFINE_READ, "/etc/localtime" },
	{ CONFINE_READ, "/proc" }, /* of other processes Landlock shows only what all may see */
	{ CONFINE_READ, "/sys/devices/system" },
	{ CONFINE_DEVICE, "/dev/null" },
	{ CONFINE_DEVICE, "/dev/zero" },
	{ CONFINE_DEVICE, "/dev/full" },
	{ CONFINE_DEVICE, "/dev/random" },
	{ CONFINE_DEVICE, "/dev/urandom" },
};

static int abi_of_kernel(struct tesla_error *err)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0,
			   LANDLOCK_CREATE_RULESET_VERSION);

	if (abi > 0)
		return (int)abi;
	if (errno == ENOSYS)
		return tesla_fail(err, -ENOSYS, "this kernel has no Landlock");
	if (errno == EOPNOTSUPP)
		return tesla_fail(err, -EOPNOTSUPP, "Landlock is switched off in this kernel");
	return tesla_fail(err, -errno, "Landlock cannot be used: %s", strerror(errno));
}

/* All rights that an ABI knows: 13, and one more from each of 2, 3 and 5 on. */
static uint64_t rights_of(int abi)
{
	int n = 13 + (abi >= 2) + (abi >= 3) + (abi >= 5);

	return (UINT64_C(1) << n) - 1;
}

static void path_allow(int ruleset, uint64_t handled, enum confine_access access, const char *path)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = { .parent_fd = fd,
						   .allowed_access = rights[access] & handled };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= FS_OF_FILES;
	/* It fails on what has no rules, such as a pipe: then it stays forbidden. */
	if (rule.allowed_access != 0)
		(void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

/* Folders of an environment variable, separated by colons. */
static void list_allow(int ruleset, uint64_t handled, const char *list)
{
	for (size_t len; list != NULL && *list != '\0'; list += len + (list[len] == ':')) {
		len = strcspn(list, ":");
		_cleanup_free_ char *folder = strndup(list, len);

		if (len > 0 && folder != NULL)
			path_allow(ruleset, handled, CONFINE_READ, folder);
	}
}

/*
 * Names, certificates.  All of /etc: who writes resolv.conf anew puts another file in its place,
 * for which a rule made now would not hold.  It may also be a link to a folder of its own.
 */
static void network_allow(int ruleset, uint64_t handled)
{
	_cleanup_free_ char *resolv = realpath("/etc/resolv.conf", NULL);
	char *slash = resolv ? strrchr(resolv, '/') : NULL;

	path_allow(ruleset, handled, CONFINE_READ, "/etc");
	if (slash == NULL || slash == resolv)
		return;
	*slash = '\0';
	path_allow(ruleset, handled, CONFINE_READ, resolv);
}

static void all_allow(int ruleset, uint64_t handled, const struct confine_path *paths, size_t n)
{
	for (size_t i = 0; i < N_ELEMENTS(always); i++)
		path_allow(ruleset, handled, always[i].access, always[i].path);
	list_allow(ruleset, handled, getenv("LD_LIBRARY_PATH"));
	if (SANITIZED && getenv("TESLA_TEST") != NULL) /* where the sanitizer's report goes */
		path_allow(ruleset, handled, CONFINE_WRITE, getenv("TESLA_TEST"));
	for (size_t i = 0; i < n; i++)
		path_allow(ruleset, handled, paths[i].access, paths[i].path);
}

int confine_files(const struct confine_path *paths, size_t n, bool network, struct tesla_error *err)
{
	struct ruleset set = { .scopes = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS };
	_cleanup_close_ int fd = -1;
	int abi = abi_of_kernel(err);

	if (abi < 0)
		return abi;
	set.fs = rights_of(abi);
	fd = (int)syscall(SYS_landlock_create_ruleset, &set,
			  abi >= ABI_SCOPES ? sizeof set : sizeof set.fs, 0);
	if (fd < 0)
		return tesla_fail(err, -errno, "no Landlock rules: %s", strerror(errno));
	all_allow(fd, set.fs, paths, n);
	if (network)
		network_allow(fd, set.fs);
	if (syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		return tesla_fail(err, -errno, "Landlock rules are refused: %s", strerror(errno));
	return 0;
}
