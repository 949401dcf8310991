#!/usr/bin/env bash
# seconds: 10
# SPDX-License-Identifier: Apache-2.0
# Every model that is delivered, all on one line: known values go in at the simulator and come out of
# the stream to the last bit, the simulator's registers are what the facts say, and a sweep takes no
# more transactions than there must be. catalogue.py has the arithmetic.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

catalogue() {
	py "$top/t/e2e/catalogue.py" "$@"
}
# A reply takes 2 ms, so that a transaction is always dearer than a read's registers.
start_sim sim --tcp 0 --meter "$(catalogue meters)" --control "$tmp/sim.ctl" --print-config="$tmp/config.xml" \
	--fault late:ms=2
catalogue set "$tmp/sim.ctl" >set.log || fail "$(head set.log)"
catalogue config config.xml 2
write_ini "Stream.endpoint=$stream"
teslad -t -c config.xml -i lector.ini >check.log || fail "$(cat check.log)"
start_teslad
subscribe seen reading/
judged() {
	catalogue judge seen.jsonl >judge.log
}
all_seen() {
	judged && return
	! grep -q 'missing: \[\]' judge.log || fail "$(head -n 20 judge.log)"
	return 1
}
wait_for 30 all_seen
tail -n 1 judge.log

# What one whole sweep asks for.
sim() {
	py "$top/t/e2e/peer.py" sim "$tmp/sim.ctl" "$@"
}
sweeps() {
	ctl status | jq '[.analyzers[].sweeps] | min'
}
reached() {
	test "$(sweeps)" -ge "$1"
}
n=$(sweeps)
wait_for 15 reached $((n + 1))
sim reset >/dev/null
wait_for 15 reached $((n + 3))
sim stats >stats.json
ctl plan >plan.json
catalogue plan plan.json stats.json >plan.log || fail "$(head -n 20 plan.log)"
tail -n 1 plan.log
assert_eq "failed sweeps and exceptions" "$(ctl status | jq '[.analyzers[] | .failed + .exceptions] | add')" 0

sim fault clear >/dev/null
catalogue registers "$(sim_port sim)" >registers.log || fail "$(head -n 20 registers.log)"
tail -n 1 registers.log
judged || fail "$(head -n 20 judge.log)"
