#!/usr/bin/env bash
# seconds: 40; timed
# SPDX-License-Identifier: Apache-2.0
# Twelve PM710 with ten variables each on one line at 19200 Bd, at 1 s: 91% of the line, and none is
# missed.
. "$(dirname "$0")/../lib.sh"
requires jq

meters=12 seconds=30 attempts=3 t_us=76042
start_sim sim --pty "$tmp/line" --baud 19200 --meter 1-$meters=PM710 --control "$tmp/sim.ctl"
sim() {
	py "$top/t/e2e/peer.py" sim "$tmp/sim.ctl" "$@"
}
device 1 serial port="$tmp/line" baud=19200
for id in $(seq $meters); do
	analyzer "$id" 1 PM710 -- TPF IPF FRE PAF PAT PRT FPT THDV CEA CER
done
write_config
start_teslad

# When all were identified and their scales read, the line has caught up after one more second.
least() {
	ctl status | jq -e --argjson n "$1" '[.analyzers[].sweeps] | min >= $n' >/dev/null
}
sum() {
	ctl status | jq "[.analyzers[].$1] | add"
}
wait_for 20 least 3
for attempt in $(seq $attempts); do
	start witness py "$top/t/e2e/peer.py" witness 1000
	sim reset >/dev/null
	missed=$(sum missed)
	wait_for $((seconds + 20)) least $(($(ctl status | jq '[.analyzers[].sweeps] | min') + seconds))
	missed=$(($(sum missed) - missed))
	sim stats >stats.json
	stop witness
	echo "missed $missed, witness $(tail -n 1 witness.log) ms late"
	test $missed != 0 || break
	# The last of the twelve begins 836 ms after its deadline.
	jq -ne "$(tail -n 1 witness.log) > 100" >/dev/null ||
		fail "$missed polls missed, and the witness was not late"
	test "$attempt" -lt $attempts || fail "the machine was late $attempts times"
done
jq -c '.lines[0] | {requests, ranges, bus_us, cycle_us, early}' stats.json
assert_eq "time-outs and garbled" "$(sum timeouts) $(sum garbled)" "0 0"
assert_eq "early starts" "$(jq '.lines[0].early' stats.json)" 0
assert_eq "reads" "$(jq -c '[.lines[0].ranges[].count]' stats.json)" "[52]"
# The line is not left idle between two that wait: from one request to the next it is the bus time.
jq -e --argjson t $t_us '.lines[0].cycle_us.median < $t * 1.03' stats.json >/dev/null ||
	fail "the median cycle is $(jq '.lines[0].cycle_us.median' stats.json) us, expected $t_us us within 3%"
