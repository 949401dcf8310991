#!/usr/bin/env bash
# seconds: 76
# SPDX-License-Identifier: Apache-2.0
# An open window survives kill -9 of the core, and a clean stop with the loss of run_dir: its record
# lacks no more than the time in which nothing was read.  A daemon started in the middle of a window
# says what share it covers.  A clock that steps makes no record twice and none that covers too much.
. "$(dirname "$0")/../lib.sh"
requires jq python:msgpack python:zmq nm
start_shim clock

window=$((8 * 1000))
start_sim sim --tcp 0
start_rest new --api v1 --out "$tmp/new.jsonl"
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 poll_interval=0.2 record_interval=8s \
	export="<export type=\"clientRest\" target=\"$(rest_url new)/api/v1\" api=\"v1\"/>" -- TPF CEA
write_config
clock=$tmp/clock
export TESLA_CLOCK=$clock
offset_us=0
set_clock() {	# by how much it is off, in ms
	offset_us=$(($1 * 1000))
	py -c 'import struct, sys; sys.stdout.buffer.write(struct.pack("<q", int(sys.argv[1])))' $offset_us >clock.new
	mv clock.new clock
}
now_ms() {
	echo $(((${EPOCHREALTIME/./} + offset_us) / 1000))
}
# The daemon's clock stands `$1` ms behind the beginning of a window.
place() {
	local real=$((${EPOCHREALTIME/./} / 1000))
	set_clock $(((real / window + 10) * window + $1 - real))
}
sweeps_reach() {
	ctl status | jq -e --argjson n "$1" '.analyzers[0].sweeps >= $n' >/dev/null
}
count_at() {	# good readings of the record that ends there
	jq -c --argjson e "$1" 'select(.end_ms == $e).variables.TPF | [.count[0], .covered_ms[0]]' new.jsonl
}

clock_shows() {
	test "$(now_ms)" -ge "$1"
}
has_record() {
	test -n "$(count_at "$1")"
}
# Waits for the second half of the window that ends at $end, in which $1 sweeps were made by then.
second_half() {
	wait_for 10 clock_shows $((end - 3000))
	wait_for 2 sweeps_reach "$1"
}
# The record of the window: it has 10 readings more than were possible after the restart, at $back.
has_earlier_ones() {
	local count covered
	test "$back" -lt $end || fail "too slow: the restart was after the window"
	wait_for 20 has_record $end
	read -r count covered < <(count_at $end | tr '[],' '   ')
	echo "$1: $count readings cover $covered ms; the restart was $((end - back)) ms before the end"
	test "$count" -ge $(((end - back) / 200 + 10)) || fail "$1: its record has $count readings"
	test "$covered" -ge $((end - back + 2000)) -a "$covered" -le $window || fail "$1: it covers $covered ms"
}

# Killed in the second half of a window: what was gathered before is in its record.
place 0
start_teslad
end=$((($(now_ms) / window + 1) * window))
second_half 15
stop teslad KILL
back=$(now_ms)
start_teslad
has_earlier_ones "killed"

# Stopped, with more than one signal, and the machine starts again: run_dir is empty.
end=$((($(now_ms) / window + 2) * window))
wait_for 20 clock_shows $((end - window))
second_half $(($(ctl status | jq '.analyzers[0].sweeps') + 15))
kill -TERM "$pid"
kill -INT "$pid"
stop teslad
assert_eq "teslad ended with" "$status" 0
rm -rf run
back=$(now_ms)
start_teslad
has_earlier_ones "stopped"

# A window that ends while nobody is there: the first record on the stream is the next one's.
end=$((($(now_ms) / window + 1) * window))
wait_for 20 clock_shows $((end - 2000))
stop teslad KILL
wait_for 20 clock_shows $((end + 100))
start_teslad
subscribe seen record/
wait_for 20 has_record $end
wait_for 30 lines_at_least 1 seen.jsonl
assert_eq "stream: k of the first record" "$(head -n 1 seen.jsonl | jq -c .k)" 1

# Started in the middle: the share is told.
stop teslad
rm -rf run state
n=$(wc -l <new.jsonl)
place 5000
start_teslad
end=$((($(now_ms) / window + 1) * window))
wait_for 20 lines_at_least $((n + 1)) new.jsonl
read -r _ covered < <(count_at $end | tr '[],' '   ')
test "$covered" -gt 0 -a "$covered" -le 3100 || fail "started 5 s late, it covers $covered of $window ms"

# The clock leaps an hour ahead, half an hour back, where nothing was recorded yet, and once more half
# an hour back, where something was: each time it goes on with what has no record.
for step in 3600000 -1800000 -1800000; do
	n=$(wc -l <new.jsonl)
	set_clock $((offset_us / 1000 + step))
	wait_for 60 lines_at_least $((n + 2)) new.jsonl
done
stop teslad
jq -e -s --argjson window $window '(map([.analyzer, .end_ms]) | length == (unique | length))
	and all(.[]; .end_ms % $window == 0 and .variables.TPF.covered_ms[0] <= $window)' new.jsonl >/dev/null ||
	fail "a record twice, or one that covers too much: $(jq -c . new.jsonl)"
test "$(wc -l <new.jsonl)" -lt 25 || fail "$(wc -l <new.jsonl) records"
