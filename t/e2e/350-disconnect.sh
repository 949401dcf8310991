#!/usr/bin/env bash
# seconds: 26; san
# SPDX-License-Identifier: Apache-2.0
# Connections that are closed, half frames, noise, wrong checksums, doubled replies and exceptions,
# on TCP, RTU over TCP and a pty: no wrong value is published, what went wrong is counted apart, and
# when it ends all is well.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

# Per line a meter of its own address; all show the same, known values.
start_sim sim --tcp 0 --rtu-over-tcp 0 --pty "$tmp/line" --baud 115200 --turnaround 1 --meter 1-3=PM710 \
	--fix TPF.L1=231 --fix TPF.L2=232 --fix TPF.L3=233 --fix FRE=50 --fix CEA=7000000 --control "$tmp/sim.ctl"
sim() {
	py "$top/t/e2e/peer.py" sim "$tmp/sim.ctl" "$@"
}
common=(timeout=0.1 late_max=0.1 backoff_max=1)
device 1 tcp host=127.0.0.1 port="$(sim_port sim 1)" "${common[@]}"
device 2 rtu-over-tcp host=127.0.0.1 port="$(sim_port sim 2)" baud=115200 "${common[@]}"
device 3 serial port="$tmp/line" baud=115200 "${common[@]}"
for id in 1 2 3; do
	analyzer $id $id PM710 poll_interval=0.1s -- TPF FRE CEA
	facts+="\"$id/TPF\": [231, 232, 233], \"$id/FRE\": [50], \"$id/CEA\": [7000000], "
done
echo "{ $facts \"end\": [] }" >facts.json
write_config
start_teslad
subscribe seen reading/

settled() {
	ctl status | jq -e '[.analyzers[] | select(.state == "online")] | length == 3' >/dev/null
}
all_swept() {
	ctl status | jq -e --argjson n "$1" '[.analyzers[].sweeps] | min >= $n' >/dev/null
}
sweeps() {
	ctl status | jq '[.analyzers[].sweeps] | max'
}
counts() {	# a line per analyzer
	ctl status | jq -c '.analyzers[] | [.timeouts, .garbled, .exceptions, .failed]'
}
# A fault on all lines at once; which counters of TCP, RTU over TCP and pty rise with it (time-outs,
# garbled, exceptions, failed sweeps): 1 rises, 0 does not, . may.
fault() {
	local kind=$1 what=$2 before after n id=0 rises
	before=$(counts)
	n=$(sweeps)
	for id in 1 2 3; do
		sim fault add "$kind:address=$id,$what" >/dev/null
	done
	wait_for 15 all_swept $((n + 9))
	sim fault clear >/dev/null
	wait_for 10 all_swept $(($(sweeps) + 1))	# what was under way is counted
	after=$(counts)
	rises=$(jq -nr "[$(xargs <<<"$before" | tr ' ' ,)] as \$b | [$(xargs <<<"$after" | tr ' ' ,)] as \$a
		| [range(3) as \$i | [range(4) | if \$a[\$i][.] > \$b[\$i][.] then \"1\" else \"0\" end] | add] | join(\" \")")
	echo "$kind: $(xargs <<<"$before") to $(xargs <<<"$after"): $rises"
	assert_match "$kind" "$rises" "^$3$"
	wait_for 10 settled
}
wait_for 10 settled
fault exception every=3,code=4 '0011 0011 0011'
fault silent every=3 '1001 1001 1001'
fault late every=3,ms=130 '1001 1001 1001'
fault noise every=3 '..0. ..0. ..0.'
fault partial every=3 '1001 010. 010.'
fault double every=2 '0.0. 0.0. 0.0.'
fault wrong-address every=3 '010. 010. 010.'
fault checksum every=3 '010. 010. 010.'
fault disconnect every=5 '0001 0001 1001'

# Afterwards everything is read, and nothing more goes wrong.
before=$(counts)
wait_for 10 all_swept $(($(sweeps) + 10))
assert_eq "counters afterwards" "$(counts)" "$before"
assert_eq "values afterwards" "$(ctl snapshot | jq '[.readings[] | select(.q | all(. == 0))] | length')" 9
py "$top/t/e2e/peer.py" values seen.jsonl facts.json >values.log || fail "$(cat values.log)"
tail -n 1 values.log
test "$(jq -s '[.[] | select(.x)] | length' seen.jsonl)" -gt 50 || fail "too few failed: the faults did nothing"
