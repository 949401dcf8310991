#!/usr/bin/env bash
# seconds: 4; san
# SPDX-License-Identifier: Apache-2.0
# A plugin that does not come back from being unloaded: it is described, reloads go on, and the
# daemon ends when asked.
. "$(dirname "$0")/../lib.sh"
requires jq

built=$(dirname "$TESLA_STAGE")/t/data/plugins/.libs
test -f "$built/hang-unload.so" || skip "the bad plugins are not built: make check TESTS="
mkdir -p plugins/drivers
start_sim sim --tcp 0 --tcp 0 --meter '*=PM710'
device 1 tcp host=127.0.0.1 port="$(sim_port sim 1)"
analyzer 1 1 PM710 address=1 poll_interval=0.2 -- TPF
write_config
write_ini "General.plugin_path=$tmp/plugins"
start_teslad
wait_for 10 analyzer_is 1 state online

cp "$built/hang-unload.so" plugins/drivers
cp config.xml good.xml
device 2 tcp host=127.0.0.1 port="$(sim_port sim 2)"
analyzer 2 2 PM710 address=1 driver=hang-unload -- TPF
write_config
reload() {
	timeout $((9 * slower)) teslactl reload >reload.log 2>&1 || fail "$1: $? $(cat reload.log)"
}
reload "with it"
wait_for 10 analyzer_is 2 state online
cp good.xml config.xml
reload "without it"
describing() {
	local p
	for p in $(trap - ERR; left_over); do
		! grep -aqs -- --describe "/proc/$p/cmdline" || return 0
	done
	return 1
}
! describing || fail "one that describes is left"
stop teslad
assert_eq "exit status" "$status" 0
