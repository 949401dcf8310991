#!/usr/bin/env bash
# seconds: 16; san; timed
# SPDX-License-Identifier: Apache-2.0
# What goes over a line, as teslactl trace tells it, is what an independent decoder makes of it and,
# on a serial line, what somebody in between saw: good replies, an exception, a wrong checksum, a
# time-out, and what comes after it.  Two look at once; no poll is missed.
. "$(dirname "$0")/../lib.sh"
requires jq socat python:zmq python:msgpack

start_sim sim --tcp 0 --pty "$tmp/meter" --tcp 0 --meter '1-4=PM710' --time-scale 1000 \
	--fault exception:address=2,probability=0.3,code=4 --fault late:address=3,probability=0.2,ms=250 \
	--fault checksum:address=4,probability=0.4
start wire socat -x "PTY,raw,echo=0,link=$tmp/line" "$tmp/meter,raw,echo=0"
wait_for 5 test -e line
device 1 tcp host=127.0.0.1 port="$(sim_port sim 1)" timeout=0.2
device 2 serial port="$tmp/line" baud=19200 timeout=0.2
device 3 tcp host=127.0.0.1 port="$(sim_port sim 2)"
for i in 1 2 3; do
	analyzer $i 1 PM710 address=$i poll_interval=0.5 -- TPF
	analyzer 2$i 2 PM710 address=$i poll_interval=0.5 -- TPF PAT
done
analyzer 24 2 PM710 address=4 poll_interval=0.5 -- TPF
analyzer 30 3 PM710 address=1 poll_interval=0.1s -- TPF
write_config
start_teslad
subscribe seen reading/
all_read() {
	ctl status | jq -e '[.analyzers[] | select(.sweeps > 1)] | length == 8' >/dev/null
}
wait_for 20 all_read

# tracer NAME LINE ARGS...: its frames go to NAME.log; a line that counts is there once it begins.
tracer() {
	start "$1" teslactl --json trace "$2" "${@:3}"
	wait_for 10 test -s "$1.log"
}
has() {	# file, jq expression over all frames, true
	jq -es "$2" "$1" >/dev/null
}
! grep -q 'is traced by' teslad.log || fail "a line is traced that nobody asked for"

# Each way to fail that the simulator has; then what came before the end of the trace is judged.
tracer tcp 1
tracer again 1
tracer rtu 2
TESLA_CONTROL=$control-ro tracer other 3
missed=$(ctl status | jq '.analyzers[] | select(.id == 30).missed')
statuses='[.[].status | values]'
wait_for 20 has tcp.log "$statuses | contains([\"ok\", \"exception\", \"timeout\"])"
wait_for 40 has rtu.log "$statuses | contains([\"ok\", \"exception\", \"timeout\", \"garbled\"])"
wait_for 20 lines_at_least 120 rtu.log
for f in tcp rtu; do
	wait_for 20 has $f.log 'any(.[]; .kind == "junk" or .kind == "late")'
done
stop tcp INT
assert_eq "the end by SIGINT" "$status" 0
stop again
stop rtu
stop other
assert_eq "missed while traced" "$(ctl status | jq '.analyzers[] | select(.id == 30).missed')" "$missed"
py "$top/t/e2e/traced.py" decode tcp tcp.log seen.jsonl
py "$top/t/e2e/traced.py" decode rtu rtu.log seen.jsonl
py "$top/t/e2e/traced.py" decode tcp other.log seen.jsonl
py "$top/t/e2e/traced.py" wire rtu.log wire.log
both=$(py "$top/t/e2e/traced.py" same tcp.log again.log)
test "$both" -gt 20 || fail "both saw only $both frames"
assert_eq "kinds of what is no frame" "$(jq -s '[.[] | select(.kind == "event" and .hex != "")] | length' rtu.log)" 0

# Text says the same.
teslactl trace 1 --seconds 2 >text.log
grep -Eq '^20[0-9-]{8}T[0-9:]{8}\.[0-9]{6}Z > 00 .. 00 00 00 06 01 03 0f c0 00 03  # analyzer 1: function 3, 3 registers from 4032$' text.log
grep -Eq 'Z < 00 .. 00 00 00 09 01 03 06( ..){6}  # analyzer 1: ok$' text.log


# What is none of it.
assert_status 1 teslactl trace 4
assert_status 2 teslactl trace
assert_status 2 teslactl trace one
assert_status 2 teslactl status --capture x
assert_status 1 teslactl trace 1 --seconds 1 --capture /nowhere/x
