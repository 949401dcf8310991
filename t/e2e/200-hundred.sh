#!/usr/bin/env bash
# seconds: 68; alone
# SPDX-License-Identifier: Apache-2.0
# 100 analyzers at 1 s, each on a TCP line of its own, for a minute: every sweep is published, k and
# n have no hole, none is missed, and each is on time.
. "$(dirname "$0")/../lib.sh"
requires jq python:zmq python:msgpack

lines=100 sweeps=60 attempts=3
endpoints=()
for i in $(seq $lines); do
	endpoints+=(--tcp "127.1.0.$i:0")
done
start_sim sim "${endpoints[@]}"
id=0
while IFS=' :' read -r _ _ host port; do
	device $((++id)) tcp host="$host" port="$port"
	analyzer $id $id PM710 address=1 -- TPF IPF FRE PAF PAT PRT FPT THDV CEA CER
done < <(grep '^ready' sim.log)
assert_eq lines "$id" $lines
write_config

swept() {
	test "$(ctl status | jq '[.analyzers[].sweeps] | min')" -ge "$1"
}
# What the core counted has been received.
received() {
	py "$top/t/e2e/peer.py" gaps seen.jsonl >gaps.json
	jq -e --argjson n "$1" '.fewest >= $n' gaps.json >/dev/null
}
run() {
	start witness py "$top/t/e2e/peer.py" witness 1000
	start_teslad
	subscribe seen reading/
	wait_for $((sweeps + 15)) swept $((sweeps + 1))
	stop witness
	wait_for 5 received $((sweeps - 2))
	ctl status >status.json
	stop seen
	stop teslad
}

for attempt in $(seq $attempts); do
	run
	late=$(tail -n 1 witness.log)
	regular=0
	py "$top/t/e2e/peer.py" regular seen.jsonl 1000 >regular.log || regular=1
	missed=$(jq '[.analyzers[].missed] | add' status.json)
	echo "witness ${late} ms late; $(tail -n 1 regular.log); missed $missed; $(cat gaps.json)"
	test "$regular,$missed" = "0,0" && break
	jq -ne "$late > 500" >/dev/null || fail "late or missed, and the witness was not: $(cat regular.log)"
	test "$attempt" -lt $attempts || fail "the machine was late $attempts times: the witness too"
	rm seen.jsonl
done
assert_eq "topics" "$(jq .topics gaps.json)" $((lines * 10))
assert_eq "holes and doubles" "$(jq -c '[.k_holes, .k_doubled, .n_holes, .n_doubled]' gaps.json)" "[0,0,0,0]"
assert_eq "failed sweeps" "$(jq '[.analyzers[].failed] | add' status.json)" 0
assert_eq "restarts" "$(jq '[.hosts[].restarts] | add' status.json)" 0
