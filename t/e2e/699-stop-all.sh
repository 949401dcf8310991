#!/usr/bin/env bash
# seconds: 8; san
# SPDX-License-Identifier: Apache-2.0
# SIGTERM to the daemon and all of its hosts, as a shutdown or an older unit has it: the request that
# is under way comes to its end, and what was delivered does not go out again.
. "$(dirname "$0")/../lib.sh"
requires jq curl python:msgpack

start_rest slow --delay 1
start_sim sim --tcp 0 --meter '*=PM710'
device 1 tcp host=127.0.0.1 port="$(sim_port sim)"
analyzer 1 1 PM710 address=1 poll_interval=0.2 record_interval=1s \
	export="<export type=\"clientRest\" id=\"rest\" target=\"$(rest_url slow)\" api=\"v1\" timeout=\"15\" gzip=\"no\"/>" -- TPF
write_config
stat_of() {
	curl -s "$(rest_url slow)/stats" | jq ".$1"
}
delivered() {
	ctl journal | jq -e ".exporters[0].delivered >= $1" >/dev/null
}
sending() {
	ctl journal | jq -e '.exporters[0] | .state == "sending"' >/dev/null
}
start_teslad
wait_for 20 delivered 1
wait_for 5 sending
hosts=$(ctl status | jq '.hosts[].pid')
# shellcheck disable=SC2086
kill -TERM $hosts
stop teslad
assert_eq "exit status" "$status" 0
! grep -E 'ended after .*signal 15|Broken pipe' teslad.log || fail "hosts ended by the signal"

start_teslad
n=$(ctl journal | jq .exporters[0].delivered)
wait_for 20 delivered $((n + 3))
stop teslad
test "$(stat_of stored)" -ge 4 || fail "too few records"
assert_eq "records that came twice" "$(stat_of duplicates)" 0
