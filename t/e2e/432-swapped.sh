#!/usr/bin/env bash
# seconds: 10; san
# SPDX-License-Identifier: Apache-2.0
# On a serial line that stays open a meter is taken off, and one of another model is put in its place:
# at the next connect it is noticed, every reading of it is suspect, and log, status and stream say so.
# The right meter comes back, and is trusted again.
. "$(dirname "$0")/../lib.sh"
requires jq socat python:zmq python:msgpack

# The line is one end of a pair that stays; meters hang on the other end.
start wire socat "PTY,raw,echo=0,link=$tmp/line" "PTY,raw,echo=0,link=$tmp/bus"
wait_for 5 test -e bus
hang() {	# name, model, what it says of itself
	start "$1" tesla-sim --pty "$tmp/$1.pty" --turnaround 0 --meter "1=$2" --identity "$3"
	wait_for 10 grep -q '^ready' "$1.log"
	start "$1.wire" socat "$tmp/$1.pty,raw,echo=0" "$tmp/bus,raw,echo=0"
}
take_off() {
	stop "$1.wire"
	stop "$1"
}
hang right PM710 'PM710 V3'
device 1 serial port="$tmp/line" baud=115200 timeout=0.3 backoff_max=1
analyzer 1 1 PM710 address=1 poll_interval=0.2 -- TPF FRE
write_config
start_teslad
subscribe seen
trusted() {
	ctl status | jq -e '.analyzers[0] | .state == "online" and .verified == "yes"' >/dev/null &&
		ctl snapshot 1 TPF | jq -e '.readings[0].q | all(. == 0)' >/dev/null
}
wait_for 10 trusted
opened() {
	grep -c 'line 1 .* is open' teslad.log
}
before=$(opened)
take_off right
offline() {
	analyzer_is 1 state offline
}
wait_for 10 offline
hang wrong PM3200 METSEPM3255
marked() {
	ctl status | jq -e '.analyzers[0] | .state == "online" and .verified == "other" and (.note | test("PM3200"))' >/dev/null
}
wait_for 15 marked
at=$(wc -l <seen.jsonl)
more() {
	test "$(tail -n "+$((at + 1))" seen.jsonl | jq -c 'select(.topic | startswith("reading/"))' | wc -l)" -ge 6
}
wait_for 10 more
tail -n "+$((at + 1))" seen.jsonl | jq -es 'map(select(.topic | startswith("reading/")) | .q // [0] | all(. > 0)) | all' >/dev/null ||
	fail "a reading of the wrong meter is called good"
jq -es 'any(.[]; .topic == "status/4/1/" and (.reason // "" | test("PM3200.*suspect")))' seen.jsonl >/dev/null || fail "the stream does not say it"
assert_match "the log" "$(cat teslad.log)" 'warning: analyzer 1 on .*PM3200.*not a PM710.*suspect'
take_off wrong
wait_for 10 offline
hang again PM710 'PM710 V3'
wait_for 15 trusted
assert_eq "the line was open all the time" "$(opened)" "$before"
