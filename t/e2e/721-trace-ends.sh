#!/usr/bin/env bash
# seconds: 18; san
# SPDX-License-Identifier: Apache-2.0
# Who vanishes leaves no trace on; a reload and a host that dies end none; a line that goes away, and
# a daemon that ends, do.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

start_sim sim --tcp 0 --tcp 0 --meter '*=PM710'
lines() {	# [timeout of line 1]
	rm -f devices.part
	device 1 tcp host=127.0.0.1 port="$(sim_port sim 1)" timeout="${1:-0.25}"
	device 3 tcp host=127.0.0.1 port="$(sim_port sim 2)"
}
meters() {	# interval of 11
	rm -f analyzers.part
	analyzer 1 1 PM710 address=1 poll_interval=0.2s -- TPF
	analyzer 11 1 PM710 address=1 poll_interval="$1" -- PAT
	analyzer 30 3 PM710 address=1 poll_interval=0.05s -- TPF
}
lines
meters 0.2s
write_config
start_teslad
subscribe seen reading/
all_read() {
	ctl status | jq -e '[.analyzers[] | select(.sweeps > 1)] | length == 3' >/dev/null
}
wait_for 20 all_read

tracer() {	# name, line: its frames go to NAME.log
	start "$1" teslactl --json trace "$2"
	wait_for 10 test -s "$1.log"
}
statuses() {	# jq array: these were told
	jq -es "[.[].status | values] | contains($1)" tcp.log >/dev/null
}
traced() {	# how often a line was said to be traced; and not any more
	test "$(grep -c 'is traced by' teslad.log)" = "$1" &&
		test "$(grep -c 'is not traced any more' teslad.log)" = "$2"
}
tracer killed 3
traced 1 0 || fail "it is not traced"
stop killed KILL

# A reload: another analyzer's interval, another time-out of the line; the trace goes on.
tracer tcp 1
meters 0.3s
write_config
teslactl reload >/dev/null
requests() {	# of which analyzer are in the last 30 frames
	tail -n 30 tcp.log | jq -es --argjson id "$1" 'any(.[]; .kind == "request" and .analyzer == $id)' >/dev/null
}
goes_on() {
	local n
	n=$(wc -l <tcp.log)
	wait_for 10 lines_at_least $((n + 40)) tcp.log
	requests 1 && requests 11
}
goes_on
# Nobody looks at line 3 any more.
wait_for 10 traced 2 1
tracer gone 3
lines 0.27
write_config
teslactl reload >/dev/null
goes_on
statuses '["open"]' || fail "the line that was opened anew is not told"

# Its host dies: that is told, and what comes after.
kill -KILL "$(ctl status | jq '.hosts[] | select(.lines == [1, 3]).pid')"
wait_for 10 statuses '["down"]'
goes_on

# The line goes away: so does who looks at it.
sed -i '/device id="3"/,/<\/device>/d; /analyzer id="30"/,/<\/analyzer>/d' config.xml
teslactl reload >/dev/null
ended() {
	! alive "${pids[$1]}"
}
wait_for 10 ended gone
stop gone
forget gone
assert_eq "the end without a line" "$status" 1
tail -n 2 gone.log | grep -q 'line 3: it is no more' || fail "the reason: $(tail -n 3 gone.log)"
assert_status 1 teslactl trace 3

# The daemon ends: said, not waited for.
stop teslad
wait_for 10 ended tcp
stop tcp
forget tcp
test "$status" != 0 || fail "it ended well without a daemon"
py "$top/t/e2e/peer.py" gaps seen.jsonl 30 >gaps.json
assert_eq "holes of who is read most" "$(jq -c '[.k_holes, .k_doubled]' gaps.json)" '[0,0]'
