#!/usr/bin/env bash
# seconds: 4
# SPDX-License-Identifier: Apache-2.0
# On a kernel without Landlock all works, and status and log say what is not confined.
. "$(dirname "$0")/../lib.sh"
requires jq python:msgpack

start_sim sim --tcp 0 --pty "$tmp/line" --meter '*=PM710'
mkdir data
device 1 serial port="$tmp/line" baud=19200
analyzer 1 1 PM710 address=1 poll_interval=0.2 record_interval=1s export=localFile:data -- TPF
device 2 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 2 2 PM710 address=1 poll_interval=0.2 -- TPF
write_config
mkdir -p run state
start teslad py "$top/t/e2e/no_landlock.py" teslad -c config.xml -i lector.ini
wait_for 15 teslad_answers

swept() {
	ctl status | jq -e '([.analyzers[].sweeps] | min >= 3) and ([.hosts[].state] | unique == ["running"])' >/dev/null
}
wait_for 10 swept
assert_eq "confined" "$(ctl status | jq -c '[.hosts[].confined] | unique')" '[false]'
assert_eq "what is not" "$(ctl status | jq -r '[.hosts[].unconfined] | unique[]')" \
	'files: this kernel has no Landlock'
assert_eq "said" "$(grep -c 'warning: hosts are not confined in all: files: this kernel has no Landlock' teslad.log)" 1
written() {
	ls data/1/2*.txt >/dev/null 2>&1
}
wait_for 10 written
stop teslad
assert_eq "exit status" "$status" 0
