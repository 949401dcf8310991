#!/usr/bin/env bash
# seconds: 45
# SPDX-License-Identifier: Apache-2.0
# A scan of a serial line with five different meters, with nothing but the port to go by: it prints a
# configuration that teslad -t accepts and that reads all five.  It leaves nothing behind, also when
# it is interrupted.  A line that is in use is scanned beside its polls, which miss nothing.
. "$(dirname "$0")/../lib.sh"
requires jq

# An answer, as the line is unpaced, comes at once; who is silent costs twice this.
scan() {
	teslactl --timeout 0.15 scan "$@"
}
left() {	# of scans
	pgrep -f "teslad -c $TMPDIR/teslactl-" || true
	ls -d "$TMPDIR"/teslactl-* 2>/dev/null || true
}
export TMPDIR=$tmp/scans
mkdir "$TMPDIR"

start_sim sim --pty "$tmp/line" --baud 115200 --turnaround 0 --meter 1=PM710 --meter 4=DAS8000 \
	--meter 5=SDM630 --meter 7=SunSpec203 --meter 9=CVMk
scan "$tmp/line" --addresses 1-9,247 --baud 9600 >config.xml 2>found.log
cat found.log
assert_eq "left behind" "$(left)" ""
assert_status 0 teslad -t -c config.xml
write_ini
start_teslad
five_read() {
	ctl status | jq -e '[.analyzers[] | select(.state == "online" and .sweeps > 1 and .failed == 0)] | length == 5' >/dev/null
}
wait_for 60 five_read
assert_eq "who was found" "$(ctl status | jq -c '[.analyzers[] | [.address, .model]]')" \
	'[[1,"PM710"],[4,"DAS8000"],[5,"SDM630"],[7,"SunSpec203"],[9,"CVMk"]]'
assert_eq "volts of the SDM630" "$(ctl snapshot 3 TPF | jq '.readings[0].v | map(. > 200 and . < 260) | all')" true
stop teslad

# Beside polls: only one of them is configured now, and read each second.
rm -rf run state config.xml
device 3 serial port="$tmp/line" baud=115200
analyzer 7 3 PM710 address=1 poll_interval=1 -- TPF FRE
write_config
start_teslad
online() {
	analyzer_is 7 state online
}
wait_for 10 online
before=$(ctl status | jq '.analyzers[0].sweeps')
ctl --timeout 0.1 scan 3 --addresses 1-6 >scan.json
ctl status >status.json
jq -c '.analyzers[0] | [.sweeps, .missed, .failed, .timeouts]' status.json
jq -e '.analyzers[0] | .missed == 0 and .failed == 0' status.json >/dev/null || fail "polls were disturbed"
test "$(jq '.analyzers[0].sweeps' status.json)" -gt "$before" || fail "it was not polled meanwhile"
assert_eq "beside polls" "$(jq -c '[.meters[] | [.address, .analyzer, .models[0].model]]' scan.json)" \
	'[[1,7,null],[4,0,"DAS8000"],[5,0,"SDM630"]]'
jq -r .config scan.json >more.xml
assert_status 0 teslad -t -c more.xml
assert_match "no id twice" "$(cat more.xml)" 'analyzer id="8" device="3" address="4"'
# By the name of its port as well; nobody may change its speed.
assert_match "by its port" "$(scan "$tmp/line" --addresses 2 2>&1 || true)" 'which is in use'
status=0
scan "$tmp/line" --baud 9600 >refused.log 2>&1 || status=$?
assert_eq "another speed" "$status" 2
assert_match "another speed" "$(cat refused.log)" 'is in use: its speed and parity stay'
# Of who is not to be found: an answer too.
status=0
scan 3 --addresses 20-22 >nobody.log 2>&1 || status=$?
assert_eq "nobody" "$status" 4
stop teslad

# What cannot be: says so, and leaves nothing.
status=0
scan "$tmp/no-such-port" --addresses 1 >none.log 2>&1 || status=$?
assert_eq "no such port" "$status" 1
assert_match "no such port" "$(cat none.log)" 'no-such-port.*No such file'
assert_status 2 scan "$tmp/line" --addresses 0-3
assert_status 2 scan "$tmp/line" --addresses 3-1
assert_status 2 scan "$tmp/line" --baud fast
assert_status 2 scan "$tmp/line" --parity sometimes
assert_status 3 scan 3
start scan teslactl scan "$tmp/line" --baud 9600 --parity none
wait_for 20 grep -q 'address 1 answers' scan.log
stop scan INT
assert_eq "interrupted" "$status" 1
assert_match "what was found until then" "$(cat scan.log)" '<model>PM710</model>'
assert_eq "left behind" "$(left)" ""
