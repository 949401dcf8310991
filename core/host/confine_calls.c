/* SPDX-License-Identifier: Apache-2.0 */
/* Which system calls a host can make: seccomp, through libseccomp. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "host/confine_parts.h"

#ifdef HAVE_SECCOMP
#include <seccomp.h>

/* As SCMP_A0, which leaves out a field: clang warns of that. */
static struct scmp_arg_cmp first_is(enum scmp_compare op, scmp_datum_t value)
{
	return (struct scmp_arg_cmp){ .arg = 0, .op = op, .datum_a = value };
}

/* What no plugin has any business with. */
static const int never[] = {
	/* other programs and processes */
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(pidfd_send_signal),
	SCMP_SYS(tkill),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	SCMP_SYS(ptrace), /* LeakSanitizer looks at its own process by it */
#endif
	/* ways round the filter for sockets, and round Landlock before it knew of truncation */
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(truncate),
	SCMP_SYS(truncate64),
	/* the kernel */
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(reboot),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
};

/* Their first argument must be this process. */
static const int own[] = {
	SCMP_SYS(kill),
	SCMP_SYS(tgkill),
	SCMP_SYS(rt_sigqueueinfo),
	SCMP_SYS(rt_tgsigqueueinfo),
};

/* Netlink tells the resolver which addresses this machine has. */
static const int families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };

static int rules_calls(scmp_filter_ctx f)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < N_ELEMENTS(never); i++)
		r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), never[i], 0);
	for (size_t i = 0; r == 0 && i < N_ELEMENTS(own); i++)
		r = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), own[i], 1,
				     first_is(SCMP_CMP_NE, (scmp_datum_t)getpid()));
	return r;
}

static bool family_known(int family)
{
	for (size_t i = 0; i < N_ELEMENTS(families); i++)
		if (families[i] == family)
			return true;
	return false;
}

static int rules_sockets(scmp_filter_ctx f, bool network)
{
	const uint32_t no = SCMP_ACT_ERRNO(EAFNOSUPPORT);
	int r = 0;

	if (!network)
		return seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 0);
	for (int family = 0; r == 0 && family < AF_NETLINK; family++)
		if (!family_known(family))
			r = seccomp_rule_add(f, no, SCMP_SYS(socket), 1,
					     first_is(SCMP_CMP_EQ, (scmp_datum_t)family));
	return r != 0 ? r
		      : seccomp_rule_add(f, no, SCMP_SYS(socket), 1,
					 first_is(SCMP_CMP_GT, AF_NETLINK));
}

int confine_calls(bool network, struct tesla_error *err)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	int r = f != NULL ? rules_calls(f) : -ENOMEM;

	if (r == 0)
		r = rules_sockets(f, network);
	if (r == 0)
		r = seccomp_load(f);
	seccomp_release(f);
	return r == 0 ? 0 : tesla_fail(err, r, "seccomp cannot be used: %s", strerror(-r));
}

#else

int confine_calls(bool network, struct tesla_error *err)
{
	(void)network;
	return tesla_fail(err, -ENOSYS, "this tesla-host was built without libseccomp");
}

#endif
