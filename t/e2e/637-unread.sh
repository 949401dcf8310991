#!/usr/bin/env bash
# seconds: 7; san
# SPDX-License-Identifier: Apache-2.0
# Clients that ask and read nothing: their own answers are lost, and memory has a bound.  Twenty of them, and then
# as many as a door takes, ask for definitions of 200 analyzers; the other clients, meters and the stream notice nothing.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

start_sim sim --tcp 0 --meter '*=PM710'
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
for id in $(seq 200); do
	analyzer "$id" 1 PM710 address="$id" poll_interval=10 -- TPF
done
write_config
start_teslad
size=$(py "$top/t/e2e/control_peer.py" ask "$control-ro" '{"cmd": "definitions"}' | wc -c)
test "$size" -gt 1000000 || fail "definitions have $size bytes only"
rss() {	# MiB
	awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/${pids[teslad]}/status"
}
start witness py "$top/t/e2e/control_peer.py" ask "$control-ro" --every 0.1 '{"cmd": "plan"}'
wait_for 10 lines_at_least 3 witness.log
before=$(rss)
echo "$before MiB before"

start deaf py "$top/t/e2e/control_peer.py" deaf "$control-ro" 20 30 '{"cmd": "definitions"}'
wait_for 60 grep -q '^ready' deaf.log
answered() {	# so many more by the witness: all that was asked before it is done with
	n=$(wc -l <witness.log)
	wait_for 10 lines_at_least $((n + ${1:-10})) witness.log
}
answered
peak=$(rss)
echo "$peak MiB with 20 that read nothing"
test -n "${TESLA_SLOWER:-}" || test $((peak - before)) -lt 128 || fail "$((peak - before)) MiB for 20 that read nothing"
wait_for 10 grep -Eq 'control: refused: user [0-9]+ \(process [0-9]+\): requests of one who reads no answers' teslad.log

# All that a door takes: those that are slowest go.
start more py "$top/t/e2e/control_peer.py" deaf "$control-ro" 40 30 '{"cmd": "definitions"}'
wait_for 60 grep -q '^ready' more.log
answered
peak=$(rss)
echo "$peak MiB with 60"
test -n "${TESLA_SLOWER:-}" || test $((peak - before)) -lt 200 || fail "$((peak - before)) MiB for 60 that read nothing"
wait_for 10 grep -q 'control: refused: who does not read: ' teslad.log

# One that reads gets all of it all the while.
assert_eq "definitions" "$(py "$top/t/e2e/control_peer.py" ask "$control-ro" '{"cmd": "definitions"}' \
	'{"cmd": "definitions"}' | jq -c '.definitions | length' | xargs)" "200 200"
stop deaf
stop more
answered
assert_eq "answers of the witness" "$(jq .ok witness.log | sort -u)" true
stop witness
# Who was deaf and hears again gets answers.
assert_eq "status" "$(py "$top/t/e2e/control_peer.py" ask "$control-ro" '{"cmd": "status"}' | jq .ok)" true
