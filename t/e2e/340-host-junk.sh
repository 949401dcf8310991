#!/usr/bin/env bash
# seconds: 13
# SPDX-License-Identifier: Apache-2.0
# A host that sends junk is killed with a message that says what it sent, and started again; another host's
# analyzer does not notice, and nothing of the junk is numbered.
. "$(dirname "$0")/../lib.sh"
requires jq python:msgpack python:zmq

export TESLA_REAL_HOST=$TESLA_HOST TESLA_FAKE_LIVES=$tmp/lives
export TESLA_HOST=$top/t/e2e/fake_host.py
device 1 serial port=/dev/null
device 2 tcp host=127.0.0.1 port=9
analyzer 1 1 PM710 -- TPF
analyzer 2 2 PM710 -- TPF
write_config
subscribe sweeps
start_teslad
wait_for 5 test -e lives

host_of() {
	ctl status | jq -r --argjson line "$1" '.hosts[] | select(.lines == [$line])'
}
neighbour=$(host_of 2 | jq .pid)
sweeps() {
	ctl status | jq --argjson id "$1" '.analyzers[] | select(.id == $id).sweeps'
}
behaves() {
	test "$(sweeps 1)" -gt 3
}
wait_for 20 behaves
for says in 'message of 2147483647 bytes' 'values announced' 'analyzer 2 is not its own' \
	'not one of those that there are'; do
	grep -q "it broke the form of messages: .*$says" teslad.log || fail "the log does not say '$says'"
done
assert_eq "lives of the host" "$(cat lives)" 5
assert_eq "restarts" "$(host_of 1 | jq .restarts)" 4
assert_match "reason in status" "$(host_of 1 | jq .reason)" 'broke the form'
assert_eq "the neighbour's host" "$(host_of 2 | jq .pid)" "$neighbour"
assert_eq "the neighbour's restarts" "$(host_of 2 | jq .restarts)" 0
assert_match "a good one is in no quarantine" "$(host_of 1 | jq .quarantine)" false
ctl shutdown
stop teslad
