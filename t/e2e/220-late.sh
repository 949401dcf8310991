#!/usr/bin/env bash
# seconds: 75; timed
# SPDX-License-Identifier: Apache-2.0
# A reply that is 0.5 or 0.9 of late_max late, 200 of each on RTU, TCP and RTU over TCP, is never
# taken for the answer to the next request.  Every sweep asks for TPF and then, in a read of the
# same shape, for THDV; the answer to the second one is late, and the next request on the line is
# for TPF again.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

late=200 timeout=50 late_max=250 attempts=3
# What a reply takes besides: silence, turnaround and the characters of the pty.
wire=4
sim() {
	py "$top/t/e2e/peer.py" sim "$tmp/$1.ctl" "${@:2}"
}
facts=()
for fraction in 5 9; do
	# Lines and addresses: 51, 52, 53 and 91, 92, 93.
	a=$((fraction * 10))
	options=(--pty "$tmp/line$fraction" --tcp 0 --rtu-over-tcp 0)
	for i in 1 2 3; do
		ms=$((timeout + late_max * fraction / 10 - wire))
		options+=(--meter "$((a + i))=PM710" --fault "late:address=$((a + i)),every=2,ms=$ms")
		for label in 1 2 3; do
			options+=(--fix "$((a + i)):TPF.L$label=$((a + i + 100 * label))"
				--fix "$((a + i)):THDV.L$label=$((label + i))")
		done
		facts+=("\"$((a + i))/TPF\": [$((a + i + 100)), $((a + i + 200)), $((a + i + 300))],"
			"\"$((a + i))/THDV\": [$((1 + i)), $((2 + i)), $((3 + i))],")
		analyzer $((a + i)) $((a + i)) PM710 poll_interval=0.05s -- TPF THDV
	done
	# What lies between the two is refused: they stay two reads.
	start_sim sim$fraction "${options[@]}" --forbid 4040-4040 --baud 115200 --turnaround 1 \
		--control "$tmp/sim$fraction.ctl"
	common=("timeout=${timeout}ms" "late_max=${late_max}ms")
	device $((a + 1)) serial port="$tmp/line$fraction" baud=115200 "${common[@]}"
	device $((a + 2)) tcp host=127.0.0.1 port="$(sim_port sim$fraction 1)" "${common[@]}"
	device $((a + 3)) rtu-over-tcp host=127.0.0.1 port="$(sim_port sim$fraction 2)" baud=115200 "${common[@]}"
done
echo "{ ${facts[*]} \"end\": [] }" >facts.json
write_config

# All analyzers have had that many time-outs; sweeps that were read whole again come after the
# faults' end.
least() {
	ctl status | jq -e --arg what "$1" --argjson n "$2" '[.analyzers[][$what]] | min >= $n' >/dev/null
}
whole_again() {
	ctl status | jq -e '[.analyzers[] | select(.state == "online")] | length == 6' >/dev/null &&
		ctl snapshot | jq -e '[.readings[] | select(.q == [0, 0, 0])] | length == 12' >/dev/null
}
for attempt in $(seq $attempts); do
	start witness py "$top/t/e2e/peer.py" witness 50
	start_teslad
	subscribe seen reading/
	wait_for 150 least timeouts $late
	ctl status >status.json
	stop witness
	right=0
	py "$top/t/e2e/peer.py" values seen.jsonl facts.json >values.log || right=1
	echo "witness $(tail -n 1 witness.log) ms late; $(tail -n 1 values.log)"
	test $right = 0 && break
	# The simulator and the host were both late: a reply beyond late_max is the machine's fault.
	jq -ne "$(tail -n 1 witness.log) > $late_max / 20" >/dev/null || fail "$(cat values.log)"
	test "$attempt" -lt $attempts || fail "the machine was late $attempts times: $(cat values.log)"
	stop seen
	stop teslad
	rm seen.jsonl
done
jq -c '.analyzers[] | [.id, .sweeps, .timeouts, .garbled]' status.json
test "$(jq -s 'length' seen.jsonl)" -gt $((6 * 2 * late)) || fail "too few messages"
jq -e '[.analyzers[] | select(.state == "online")] | length == 6' status.json >/dev/null || fail "some went offline"
for fraction in 5 9; do
	sim sim$fraction fault clear >/dev/null
done
wait_for 10 whole_again
