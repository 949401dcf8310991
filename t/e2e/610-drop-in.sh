#!/usr/bin/env bash
# seconds: 5; san
# SPDX-License-Identifier: Apache-2.0
# A driver that did not exist at the start is dropped in and named: it runs.  Its file is replaced:
# the new version runs, other lines notice nothing.  It is replaced by a broken one: the old one goes on.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

built=$(dirname "$TESLA_STAGE")/t/data/plugins/.libs
test -f "$built/drop-in-1.so" || skip "the plugins of the tests are not built: make check TESTS="
mkdir -p plugins/drivers
start_sim sim --tcp 0.0.0.0:0 --pty "$tmp/line" --meter 1=PM710

reload() { # true or false: plugins
	py "$top/t/e2e/control.py" "$control" "{\"cmd\":\"reload\",\"plugins\":$1}"
}
# By renaming: what runs keeps the file that it has.
drop() {
	cp "$1" plugins/drivers/new
	mv plugins/drivers/new plugins/drivers/dropIn.so
}
shows() { # the value of analyzer 3
	ctl snapshot | jq -e --argjson v "$1" 'any(.readings[]; .analyzer == 3 and .q[0] == 0 and .v[0] == $v)' >/dev/null
}
swept() { # ID, how many
	test "$(ctl status | jq ".analyzers[] | select(.id == $1).sweeps")" -ge "$2"
}
has_other_host() { # line 1
	local pid
	pid=$(host_of 1)
	test -n "$pid" && test "$pid" != "${hosts% *}"
}
host_of() { # line
	ctl status | jq --argjson l "$1" '.hosts[] | select(.lines | index($l)).pid'
}

device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
device 2 serial port="$tmp/line" baud=19200
analyzer 1 1 PM710 address=1 poll_interval=0.2 -- TPF
analyzer 2 2 PM710 address=1 poll_interval=0.2 -- TPF
write_config
write_ini "General.plugin_path=$tmp/plugins"
start_teslad
wait_for 10 swept 1 3
wait_for 10 swept 2 3
subscribe seen reading/
hosts="$(host_of 1) $(host_of 2)"

# Named before it is there: refused, with the path.
device 3 tcp host=127.0.0.2 port="$(sim_port sim)"
analyzer 3 3 PM710 address=1 poll_interval=0.2 driver=dropIn -- FRE
write_config
! reload false >answer || fail "a driver that is not there was taken"
assert_match "the error" "$(jq -r .error answer)" 'driver dropIn: not found: .*plugins/drivers/dropIn.so'

drop "$built/drop-in-1.so"
reload false >answer || fail "$(cat answer)"
wait_for 10 shows 0.01

drop "$built/drop-in-2.so"
reload false >answer || fail "$(cat answer)"
assert_eq "changes" "$(jq -c '.changes.changed' answer)" '["analyzer 3"]'
wait_for 10 shows 0.02

# Broken: no plugin at all, and one that another program would crash of.
was=$(host_of 3)
for bad in wrong-magic missing-symbol; do
	drop "$built/$bad.so"
	! reload false >answer || fail "$bad was taken"
	assert_match "the error" "$(jq -r .error answer)" 'config.xml:[0-9]+:[0-9]+: .*driver dropIn: .*(0x12345678|undefined symbol)'
	sweeps=$(ctl status | jq '.analyzers[] | select(.id == 3).sweeps')
	wait_for 5 swept 3 $((sweeps + 3))
done
assert_eq "its host" "$(host_of 3)" "$was"
assert_eq "the hosts of others" "$(host_of 1) $(host_of 2)" "$hosts"

stop seen
assert_eq "deaths" "$(ctl status | jq '[.hosts[].restarts] | add')" 0
py "$top/t/e2e/peer.py" gaps seen.jsonl >gaps.json
assert_eq "holes" "$(jq -c '[.k_holes, .k_doubled, .n_holes, .n_doubled]' gaps.json)" '[0,0,0,0]'

# The same file, but all is to be loaded anew.
drop "$built/drop-in-2.so"
reload true >answer || fail "$(cat answer)"
wait_for 10 shows 0.02
wait_for 10 has_other_host
assert_eq "deaths" "$(ctl status | jq '[.hosts[].restarts] | add')" 0
