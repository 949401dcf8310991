#!/usr/bin/env bash
# seconds: 25; san
# SPDX-License-Identifier: Apache-2.0
# A reload while a line waits for a meter that says nothing: what the others say afterwards is heard.
# Lines that swap their places, and analyzers that swap their lines, go on too.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

start_sim sim --tcp 127.1.10.1:0 --tcp 127.1.10.2:0 --pty "$tmp/one" --pty "$tmp/two" \
	--meter '*=PM710' --fault silent:address=9
first() {
	device 1 tcp host=127.1.10.1 port="$(sim_port sim 1)"
}
second() {	# so long for each request that stays without an answer
	device 2 tcp host=127.1.10.2 port="$(sim_port sim 2)" timeout=0.4
}
meter() {	# id, line, variable...
	analyzer "$1" "$2" PM710 address="$1" poll_interval=0.2s -- "${@:3}"
}
begin() {
	rm -f devices.part analyzers.part
}
reload() {
	write_config
	ctl reload | jq -e '.ok and .changes != null' >reloaded.log || fail "reload: $(ctl reload)"
}
sweeps() {
	ctl status | jq --argjson id "$1" '.analyzers[] | select(.id == $id) | .sweeps'
}
swept() {	# id, at least so many
	test "$(sweeps "$1")" -ge "$2"
}
last_is_good() {	# id
	ctl snapshot | jq -e --argjson id "$1" '[.readings[] | select(.analyzer == $id)] |
		length > 0 and all(.q == null or all(.q[]; . == 0))' >last.log
}
goes_on() {	# what was done, id...
	local id
	for id in "${@:2}"; do
		retry 15 analyzer_is "$id" state online || fail "$1: analyzer $id is not online"
		retry 30 swept "$id" $(($(sweeps "$id") + 3)) || fail "$1: nothing comes of analyzer $id"
		retry 5 last_is_good "$id" || fail "$1: the last values of analyzer $id are not good"
	done
}

begin
first
second
meter 1 1 TPF
meter 9 2 TPF
write_config
write_ini
start_teslad
wait_for 10 analyzer_is 1 state online

begin
first
meter 1 1 TPF PAT
meter 2 1 TPF
reload
goes_on 'the silent line went' 1 2

begin
first
second
meter 1 1 TPF
meter 9 2 TPF
reload
goes_on 'the silent line is back' 1
begin
first
second
meter 1 1 TPF PAT
meter 9 2 TPF PAT
reload
goes_on 'both lines changed' 1
analyzer_is 1 verified no || analyzer_is 1 verified yes || fail 'nothing is known of its identity'

begin
first
second
meter 1 2 TPF
meter 2 1 TPF
meter 9 2 TPF
reload
goes_on 'an analyzer came to the silent line' 1 2
begin
first
second
meter 1 1 TPF
meter 2 2 TPF
reload
goes_on 'two analyzers swapped their lines' 1 2

begin
device 3 serial port="$tmp/one" baud=19200 timeout=0.6
device 4 serial port="$tmp/two" baud=19200
meter 3 3 TPF
meter 9 3 TPF
meter 4 4 TPF
reload
goes_on 'serial lines' 3 4
begin
device 3 serial port="$tmp/two" baud=19200 timeout=0.6
device 4 serial port="$tmp/one" baud=19200
meter 3 3 TPF
meter 9 3 TPF
meter 4 4 TPF
reload
goes_on 'two lines swapped their ports' 3 4
! grep -E 'another program has it|error:' teslad.log || fail "two lines were at one port"
