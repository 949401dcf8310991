#!/usr/bin/env bash
# seconds: 8; san
# SPDX-License-Identifier: Apache-2.0
# An exporter whose plugin is missing at a start, as in an upgrade that went wrong: its records are
# kept, and delivered once the plugin is there again.
. "$(dirname "$0")/../lib.sh"
requires jq

cp -r "$TESLA_PLUGINDIR" plugins
export TESLA_PLUGINDIR=$tmp/plugins
mkdir data
start_sim sim --tcp 0
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 poll_interval=0.2s record_interval=1s export=localFile:data -- FRE
write_config
mv plugins/export/localFile.so .
assert_status 0 teslad -c config.xml -i lector.ini -t >check.log 2>&1
assert_match "teslad -t" "$(cat check.log)" \
	'^config.xml:[0-9]+:[0-9]+: warning: exporter localFile is down, its records are kept: not found'

start_teslad
wait_long_enough() {	# records that wait for it, down and why
	ctl journal | jq -e --argjson n "$1" '.exporters[] | select(.type == "localFile") |
		.state == "down" and .backlog >= $n and (.reason | test("^not found: looked for .*localFile.so"))' >/dev/null
}
wait_for 10 wait_long_enough 2
ctl status | jq -e '.exporters[] | select(.type == "localFile") | .state == "down"' >/dev/null ||
	fail "status does not say that it is down"
teslactl journal drain localFile:data >drain.log 2>&1 || fail "drain: $(cat drain.log)"
stop teslad
ls data/1 2>/dev/null && fail "a file without the plugin"

# A start without it changes nothing, and one with it delivers all.
start_teslad
wait_for 10 wait_long_enough 4
stop teslad
mv localFile.so plugins/export
start_teslad
wait_for 10 drained
n=$(ctl journal | jq '.exporters[] | select(.type == "localFile").delivered')
test "$n" -ge 4 || fail "$n records were delivered"
stop teslad
test "$(cat data/1/2*.txt | grep -c '^[0-9]')" -ge 4 || fail "lines are missing: $(cat data/1/2*.txt)"
