#!/usr/bin/env bash
# seconds: 14; timed
# SPDX-License-Identifier: Apache-2.0
# One of three slaves on a serial line falls silent: the others miss at most ceil((timeout + drain)
# / interval) polls per time-out, as counted at the slaves; it is offline, with the reason, and back
# within a back-off.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

# (300 + 300) / 250 ms: three polls per time-out.
bound=3 backoff=5
start_sim sim --pty "$tmp/line" --baud 19200 --meter 1-3=PM710 --control "$tmp/sim.ctl"
sim() {
	py "$top/t/e2e/peer.py" sim "$tmp/sim.ctl" "$@"
}
device 1 serial port="$tmp/line" baud=19200 timeout=0.3 late_max=0.3 backoff_max=$backoff
for id in 1 2 3; do
	analyzer $id 1 PM710 poll_interval=0.25s -- TPF
done
write_config
start_teslad
subscribe seen
all_read() {
	ctl status | jq -e '[.analyzers[] | select(.state == "online" and .sweeps > 4)] | length == 3' >/dev/null
}
wait_for 10 all_read
# Before anything is missed: between two commands a neighbour's poll may be.
sim reset >/dev/null
missed_before=$(ctl status | jq '[.analyzers[] | select(.id != 2).missed] | add')

sim fault add silent:address=2 >/dev/null
wait_for 10 analyzer_is 2 state offline
assert_match "reason in status" "$(ctl status | jq -r '.analyzers[1].reason')" 'no answer|did not answer'
unanswered() {
	sim stats | jq -e --argjson n "$1" '.lines[0].addresses[] | select(.address == 2).unanswered >= $n' >/dev/null
}
# Three until it is offline, and a probe.
wait_for 15 unanswered 4
missed() {	# of the neighbours, as the core says
	echo $(($(ctl status | jq '[.analyzers[] | select(.id != 2).missed] | add') - missed_before))
}
least=$(missed)
sim stats >stats.json
most=$(missed)
py "$top/t/e2e/peer.py" polls stats.json 250 2 >polls.json
cat polls.json
jq -e --argjson bound $bound '.worst <= $bound * .unanswered' polls.json >/dev/null || fail "neighbours missed more"
jq -e '.least > 10' polls.json >/dev/null || fail "the neighbours were not read"
# What the slaves saw is what the core says, but for the polls before and after the count.
slaves=$(jq '[.missed[]] | add' polls.json)
test "$slaves" -ge $((least - 2)) -a "$slaves" -le $((most + 2)) ||
	fail "the core says $least to $most missed, the slaves $slaves"

sim fault clear >/dev/null
cleared=$(date +%s%3N)
wait_for $((backoff + 2)) analyzer_is 2 state online
changes() {
	jq -c 'select(.topic == "status/4/2/") | [.state, .reason, .at]' seen.jsonl
}
# Who subscribes while they connect may come too late for the first of them.
changes
assert_match "states on the stream" "$(changes | jq -r '.[0]' | xargs)" '^(online )?offline( connecting)? online$'
assert_match "reason on the stream" "$(changes | jq -r 'select(.[0] == "offline")[1]')" 'no answer|did not answer'
back=$(changes | jq --argjson from "$cleared" 'select(.[0] == "online")[2] - $from | floor' | tail -n 1)
test "$back" -le $((backoff * 1000 + 300)) || fail "back after $back ms"
assert_eq "messages about it in the log" "$(grep -c 'analyzer 2 .* is offline' teslad.log)" 1
assert_eq "early starts" "$(jq '.lines[0].early' stats.json)" 0
