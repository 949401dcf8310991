#!/usr/bin/env bash
# seconds: 3
# SPDX-License-Identifier: Apache-2.0
# Plugins that try what they must not: a serial host has no network, the others no serial device,
# none a file outside its folders, another program or a signal for the core, not even while it is
# loaded.  What the kernel cannot do is said, and runs all the same.
. "$(dirname "$0")/../lib.sh"
requires jq python:msgpack
has_landlock || skip "this kernel has no Landlock"

built=$(dirname "$TESLA_STAGE")/t/data/plugins/.libs
test -d "$built" || skip "the bad plugins are not built: make check TESTS="
mkdir -p plugins/drivers plugins/export data
cp "$built/trespass-driver.so" plugins/drivers
cp "$built/trespass-exporter.so" plugins/export
# Not in $tmp: there a sanitizer writes its reports.
TRESPASS_OUT=$(mktemp -d /var/tmp/tesla-test.XXXXXX)
cleanup_fn rm -rf "$TRESPASS_OUT"
echo mine >"$TRESPASS_OUT/secret"
start_sim sim --tcp 0 --pty "$tmp/line" --pty "$tmp/tty" --meter '*=PM710'
TRESPASS_TTY=$(readlink "$tmp/tty")
export TRESPASS_OUT TRESPASS_TTY TRESPASS_EXEC=/bin/true
device 1 serial port="$tmp/line" baud=19200
analyzer 1 1 PM710 address=1 driver=trespass-driver poll_interval=0.2 -- TPF
device 2 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 2 2 PM710 address=1 driver=trespass-driver poll_interval=0.2 export=trespass-exporter:data -- TPF
write_config
write_ini "General.plugin_path=$tmp/plugins"

all_run() {
	ctl status | jq -e '.hosts | length == 4 and all(.state == "running")' >/dev/null
}
attempts() {	# of whom: the owner's number
	sed -n "s/.* $1: .*trespass: \(inet=.*\)\.\$/\1/p" teslad.log | tail -n 1
}
tried_all() {
	test -n "$(attempts 'lines 0')" && test -n "$(attempts 'lines 1')" &&
		test -n "$(attempts 'trespass-exporter:data [0-9]*')"
}
tried() {
	wait_for 10 all_run
	wait_for 10 tried_all
}
start_teslad
tried
state=$(ctl status)
assert_eq "hosts that are confined" "$(jq -c '[.hosts[] | [.confined, .unconfined]] | unique' <<<"$state")" '[[true,null]]'
common='read=EACCES write=EACCES make=EACCES'
assert_eq "a serial host" "$(attempts 'lines 0')" \
	"inet=EPERM unix=EPERM packet=EPERM tty=ok $common etc=EACCES kill=EPERM exec=EPERM"
assert_eq "a host of a network line" "$(attempts 'lines 1')" \
	"inet=ok unix=ok packet=EAFNOSUPPORT tty=EACCES $common etc=ok kill=EPERM exec=EPERM"
assert_eq "an exporter's host" "$(attempts 'trespass-exporter:data [0-9]*')" \
	"inet=ok unix=ok packet=EAFNOSUPPORT tty=EACCES $common etc=ok kill=EPERM exec=EPERM"
grep -q 'trespass: own=ok' teslad.log || fail "the exporter could not write to its target"
test -e data/own || fail "the exporter made no file in its target"
assert_eq "what is outside" "$(ls "$TRESPASS_OUT")" secret
# What a plugin writes to standard error is in the log like a message of its host.
grep -q 'warning: trespass-exporter:data [0-9]* (standard error): a library complains$' teslad.log ||
	fail "its standard error is not in the log"
# Both lines are read, and the stream is there.
swept() {
	ctl status | jq -e '[.analyzers[].sweeps] | min >= 3' >/dev/null
}
wait_for 10 swept
stop teslad
assert_eq "exit status" "$status" 0

# Not wanted.  A program would be started, in the place of the host.
export TRESPASS_EXEC=/nowhere
write_ini "General.plugin_path=$tmp/plugins" General.confine=no
start_teslad
tried
assert_match "an exporter's host, confine = no" "$(attempts 'trespass-exporter:data [0-9]*')" \
	'tty=ok read=ok write=ok make=ok .*kill=ok'
assert_eq "confined" "$(ctl status | jq -c '[.hosts[].confined] | unique')" '[false]'
assert_match "why" "$(ctl status | jq -r '.hosts[0].unconfined')" 'confine = no'
stop teslad
