#!/usr/bin/env bash
# seconds: 4
# SPDX-License-Identifier: Apache-2.0
# The units as they are installed: systemd finds nothing to say about them, and exposure is low.
. "$(dirname "$0")/../lib.sh"
requires systemd-analyze

root=${TESLA_STAGE%/}
unit=$(find "$root" -name teslad.service)
test -n "$unit" || fail "make install installs no teslad.service"
# The programs are below the stage's folder.
prefix=${unit%/lib/systemd/system/teslad.service}
prefix=${prefix#"$root"}
mkdir man
ln -s "$root$prefix/share/man/man8" man/man8
sed "s,=$prefix/,=$root$prefix/," "$unit" >teslad.service
grep -q "^ExecStart=$root$prefix/sbin/teslad\$" teslad.service || fail "the unit does not start $prefix/sbin/teslad"
grep -q "^ExecReload=$root$prefix/bin/teslactl reload\$" teslad.service || fail "the unit does not reload by teslactl"

# It ends with 0 also on settings that it ignores: what counts is what it says.
MANPATH=$tmp/man systemd-analyze verify "$tmp/teslad.service" >verify.log 2>&1 || true
assert_eq "what verify says" "$(cat verify.log)" ""
systemd-analyze security --offline=yes --threshold=20 --no-pager "$tmp/teslad.service" >security.log 2>&1 ||
	fail "more exposed than 2.0: $(tail -n 1 security.log)"
assert_match "exposure" "$(tail -n 1 security.log)" 'exposure level for teslad.service: [01]\.[0-9]|2\.0'

# The server's, likewise.
sed "s,=$prefix/,=$root$prefix/," "${unit%/*}/tesla-central.service" >tesla-central.service
grep -q "^ExecStart=$root$prefix/sbin/tesla-central serve\$" tesla-central.service ||
	fail "the unit does not start $prefix/sbin/tesla-central"
MANPATH=$tmp/man systemd-analyze verify "$tmp/tesla-central.service" >verify.log 2>&1 || true
assert_eq "what verify says of central" "$(cat verify.log)" ""
systemd-analyze security --offline=yes --threshold=20 --no-pager "$tmp/tesla-central.service" >security.log 2>&1 ||
	fail "central is more exposed than 2.0: $(tail -n 1 security.log)"

# What verify does not look into: hosts confine themselves by these.
systemd-analyze syscall-filter @system-service >allowed.log
for call in seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self; do
	grep -qw "$call" allowed.log || grep -Eq "^SystemCallFilter=([a-z].* )?$call( |\$)" teslad.service ||
		fail "the unit does not allow $call"
done

# Hosts are the daemon's to end: a signal to all of them would cost the request that is under way.
grep -qx 'KillMode=mixed' teslad.service || fail "hosts are told to end by systemd"

# The user that it runs as.
sysusers=$(find "$root" -path '*/sysusers.d/tesla.conf')
test -n "$sysusers" || fail "make install installs no sysusers.d/tesla.conf"
user=$(sed -n 's/^User=//p' teslad.service)
mkdir -p sysroot/etc
systemd-sysusers --root="$tmp/sysroot" "$sysusers" >sysusers.log 2>&1 || fail "systemd-sysusers refuses it"
grep -q "^$user:" sysroot/etc/passwd || fail "no user $user is made"
grep -q "^$(sed -n 's/^User=//p' tesla-central.service):" sysroot/etc/passwd || fail "no user is made for central"
for group in "$user" $(sed -n 's/^SupplementaryGroups=//p' teslad.service); do
	grep -q "^$group:" sysroot/etc/group || fail "no group $group is made"
done
