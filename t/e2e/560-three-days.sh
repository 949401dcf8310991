#!/usr/bin/env bash
# seconds: 150
# SPDX-License-Identifier: Apache-2.0
# A server that was down for three days: 432,000 records of 100 analyzers (by a test clock), then
# drained in order, as fast as the server takes them, while the 100 meters are read each second: no
# poll is missed, and nothing else waits behind the backlog.
. "$(dirname "$0")/../lib.sh"
requires jq python:msgpack python:zmq
past=$(dirname "$TESLA_STAGE")/t/e2e/past
test -x "$past" || skip "t/e2e/past is not built: make check TESTS="

start_sim sim --tcp 0 --tcp 0 --tcp 0 --tcp 0 --meter '*=PM710'
start_rest new --api v1 --out "$tmp/new.jsonl"
port=$(rest_url new)
port=${port##*:}
for line in 1 2 3 4; do
	device $line tcp host=127.0.0.1 port="$(sim_port sim $line)"
done
for id in $(seq 100); do
	analyzer "$id" $((id % 4 + 1)) PM710 record_interval=1 poll_interval=1 \
		export="<export id=\"new\" type=\"clientRest\" target=\"$(rest_url new)/api/v1\" api=\"v1\" batch=\"500\" rate=\"0\"/>" \
		-- FRE CEA
done
write_config
mkdir -p "$tmp/state"
"$past" config.xml "$TESLA_MODELDIR" "$tmp/state/journal" \
	2026-11-01T00:00:00Z 2026-11-04T00:00:00Z 30 >written
assert_eq "recorded" "$(wc -l <written)" 432000

all_online() {
	ctl status | jq -e '[.analyzers[] | select(.state == "online" and .sweeps > 2)] | length == 100' >/dev/null
}
stored() {
	test "$(wc -l <new.jsonl)" -ge 432000
}
numbers() {
	ctl status | jq -c '[([.analyzers[].missed] | add), ([.analyzers[].failed] | add), ([.analyzers[].sweeps] | add)]'
}
# Who else would be late here: a thread that sleeps to the same deadlines (DESIGN 12).  A drain in
# which the witness was late by half an interval says nothing, and is repeated.
cp -r state state.full
for try in 1 2 3; do
	start witness py "$top/t/e2e/witness.py" "$tmp/witness"
	start_teslad
	wait_for 30 all_online
	before=$(numbers)
	wait_for 120 stored
	after=$(numbers)
	wait_for 20 drained
	stop teslad
	stop witness
	late=$(cat witness)
	echo "before $before, after $after (missed, failed, sweeps); the witness was late by $late ms at most"
	test "$late" -ge 500 || break
	test $try -lt 3 || skip "this machine is late by itself"
	stop new
	rm -rf state new.jsonl
	cp -r state.full state
	start_rest new --api v1 --out "$tmp/new.jsonl" --port "$port"
done
assert_eq "missed and failed polls" "$(jq -c '.[:2]' <<<"$after")" "$(jq -c '.[:2]' <<<"$before")"
py - written new.jsonl <<'END' || fail "not what was recorded, or out of order"
import collections, json, sys
want, got = collections.defaultdict(list), collections.defaultdict(list)
for line in open(sys.argv[1]):
    analyzer, end = line.split()
    want[int(analyzer)].append(int(end))
last = max(e for ends in want.values() for e in ends)
for line in open(sys.argv[2]):
    r = json.loads(line)
    if r["end_ms"] <= last:
        got[r["analyzer"]].append(r["end_ms"])
print(sum(map(len, got.values())), "of", sum(map(len, want.values())))
sys.exit(want != got)
END
