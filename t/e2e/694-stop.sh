#!/usr/bin/env bash
# seconds: 10; san
# SPDX-License-Identifier: Apache-2.0
# A stop while a request hangs: it waits for no network, the records are on disk, and the next start
# delivers them.
. "$(dirname "$0")/../lib.sh"
requires jq python:msgpack

start_rest slow --delay 600
start_rest quick
start_sim sim --tcp 0 --meter '*=PM710'
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
url=$(rest_url slow)
export_to() {
	rm -f devices.part analyzers.part
	device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
	analyzer 1 1 PM710 address=1 poll_interval=0.2 record_interval=1s \
		export="<export type=\"clientRest\" id=\"rest\" target=\"$1\" api=\"v1\" timeout=\"15\" gzip=\"no\"/>" -- TPF
	write_config
}
export_to "$url"
start_teslad
sending() {
	ctl journal | jq -e '.exporters[0] | .state == "sending" and .backlog >= 3' >/dev/null
}
wait_for 20 sending
began=${EPOCHREALTIME/./}
stop teslad
took=$((${EPOCHREALTIME/./} - began))
assert_eq "exit status" "$status" 0
echo "the stop took $((took / 1000)) ms"
test "$took" -lt $((4000000 * slower)) || fail "the stop took $((took / 1000)) ms"
grep -q 'info: ended' teslad.log || fail "the end is not said"
made=$(sed -n '$p' <<<"$(grep -c . state/journal/* 2>/dev/null)" || true)
echo "journal: $made"

# The same exporter by its id, at another server.
export_to "$(rest_url quick)"
start_teslad
wait_for 20 drained
first=$(ctl journal | jq .exporters[0].delivered)
test "$first" -ge 3 || fail "only $first records came over the stop"
stop teslad
stop slow KILL
forget slow
