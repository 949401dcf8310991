#!/usr/bin/env bash
# seconds: 20; alone
# SPDX-License-Identifier: Apache-2.0
# 1,100 TCP lines in one configuration, all read; no host has descriptors beyond what select() can
# take.
. "$(dirname "$0")/../lib.sh"
requires jq

lines=1100
endpoints=()
for i in $(seq 0 $((lines - 1))); do
	endpoints+=(--tcp "127.2.$((i / 250)).$((i % 250 + 1)):0")
done
start_sim sim "${endpoints[@]}"
id=0
while IFS=' :' read -r _ _ host port; do
	device $((++id)) tcp host="$host" port="$port"
	analyzer $id $id PM710 address=1 poll_interval=5 -- TPF IPF FRE PAT
done < <(grep '^ready' sim.log)
assert_eq lines "$id" $lines
write_config
start_teslad

read_by_all() {
	ctl status | jq -e --argjson n "$1" '[.analyzers[].sweeps] | min >= $n' >/dev/null
}
wait_for 60 read_by_all 3
ctl status >status.json
jq -c '{hosts: (.hosts | length), sweeps: ([.analyzers[].sweeps] | add), missed: ([.analyzers[].missed] | add)}' status.json
assert_eq "online" "$(jq '[.analyzers[] | select(.state == "online")] | length' status.json)" $lines
assert_eq "failed sweeps" "$(jq '[.analyzers[].failed] | add' status.json)" 0
assert_eq "restarts" "$(jq '[.hosts[].restarts] | add' status.json)" 0
assert_eq "values" "$(ctl snapshot | jq '[.readings[] | select(.q | all(. == 0))] | length')" $((lines * 4))
for p in $(jq '.hosts[].pid' status.json); do
	worst=$(find "/proc/$p/fd" -mindepth 1 -printf '%f\n' | sort -n | tail -n 1)
	test "$worst" -lt 1024 || fail "host $p has descriptor $worst"
done
