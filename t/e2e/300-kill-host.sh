#!/usr/bin/env bash
# seconds: 20
# SPDX-License-Identifier: Apache-2.0
# Each kind of host is killed, and stopped: the core goes on, the other hosts notice nothing, what
# the host had is back (the first time at once, the second time after a second), and status says
# why.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

start_sim sim --pty "$tmp/line" --baud 19200 --tcp 0
device 1 serial port="$tmp/line" baud=19200
device 2 tcp host=127.0.0.1 port="$(sim_port sim)"
for id in 1 2; do
	analyzer $id $id PM710 address=1 poll_interval=0.25s -- TPF FRE
done
write_config
start_teslad
subscribe seen

now_ms() {
	echo $((${EPOCHREALTIME/./} / 1000))
}
# Hosts by what they have: [1], [2] or [], which is the publisher's.
host() {
	ctl status | jq -r --argjson lines "$1" ".hosts[] | select(.lines == \$lines)$2"
}
host_is() {	# lines, state, restarts
	test "$(host "$1" ' | "\(.state) \(.restarts)"')" = "$2 $3"
}
sweeps_reach() {
	ctl status | jq -e --argjson id "$1" --argjson n "$2" \
		'.analyzers[] | select(.id == $id) | .state == "online" and .sweeps >= $n' >/dev/null
}
more_sweeps() {	# of an analyzer, within 5 s
	local n
	n=$(ctl status | jq --argjson id "$1" '.analyzers[] | select(.id == $id).sweeps')
	wait_for 5 sweeps_reach "$1" $((n + 4))
}
missed() {
	ctl status | jq --argjson id "$1" '.analyzers[] | select(.id == $id).missed'
}
down() {	# how long the analyzer was `down` each time, in ms, as the stream tells
	jq -cs --arg topic "status/4/$1/" 'map(select(.topic == $topic)) as $all
		| [range($all | length) | select($all[.].state == "down") | $all[. + 1].at - $all[.].at | floor]' seen.jsonl
}
wait_for 10 sweeps_reach 1 4
wait_for 10 sweeps_reach 2 4

# Of lines: what is killed, and an analyzer of somebody else.
for pair in '1 2' '2 1'; do
	read -r id other <<<"$pair"
	missed=$(missed "$other")
	kill -KILL "$(host "[$id]" .pid)"
	wait_for 5 host_is "[$id]" running 1
	assert_match "host $id: reason" "$(host "[$id]" .reason)" 'signal 9'
	more_sweeps "$id"

	kill -STOP "$(host "[$id]" .pid)"
	begun=$(now_ms)
	wait_for 5 host_is "[$id]" waiting 1
	took=$(($(now_ms) - begun))
	test $took -ge 900 -a $took -lt 2500 || fail "host $id: stopped, it was killed after $took ms"
	assert_match "host $id: reason" "$(host "[$id]" .reason)" 'no sign of life for 1\.5 s'
	assert_match "analyzer $id" "$(ctl status | jq -r --argjson id "$id" \
		'.analyzers[] | select(.id == $id) | "\(.state) \(.reason)"')" '^down no sign of life'
	assert_eq "last values of $id" "$(ctl snapshot | jq -c --argjson id "$id" \
		'[.readings[] | select(.analyzer == $id).q[]] | unique')" '[4]'
	wait_for 5 host_is "[$id]" running 2
	more_sweeps "$id"
	assert_eq "quarantine" "$(host "[$id]" .quarantine)" false
	assert_eq "polls that $other missed" "$(missed "$other")" "$missed"
	down "$id" >down.json
	cat down.json
	jq -e 'length == 2 and .[0] < 900 and .[1] >= 950 and .[1] < 2000' down.json >/dev/null ||
		fail "host $id was down for $(cat down.json) ms, expected nothing, then a second"
done
py "$top/t/e2e/peer.py" gaps seen.jsonl >gaps.json
cat gaps.json
assert_eq "holes and doubles" "$(jq -c '[.k_holes, .k_doubled, .n_holes, .n_doubled]' gaps.json)" "[0,0,0,0]"

# The publisher: whoever listens sees what is lost by k, and nothing twice.
received_after() {
	test "$(wc -l <seen.jsonl)" -gt $(($1 + 20))
}
kill -KILL "$(host '[]' .pid)"
wait_for 5 host_is '[]' running 1
wait_for 10 received_after "$(wc -l <seen.jsonl)"
kill -STOP "$(host '[]' .pid)"
wait_for 8 host_is '[]' running 2
wait_for 10 received_after "$(wc -l <seen.jsonl)"
assert_match "publisher: reason" "$(host '[]' .reason)" 'no sign of life'
py "$top/t/e2e/peer.py" gaps seen.jsonl >gaps.json
cat gaps.json
assert_eq "doubles" "$(jq -c '[.k_doubled, .n_doubled]' gaps.json)" "[0,0]"
assert_eq "k and n tell the same loss" "$(jq '.k_holes - .n_holes' gaps.json)" 0
assert_eq "polls missed" "$(missed 1) $(missed 2)" "0 0"
assert_eq "cores" "$(jq -s 'map(.e // empty) | unique | length' seen.jsonl)" 1
