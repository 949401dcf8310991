#!/usr/bin/env bash
# seconds: 20
# SPDX-License-Identifier: Apache-2.0
# kill -9 of teslad, at random instants of its first second, leaves no process, and nothing that
# keeps the next one from starting.
. "$(dirname "$0")/../lib.sh"
requires jq

rounds=20 RANDOM=7
start_sim sim --pty "$tmp/line" --baud 19200 --tcp 0
device 1 serial port="$tmp/line" baud=19200
device 2 tcp host=127.0.0.1 port="$(sim_port sim)"
for id in 1 2; do
	analyzer $id $id PM710 address=1 poll_interval=0.1s -- TPF
done
write_config
mkdir run state

list=''
ours() {	# sets list: processes of ours, but for the simulator; false when there is none
	list=$(left_over || true)
	list=$(grep -vxF "${pids[sim]}" <<<"$list")
}
none_of_ours() {
	! ours
}
most=0
for round in $(seq $rounds); do
	start teslad teslad -c config.xml -i lector.ini
	ms=$((RANDOM % 1000))
	sleep "$(printf '0.%03d' $ms)"
	ours || fail "round $round: nothing is running"
	n=$(wc -w <<<"$list")
	most=$((n > most ? n : most))
	alive "$pid" || fail "round $round: it ended by itself"
	stop teslad KILL
	assert_eq "round $round: status" "$status" 137
	retry 2 none_of_ours || fail "round $round, after $ms ms: left $list"
done
# teslad, two hosts of lines and the publisher's were there at least once.
test $most -ge 4 || fail "never more than $most processes were running"

start_teslad
both_read() {
	ctl status | jq -e '[.analyzers[] | select(.state == "online" and .sweeps > 1)] | length == 2' >/dev/null
}
wait_for 10 both_read
stop teslad

# Nor does a plugin that is being described and does not let itself be loaded.
built=$(dirname "$TESLA_STAGE")/t/data/plugins/.libs
test -d "$built" || skip "the bad plugins are not built: make check TESTS="
mkdir -p plugins/drivers
cp "$built/hang-load.so" plugins/drivers
rm config.xml lector.ini
analyzer 3 2 PM710 address=2 driver=hang-load -- TPF
write_config
write_ini "General.plugin_path=$tmp/plugins"
start teslad teslad -c config.xml -i lector.ini
describing() {
	ours || return 1
	for p in $list; do
		grep -aq "describe.*hang-load" "/proc/$p/cmdline" 2>/dev/null && return 0
	done
	return 1
}
wait_for 5 describing
stop teslad KILL
retry 2 none_of_ours || fail "a plugin that was being loaded was left: $list"
