#!/usr/bin/env bash
# seconds: 12; san
# SPDX-License-Identifier: Apache-2.0
# Plugins that are refused, crash or hang: one clear message each, only its analyzer (a driver: its
# line) is out, the rest runs.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

built=$(dirname "$TESLA_STAGE")/t/data/plugins/.libs
test -d "$built" || skip "the bad plugins are not built: make check TESTS="
mkdir -p plugins/drivers plugins/data
cp "$built"/*.so plugins/drivers
mv plugins/drivers/crash-d*.so plugins/data
rm plugins/drivers/hang-load.so		# 310 has it
rm plugins/drivers/hang-unload.so	# 610 has it
rm plugins/drivers/drop-in-*.so		# 610 has them
install -m 666 "$TESLA_PLUGINDIR/data/pmData.so" plugins/data/writable.so

start_sim sim --tcp 0.0.0.0:0 --pty "$tmp/line" --meter 1-9=PM710
port=$(sim_port sim)
tcp() {	# a line of its own
	device "$1" tcp host="127.3.0.$1" port="$port" timeout=0.2
}
# Analyzers 1 and 2 are good; 2 shares its line with one that crashes, 20 a serial line.
tcp 1
analyzer 1 1 PM710 address=1 poll_interval=0.25s -- TPF
tcp 2
analyzer 2 2 PM710 address=1 poll_interval=0.25s -- TPF
device 20 serial port="$tmp/line" baud=19200
analyzer 20 20 PM710 address=1 poll_interval=0.25s -- TPF

# Those that are refused: analyzer, plugin, kind, message.
table="
3 missing-symbol driver undefined symbol: function_that_is_nowhere
4 no-descriptor driver no tesla_plugin
5 wrong-magic driver begins with 0x12345678
6 wrong-abi driver interface 99\\.0, this is 1\\.0
7 wrong-kind driver wrong-kind\\.so is refused: it is a plugin of kind exporter, expected driver
8 writable data writable
9 absent driver not found: .*plugins/drivers/absent\\.so
"
while read -r id plugin kind message; do
	test -n "$id" || continue
	tcp "$id"
	analyzer "$id" "$id" PM710 address=1 "$kind=$plugin" -- TPF
done <<<"$table"
write_config
write_ini "General.plugin_path=$tmp/plugins"
assert_status 1 teslad -c config.xml -i lector.ini -t >check.log 2>&1
cat check.log
while read -r id plugin kind message; do
	test -n "$id" || continue
	assert_eq "messages about $plugin" "$(grep -c "error: .*$plugin" check.log)" 1
	grep -Eq "^config\.xml:[0-9]+:[0-9]+: error: .*$plugin.*$message" check.log || fail "no '$message' for $plugin"
done <<<"$table"
assert_eq "errors" "$(grep -c error: check.log)" 7

# Those that crash or hang: line or analyzer of its own.
tcp 10
analyzer 10 10 PM710 address=1 driver=crash-open -- TPF
tcp 11
analyzer 11 11 PM710 address=1 driver=crash-read -- TPF
tcp 12
analyzer 12 12 PM710 address=1 driver=hang-read -- TPF
analyzer 13 2 PM710 address=2 data=crash-decode -- TPF
analyzer 14 2 PM710 address=3 data=crash-data-open -- TPF
analyzer 21 20 PM710 address=2 data=crash-decode -- TPF
write_config
start_teslad
subscribe seen reading/

analyzer_says() {	# id, state, reason
	ctl status | jq -e --argjson id "$1" --arg state "$2" --arg reason "$3" \
		'.analyzers[] | select(.id == $id) | .state == $state and (.reason // "" | test($reason))' >/dev/null
}
quarantined() {	# line, reason
	ctl status | jq -e --argjson line "$1" --arg reason "$2" \
		'[.hosts[] | select(.quarantine and .lines == [$line]) | .reason // "" | test($reason)] | any' >/dev/null
}
while read -r id plugin kind message; do
	test -n "$id" || continue
	wait_for 5 analyzer_says "$id" failed "$message"
	assert_eq "messages about $plugin in the log" "$(grep -v " debug: " teslad.log | grep -c "$plugin")" 1
done <<<"$table"
wait_for 10 quarantined 10 'signal 11 .*, in open of crash-open, line 10'
wait_for 10 quarantined 11 'signal 11 .*, in read of crash-read'
wait_for 10 quarantined 12 'more than twice its time: .*hang-read'
wait_for 10 quarantined 2 'signal 11 .*, in decode of crash-decode, analyzer 13'
wait_for 10 quarantined 2 'signal 11 .*, in open of crash-data-open, analyzer 14'
wait_for 10 analyzer_says 21 failed 'left out.* line 20 .*decode of crash-decode, analyzer 21'

# The rest runs, and goes on running.
restarts() {
	ctl status | jq -c '[.hosts[] | select(.quarantine | not).restarts]'
}
good_ones_read() {
	ctl status | jq -e --argjson n "$1" \
		'[.analyzers[] | select(.id == (1, 2, 20) and .state == "online" and .sweeps >= $n)] | length == 3' >/dev/null
}
before=$(restarts)
n=$(ctl status | jq '[.analyzers[] | select(.id == (1, 2, 20)).sweeps] | max')
wait_for 10 good_ones_read $((n + 8))
assert_eq "restarts of good hosts" "$(restarts)" "$before"
ctl status | jq -c '.hosts[] | [.lines, .quarantine, .restarts, .reason]'
assert_eq "analyzers that are read" "$(jq -r '.topic | split("/")[2]' seen.jsonl | sort -un | xargs)" "1 2 20"
assert_eq "quarantines in the log" "$(grep -c 'goes into quarantine' teslad.log)" 6
