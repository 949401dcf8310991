#!/usr/bin/env bash
# seconds: 8
# SPDX-License-Identifier: Apache-2.0
# Nothing that teslad has open comes to a host, also not to one that is started again while the
# journal is in use: with its data.mdb a plugin could destroy all records.
. "$(dirname "$0")/../lib.sh"
requires jq

built=$(dirname "$TESLA_STAGE")/t/data/plugins/.libs
test -d "$built" || skip "the bad plugins are not built: make check TESTS="
start_sim sim --tcp 0 --meter '*=PM710'
mkdir -p data plugins/drivers
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 address=1 poll_interval=0.2 record_interval=1s export=localFile:data -- TPF
write_config
write_ini "General.plugin_path=$tmp/plugins"
# What we forget to close, a plugin must not see either.
echo mine >secret
exec {secret}<>secret
start inherits sleep 100
start_teslad
exec {secret}>&-

has_records() {
	ctl journal | jq -e '.state == "open" and .exporters[0].delivered > 0' >/dev/null
}
wait_for 15 has_records
hosts() {
	ctl status | jq -e '.hosts | length == 3 and all(.state == "running" and .restarts == '"$1"')' >/dev/null
}
wait_for 10 hosts 0
# Descriptors: number and what it is, by name.
descriptors() {	# pid
	local fd
	for fd in "/proc/$1/fd"/*; do
		echo "${fd##*/} $(readlink "$fd")"
	done
}
# 0 nothing, 1 and 2 to the log, 3 to the core, 4 the page of blame; what a host opens itself is no
# file of the daemon's.
only_its_own() {	# pid, what
	descriptors "$1" >list
	assert_eq "$2: the first five" "$(sort -n list | head -n 5 | sed 's/:.*//; s/ (deleted)//' | xargs)" \
		"0 /dev/null 1 pipe 2 pipe 3 socket 4 /memfd"
	! grep -E 'data\.mdb|secret|windows|teslad\.' list || fail "$2 has a file of the daemon's"
}
each_only_its_own() {	# which
	local p list
	list=$(ctl status | jq '.hosts[].pid')
	for p in $list; do
		only_its_own "$p" "$1"
	done
}
each_only_its_own "a host of the start"
for p in $(ctl status | jq '.hosts[].pid'); do
	kill -KILL "$p"
done
wait_for 10 hosts 1
each_only_its_own "a host that was started again"

# Of its own accord teslad gives nothing on: but for what it got from us, all is closed on exec.
descriptors "${pids[inherits]}" >inherited
descriptors "${pids[teslad]}" >open
grep -q 'data\.mdb$' open || fail "teslad has no data.mdb"
while read -r fd what; do
	if test "$fd" -le 2 || grep -qFx "$fd $what" inherited; then
		continue
	fi
	flags=$(sed -n 's/^flags:[[:space:]]*//p' "/proc/${pids[teslad]}/fdinfo/$fd" 2>/dev/null) || continue
	test $((flags & 02000000)) != 0 || fail "descriptor $fd of teslad ($what) is open for programs that it starts"
done <open

# Nor to a plugin that is described.
cp "$built/hang-load.so" plugins/drivers
# shellcheck disable=SC2016,SC2153  # they are the inner shell's; from the stage
start describe bash -c 'exec 7<>secret; exec "$0" --describe "$1"' "$TESLA_HOST" "$tmp/plugins/drivers/hang-load.so"
loaded() {
	grep -q hang-load "/proc/${pids[describe]}/maps"
}
wait_for 10 loaded
! descriptors "${pids[describe]}" | grep secret || fail "a plugin that is described has a file of another's"
stop describe KILL
