#!/usr/bin/env bash
# seconds: 120; alone
# SPDX-License-Identifier: Apache-2.0
# A server that was down for three days: 432,000 records of 100 analyzers, then drained in order, as
# fast as the server takes them, while the 100 meters are read each second: no poll is missed, and
# nothing else waits behind the backlog.  The three days are by a test clock, without teslad: t/e2e/past
# fills the journal through the core's own windows, records and journal, at the times of 2026-11-01 to 03.
# The last minute of the outage is teslad's own: it runs, and records, against no server.
. "$(dirname "$0")/../lib.sh"
requires jq python:msgpack python:zmq
past=$(dirname "$TESLA_STAGE")/t/e2e/past
test -x "$past" || skip "t/e2e/past is not built: make check TESTS="

start_sim sim --tcp 0 --tcp 0 --tcp 0 --tcp 0 --meter '*=PM710'
port=$(free_port)
url=http://127.0.0.1:$port
touch new.jsonl
for line in 1 2 3 4; do
	device $line tcp host=127.0.0.1 port="$(sim_port sim $line)"
done
for id in $(seq 100); do
	analyzer "$id" $((id % 4 + 1)) PM710 record_interval=1 poll_interval=1 \
		export="<export id=\"new\" type=\"clientRest\" target=\"$url/api/v1\" api=\"v1\" batch=\"500\" rate=\"0\"/>" \
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
waits_at_least() {
	ctl journal | jq -e --argjson n "$1" '[.exporters[].backlog] | add >= $n' >/dev/null
}
# Until all is stored, as long as there is more each minute: how fast it goes is a matter for bench.
all_stored() {
	local n
	while n=$(wc -l <new.jsonl) && test "$n" -lt 432000; do
		wait_for 60 lines_at_least $((n + 1)) new.jsonl
	done
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
	wait_for 80 waits_at_least 432100
	start_rest new --api v1 --out "$tmp/new.jsonl" --port "$port"
	before=$(numbers)
	teslactl journal drain new >/dev/null
	all_stored
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
	touch new.jsonl
	cp -r state.full state
done
assert_eq "missed and failed polls" "$(jq -c '.[:2]' <<<"$after")" "$(jq -c '.[:2]' <<<"$before")"
py - written new.jsonl <<'END' || fail "not what was recorded, or out of order"
import collections, json, sys
want, got = collections.defaultdict(list), collections.defaultdict(list)
for line in open(sys.argv[1]):
    analyzer, end = line.split()
    want[int(analyzer)].append(int(end))
last = max(e for ends in want.values() for e in ends)
own = collections.defaultdict(list)
for line in open(sys.argv[2]):
    r = json.loads(line)
    (got if r["end_ms"] <= last else own)[r["analyzer"]].append(r["end_ms"])
print(sum(map(len, got.values())), "of", sum(map(len, want.values())), "and teslad's",
      sum(map(len, own.values())))
holes = [a for a, ends in own.items() if ends != list(range(ends[0], ends[0] + 60000 * len(ends), 60000))]
sys.exit(want != got or holes or len(own) != 100)
END
