#!/usr/bin/env bash
# seconds: 8
# SPDX-License-Identifier: Apache-2.0
# Under the system calls that the unit allows, and no others, everything works: serial and network
# lines, the stream, files, records over HTTP, the journal's check, a host that is killed, a stop.
. "$(dirname "$0")/../lib.sh"
requires jq systemd-analyze python:zmq python:msgpack
ldconfig -p >libraries || true
grep -q 'libseccomp\.so\.2' libraries || skip "needs libseccomp"

unit=$(find "$TESLA_STAGE" -name teslad.service)
start_rest rest
start_sim sim --tcp 0 --pty "$tmp/line" --meter '*=PM710'
mkdir data
rest="<export type=\"clientRest\" id=\"rest\" target=\"$(rest_url rest)\" api=\"v1\"/>"
device 1 serial port="$tmp/line" baud=19200
analyzer 1 1 PM710 address=1 poll_interval=0.2 record_interval=1s export=localFile:data -- TPF CEA
device 2 tcp host=localhost port="$(sim_port sim)"
analyzer 2 2 PM710 address=1 poll_interval=0.2 record_interval=1s export="$rest" -- TPF
write_config
stream=tcp://127.0.0.1:$(free_port)
# A group that the user of this test has, another than its own if there is one.
group=$(id -G | tr ' ' '\n' | tail -1)
write_ini "Stream.endpoint=$stream" "General.log_dir=$tmp" "Control.group=$group"
mkdir -p run state
start daemon py "$top/t/e2e/unit_filter.py" "$unit" teslad -c config.xml -i lector.ini
pids[teslad]=$pid
wait_for 15 teslad_answers
subscribe seen reading/
assert_eq "group of control" "$(stat -c %g run/control)" "$group"

works() {
	ctl status | jq -e '([.analyzers[].sweeps] | min >= 3) and ([.hosts[].state] | unique == ["running"])
		and ([.hosts[].restarts] | max) >= '"$1" >/dev/null
}
delivered() {
	ctl journal | jq -e '[.exporters[].delivered] | min >= 2' >/dev/null
}
wait_for 15 works 0
wait_for 15 delivered
wait_for 5 lines_at_least 5 seen.jsonl
kill -KILL "$(ctl status | jq '[.hosts[] | select(.kind == "driver").pid] | min')"
wait_for 10 works 1
assert_eq "what is not confined but for want of Landlock" \
	"$(ctl status | jq -r '[.hosts[] | .unconfined // empty] | unique[]' | grep -v 'kernel has no Landlock' || true)" ''
assert_eq "what check says" "$(ctl check | jq .exit)" 0
stop daemon
assert_eq "exit status" "$status" 0
assert_match "the end" "$(tail -n 1 teslad.log)" 'info: ended'
