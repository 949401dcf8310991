#!/usr/bin/env bash
# seconds: 4; san
# SPDX-License-Identifier: Apache-2.0
# Standard error is a pipe, a socket or a terminal that nobody reads, full from the start: the daemon
# runs, reloads and ends all the same, and what was lost is counted and said.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

start_sim sim --tcp 0 --meter '*=PM710'
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 address=1 poll_interval=0.2 -- TPF
write_config
unread() {	# kind
	start teslad py "$top/t/e2e/unread.py" "$1" go teslad -c config.xml -i lector.ini
	wait_for 15 teslad_answers
}
# What is kept for a reader is 256 KiB: each reload has something to say.
reloads=()
for _ in $(seq 20); do
	reloads+=('{"cmd": "reload"}')
done
more_lost() {	# number
	py "$top/t/e2e/control_peer.py" ask "$control" "${reloads[@]}" >reloads.log
	test "$(ctl status | jq .log_lost.unread)" -gt "$1"
}
for kind in pipe socket terminal; do
	unread $kind
	wait_for 10 more_lost 5
	wait_for 10 analyzer_is 1 state online
	assert_match "$kind: the metric" "$(teslactl metrics)" 'tesla_log_lines_dropped_total\{reason="unread"\} [1-9]'
	assert_match "$kind: status" "$(teslactl status)" 'lines of the log lost: [1-9][0-9]* unread'
	stop teslad
	assert_eq "$kind: exit status" "$status" 0
done
# Once somebody reads, it is said.
unread pipe
touch go
said() {
	kill -HUP "${pids[teslad]}"
	grep -Eq 'warning: [1-9][0-9]* lines? of the log w(as|ere) lost: nobody read them' teslad.log
}
wait_for 10 said
ended() {
	grep -q 'info: ended$' teslad.log
}
stop teslad
wait_for 5 ended
