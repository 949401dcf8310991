#!/usr/bin/env bash
# seconds: 6
# SPDX-License-Identifier: Apache-2.0
# A stop while a reload waits for hosts that say nothing: they are killed, and it takes no longer than without;
# a SIGHUP after SIGTERM begins nothing, and nothing is told to the service manager after STOPPING.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack nm
nm -D "$(command -v teslad)" >symbols
grep -q sd_notify symbols || skip "teslad is built without libsystemd"

start_sim sim --tcp 0 --meter '*=PM710'
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 address=1 -- TPF
write_config
hear() {
	test -z "${pids[ear]:-}" || stop ear
	rm -f notify told
	start ear py "$top/t/e2e/notified.py" "$tmp/notify" "$tmp/told"
	wait_for 5 test -S notify
}
export NOTIFY_SOCKET=$tmp/notify

# A host that, when it is told so, hangs in what it is asked for.
real=${TESLA_HOST:?}
cat >host <<END
#!/bin/sh
grep -qs -- "\$1" "$tmp/hang" && { echo x >>"$tmp/hung"; exec sleep 600; }
exec "$real" "\$@"
END
chmod +x host
export TESLA_HOST=$tmp/host

stops_soon() {	# in which mode hosts hang
	local began took
	rm -f hang hung
	hear
	start_teslad
	wait_for 10 analyzer_is 1 state online
	wait_for 5 grep -q READY told
	echo "$1" >hang
	kill -HUP "${pids[teslad]}"
	wait_for 10 test -e hung
	began=${EPOCHREALTIME/./}
	kill -TERM "${pids[teslad]}"
	kill -HUP "${pids[teslad]}"
	stop teslad
	took=$(((${EPOCHREALTIME/./} - began) / 1000))
	echo "$1: the stop took $took ms"
	assert_eq "exit status" "$status" 0
	test $took -lt $((4000 * slower)) || fail "$1: the stop took $took ms"
	assert_eq "$1: STOPPING is the last word" "$(cut -d' ' -f3 told | grep -v WATCHDOG | cut -d'|' -f1 | xargs)" \
		"READY=1 RELOADING=1 STOPPING=1"
}
stops_soon --describe
stops_soon --driver

# Nothing was under way: neither is anything after it.  A host that stands still makes the stop last.
rm -f hang
hear
start_teslad
wait_for 10 analyzer_is 1 state online
wait_for 5 grep -q READY told
kill -STOP "$(ctl status | jq '.hosts[] | select(.kind == "driver").pid')"
kill -TERM "${pids[teslad]}"
wait_for 5 grep -q STOPPING told
kill -HUP "${pids[teslad]}"
stop teslad
assert_eq "exit status" "$status" 0
assert_eq "STOPPING is the last word" "$(cut -d' ' -f3 told | xargs)" "READY=1 STOPPING=1"
