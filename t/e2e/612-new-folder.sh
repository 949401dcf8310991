#!/usr/bin/env bash
# seconds: 4
# SPDX-License-Identifier: Apache-2.0
# What came after a host began, it may not touch: a plugin from a folder that plugin_path names since
# the reload, or that was made since, and a port outside /dev run in another host; lines that need
# nothing new stay where they are and miss nothing.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack
has_landlock || skip "this kernel has no Landlock"

# Not in $tmp: there a sanitizer's host may read.
away=$(mktemp -d /var/tmp/tesla-test.XXXXXX)
cleanup_fn rm -rf "$away"
mkdir -p "$away/one/data" "$away/ports"
renamed() {	# folder, name: pmData under another name
	sed "s/pmData/$2/g" "$TESLA_PLUGINDIR/data/pmData.so" >"$1/data/$2.so"
	chmod 755 "$1/data/$2.so"
}
start_sim sim --tcp 0 --tcp 0 --pty "$tmp/line" --pty "$away/ports/line" --meter '*=PM710'
# Its port is a link into /dev; a mount of the device is a device outside.
real=$(readlink "$away/ports/line")
rm "$away/ports/line"

lines() {
	rm -f devices.part analyzers.part
	device 1 tcp host=127.0.0.1 port="$(sim_port sim 1)"
	device 2 tcp host=127.0.0.1 port="$(sim_port sim 2)"
	device 3 serial port="$tmp/line" baud=19200
	analyzer 1 1 PM710 address=1 poll_interval=0.2 -- TPF
	analyzer 2 2 PM710 address=1 poll_interval=0.2 -- TPF
	analyzer 3 3 PM710 address=1 poll_interval=0.2 -- TPF
}
reload() {
	py "$top/t/e2e/control.py" "$control" '{"cmd":"reload"}' >answer || fail "$1: $(cat answer)"
}
host_of() {	# line
	ctl status | jq --argjson l "$1" '.hosts[] | select(.lines | index($l)).pid'
}
online() {	# ID...
	local id
	for id; do
		analyzer_is "$id" state online || return 1
	done
}
lines
write_config
write_ini "General.plugin_path=$away/later"
start_teslad
wait_for 10 online 1 2 3
subscribe seen reading/
network=$(host_of 1) serial=$(host_of 3)
assert_eq "hosts of network lines" "$(host_of 2)" "$network"

# A folder that is named only now.
renamed "$away/one" onData
analyzer 4 1 PM710 address=2 poll_interval=0.2 data=onData -- TPF
write_config
rm lector.ini
write_ini "General.plugin_path=$away/later:$away/one"
reload "a folder that is new to plugin_path"
wait_for 10 online 1 2 3 4
assert_eq "the host of line 2" "$(host_of 2)" "$network"
assert_eq "the host of line 3" "$(host_of 3)" "$serial"

# One that was named, and was not there.
mkdir -p "$away/later/data"
renamed "$away/later" twData
analyzer 5 3 PM710 address=2 poll_interval=0.2 data=twData -- TPF
write_config
reload "a folder that was made"
wait_for 10 online 1 2 3 4 5
assert_eq "the host of line 2" "$(host_of 2)" "$network"
serial=$(host_of 3)

# A port outside /dev, where there can be one.
touch "$away/ports/line"
if mount --bind "$real" "$away/ports/line" 2>/dev/null; then
	cleanup_fn umount -l "$away/ports/line"
	device 4 serial port="$away/ports/line" baud=19200
	analyzer 6 4 PM710 address=1 poll_interval=0.2 -- TPF
	write_config
	reload "a port outside /dev"
	wait_for 10 online 1 2 3 4 5 6
	assert_eq "the host of line 3" "$(host_of 3)" "$serial"
else
	echo "nothing can be mounted here: left out"
fi

stop seen
py "$top/t/e2e/peer.py" gaps <(jq -c 'select(.topic | startswith("reading/4/2/"))' seen.jsonl) >gaps.json
assert_eq "holes of analyzer 2" "$(jq -c '[.k_holes, .k_doubled, .n_holes, .n_doubled]' gaps.json)" '[0,0,0,0]'
assert_eq "deaths" "$(ctl status | jq '[.hosts[].restarts] | add')" 0
