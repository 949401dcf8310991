#!/usr/bin/env bash
# seconds: 15; san
# SPDX-License-Identifier: Apache-2.0
# Meters by command: not started at once, started, paused, resumed, read at once, identified.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

start_sim sim --pty "$tmp/line" --meter 1-3=PM710 --control "$tmp/sim"
device 1 serial port="$tmp/line" baud=115200 timeout=0.3
for id in 1 2 3; do
	analyzer $id 1 PM710 poll_interval=0.2 -- TPF
done
write_config
write_ini General.auto_start=no
start_teslad
subscribe seen

ask() {
	py "$top/t/e2e/control.py" "$control" "$1"
}
runs() { # what all are
	test "$(ctl status | jq -c '[.analyzers[].run]')" = "$1"
}
sweeps() {
	ctl status | jq ".analyzers[] | select(.id == $1).sweeps"
}
beyond() { # ID N
	test "$(sweeps "$1")" -gt "$2"
}

# Nothing is polled, and yet one can be asked.
runs '["stopped","stopped","stopped"]' || fail "$(ctl status)"
assert_eq "read" "$(ask '{"cmd":"read-now","analyzer":2}' | jq -c '.readings[0] | [.analyzer, .variable, .q]')" '[2,"TPF",[0,0,0]]'
qualities() { # of the last values of ID
	ctl snapshot | jq -c ".readings[] | select(.analyzer == $1).q"
}
assert_eq "its last values" "$(qualities 2)" '[0,0,0]'
assert_eq "sweeps" "$(ctl status | jq -c '[.analyzers[].sweeps]')" '[0,1,0]'

# One, then all.
assert_eq "start 1" "$(ask '{"cmd":"start","analyzer":1}' | jq -c .analyzers)" '[1]'
wait_for 10 beyond 1 3
assert_eq "the others" "$(ctl status | jq -c '[.analyzers[1:][].sweeps]')" '[1,0]'
assert_eq "start" "$(ask '{"cmd":"start"}' | jq -c .analyzers)" '[1,2,3]'
wait_for 10 beyond 3 3

# Paused: no poll, stale; asked, it answers; resumed, it goes on.  Another reload changes nothing of it.
assert_eq "pause 2" "$(ask '{"cmd":"pause","analyzer":2}' | jq -c .analyzers)" '[2]'
runs '["started","paused","started"]' || fail "$(ctl status)"
ask '{"cmd":"reload","plugins":true}' >/dev/null
wait_for 10 beyond 3 $(($(sweeps 3) + 3))
was=$(sweeps 2)
wait_for 10 beyond 3 $(($(sweeps 3) + 5))
assert_eq "sweeps of the paused one" "$(sweeps 2)" "$was"
assert_eq "its values" "$(qualities 2)" '[4,4,4]'
assert_eq "read" "$(ask '{"cmd":"read-now","analyzer":2}' | jq -c '[.ok, .readings[0].q]')" '[true,[0,0,0]]'
assert_eq "what was read is not stale" "$(qualities 2)" '[0,0,0]'
assert_eq "sweeps after it was asked" "$(sweeps 2)" $((was + 1))
assert_eq "resume" "$(ask '{"cmd":"resume"}' | jq -c .analyzers)" '[1,2,3]'
wait_for 10 beyond 2 $((was + 4))
assert_eq "pause 2 again" "$(ask '{"cmd":"pause","analyzer":2}' | jq -c .analyzers)" '[2]'
assert_eq "its values" "$(qualities 2)" '[4,4,4]'
assert_eq "resume" "$(ask '{"cmd":"resume"}' | jq -c .analyzers)" '[1,2,3]'

# Who it is.
assert_eq "identify" "$(ask '{"cmd":"identify","analyzer":1}' | jq -c '[.identity, .verified]')" '["PM710 simulated","yes"]'

# What cannot be.
for bad in '{"cmd":"pause","analyzer":77}' '{"cmd":"read-now"}' '{"cmd":"read-now","analyzer":"x"}' \
	'{"cmd":"set-variables","analyzer":1}' '{"cmd":"set-variables","analyzer":1,"variables":[1]}' \
	'{"cmd":"set-variables","analyzer":1,"variables":[]}'; do
	! ask "$bad" >answer || fail "$bad was taken"
	assert_match "$bad" "$(jq -r .error answer)" 'analyzer|variable'
done

# A meter that does not answer: the one who asked is told.
py "$top/t/e2e/peer.py" sim "$tmp/sim" fault add silent:address=3
! ask '{"cmd":"read-now","analyzer":3}' >answer || fail "a silent one was read"
assert_match "the error" "$(jq -r .error answer)" 'analyzer 3: .*(no answer|time-out)'
stop seen
py "$top/t/e2e/peer.py" gaps seen.jsonl >gaps.json
# The publisher was loaded anew in between: what it missed shows, and nothing came twice.
assert_eq "doubles" "$(jq -c '[.k_doubled, .n_doubled]' gaps.json)" '[0,0]'

# What a client sent is clean in the log and in answers, and so is what was no UTF-8 to begin with: a path, an ini file.
py - "$control" <<'END' >foreign.json
import json, sys
import msgpack, zmq
s = zmq.Context().socket(zmq.REQ)
s.connect(sys.argv[1])
evil = b"\xff\xfe\x9b1\x1b[2J\xe2\x80\xae"
for request in ({b"cmd": b"journal", b"op": evil}, {b"cmd": evil}, {b"cmd": b"pause", b"analyzer": evil},
                {b"cmd": b"set-variables", b"analyzer": 1, b"variables": [evil]}, {b"cmd": b"status"}):
    s.send(msgpack.packb(request, use_bin_type=False))
    print(json.dumps(msgpack.unpackb(s.recv())))
END
assert_eq "answers" "$(wc -l <foreign.json)" 5
if grep -P '\\u001b|\\u202e|\\u009b' foreign.json; then
	fail "control characters in an answer"
fi
jq -es '.[1].error | startswith("unknown command ???1?[2J???: expected")' foreign.json >/dev/null || fail "another error"
jq -es '.[4].reload.error | contains("???1?[2J???")' foreign.json >/dev/null || fail "the reload says something else"
iconv -f UTF-8 -t UTF-8 teslad.log >/dev/null || fail "the log is not UTF-8"
if grep -nP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' teslad.log; then
	fail "control characters in the log"
fi
latin=$(printf 'caf\351')
cp config.xml "$latin.xml"
printf '[General]\n%s=1\n' "$latin" | cat - lector.ini >"$latin.ini"
stop teslad
start teslad teslad -c "$latin.xml" -i "$latin.ini"
wait_for 15 teslad_answers
assert_match "path" "$(ctl status | jq -r .config)" 'caf\?\.xml$'
assert_match "warning" "$(ctl status | jq -r '.warnings[]')" 'caf\?'
ctl check >check.json
assert_eq "check" "$(jq -r .exit check.json)" 0
iconv -f UTF-8 -t UTF-8 teslad.log >/dev/null || fail "the log is not UTF-8"
