#!/usr/bin/env bash
# seconds: 6
# SPDX-License-Identifier: Apache-2.0
# All hosts are replaced, while analyzers come, go and change their order and much is under way: the old
# hosts get nothing that is numbered anew, nothing is called broken, no record is lost or doubled, and
# the daemon is ready all the while.
. "$(dirname "$0")/../lib.sh"
requires jq curl python:zmq python:msgpack

start_sim sim --tcp 127.2.1.1:0 --tcp 127.2.1.2:0 --tcp 127.2.1.3:0 --tcp 127.2.1.4:0 --meter '*=PM710'
port=$(free_port)
start_rest rest --out "$tmp/rest.jsonl"
mkdir data
exports="<export type=\"localFile\" target=\"data\"/><export type=\"clientRest\" id=\"rest\" target=\"$(rest_url rest)\" api=\"v1\"/>"
configure() {	# analyzers, in that order
	local id
	rm -f devices.part analyzers.part
	for line in 1 2 3 4; do
		device $line tcp host=127.2.1.$line port="$(sim_port sim $line)"
	done
	for id; do
		analyzer "$id" $((id % 4 + 1)) PM710 address="$id" poll_interval=0.1 record_interval=1s \
			export="$exports" -- TPF PAT FRE
	done
	write_config
}
configure 1 2 3 4 5 6 7 8
write_ini "Metrics.listen=127.0.0.1:$port"
start_teslad
all_online() {
	ctl status | jq -e 'all(.analyzers[]; .state == "online")' >/dev/null
}
wait_for 20 all_online
ready() {
	test "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/readyz")" = 200
}
wait_for 10 ready

# Asked without a pause.
start asks bash -c "trap 'exit 0' TERM; while :; do curl -s 'http://127.0.0.1:$port/readyz'; done"
for order in "8 7 6 5 4 3 2 1" "2 4 6 8 1 3 5 7" "9 1 8 2 7 3 6 4 5" "1 2 3 4 5 6 7 8" "5 1 2 3 4 6 7 8"; do
	# shellcheck disable=SC2086
	configure $order
	py "$top/t/e2e/control.py" "$control" '{"cmd":"reload","plugins":true}' >answer || fail "$(cat answer)"
	wait_for 20 all_online
done
stop asks
assert_eq "what readyz said" "$(sort -u asks.log)" ready
! grep -E 'broken message|Broken pipe|could not be sent' teslad.log || fail "a host got what was not for it"
assert_eq "deaths" "$(ctl status | jq '[.hosts[].restarts] | add')" 0
wait_for 20 drained
stop teslad
assert_eq "records that came twice" "$(curl -s "$(rest_url rest)/stats" | jq .duplicates)" 0
