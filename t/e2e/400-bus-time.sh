#!/usr/bin/env bash
# seconds: 13; timed
# SPDX-License-Identifier: Apache-2.0
# PM710's ten variables at 19200 Bd: one transaction of 52 registers, whose time on the bus is
# within 3% of T(n) = (20 + 2n) x 11 / baud + turnaround, and no request before the silence is over.
. "$(dirname "$0")/../lib.sh"
requires jq

turnaround_us=5000 registers=52 transactions=100
t_us=$(((20 + 2 * registers) * 11 * 1000000 / 19200 + turnaround_us))
start_sim sim --pty "$tmp/line" --baud 19200 --turnaround $((turnaround_us / 1000)) --control "$tmp/sim.ctl"
device 1 serial port="$tmp/line" baud=19200
analyzer 1 1 PM710 poll_interval=0.1s -- TPF IPF FRE PAF PAT PRT FPT THDV CEA CER
write_config
start_teslad

sim() {
	py "$top/t/e2e/peer.py" sim "$tmp/sim.ctl" "$@"
}
read_one() {
	analyzer_is 1 state online
}
wait_for 5 read_one
sim reset >/dev/null
enough() {
	sim stats >stats.json
	jq -e --argjson n $transactions '.lines[0].bus_us.n >= $n' stats.json >/dev/null
}
wait_for 20 enough
jq -c '.lines[0] | {ranges, bus_us, cycle_us, early, busy_us}' stats.json
ctl plan >plan.json
jq -c '.lines[0]' plan.json

near() {	# what, per cent, got in us
	jq -ne "$3 >= $t_us * (100 - $2) / 100 and $3 <= $t_us * (100 + $2) / 100" >/dev/null ||
		fail "$1: $3 us, expected $t_us us within $2%"
}
assert_eq "reads" "$(jq -c '[.lines[0].ranges[] | [.function, .address, .count]]' stats.json)" "[[3,3999,$registers]]"
assert_eq "plan" "$(jq -c '.lines[0].analyzers[0].transactions' plan.json)" "[[3,3999,$registers,10]]"
near "median bus time" 3 "$(jq '.lines[0].bus_us.median' stats.json)"
# What the host measures is smoothed, has this machine's delays in it, and is told when it moved by
# 5%.
near "measured, in the plan" 12 "$(jq '.lines[0].analyzers[0].measured_us' plan.json)"
near "predicted, in the plan" 12 "$(jq '.lines[0].analyzers[0].predicted_us' plan.json)"
assert_eq "turnaround is measured" "$(jq '.lines[0].analyzers[0].assumed' plan.json)" false
near "share of the line" 12 "$(jq '.lines[0].share * 100000 | floor' plan.json)"
assert_eq "early starts" "$(jq '.lines[0].early' stats.json)" 0
