#!/usr/bin/env bash
# seconds: 12
# SPDX-License-Identifier: Apache-2.0
# An exporter that cannot begin: said once, with what to do, though it is tried again and again; it
# begins when it can, and its records are all there.  The journal tells what was made.
. "$(dirname "$0")/../lib.sh"
requires jq python:msgpack

start_sim sim --tcp 0 --meter '*=PM710'
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 address=1 poll_interval=0.2 record_interval=1s export=localFile:data -- TPF
write_config
start_teslad

tried() {
	test "$(ctl status | jq '[.hosts[] | select(.kind == "exporter") | .restarts] | max')" -ge "$1"
}
shown() {
	test "$(ctl journal | jq -r '.exporters[0].state')" = down
}
wait_for 15 tried 3
wait_for 10 shown
assert_match "the reason" "$(ctl journal | jq -r '.exporters[0].reason')" 'make the folder'
assert_eq "said" "$(grep -c 'error: exporter localFile:.*cannot begin' teslad.log)" 1
assert_match "what to do" "$(grep 'cannot begin' teslad.log)" 'make the folder.*journal drain'
assert_eq "ends said" "$(grep -c 'warning: localFile.*ended after' teslad.log || true)" 0
mkdir data
teslactl journal drain localFile:data >/dev/null
wait_for 20 drained
made=$(ctl status | jq .journal.records_made)
ctl journal >list
stop teslad

test "$made" -ge 3 || fail "$made records made in more than 3 s"
jq -e '.late >= 0 and .left_out == 0 and .records_made > 0' list || fail "counts that are none"
grep -q 'exporter localFile:data could begin' teslad.log || fail "that it could begin is not said"
test "$(cat data/1/2*.txt | grep -vc HORA)" -ge "$made" || fail "lines are missing"
